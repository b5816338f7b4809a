package admission_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/tocsin-dev/tocsin/test/builders"
)

// The audit log of the API server says who decided what on which digest, and
// tells by the response code whether that was taken.
func TestAuditAnnotations(t *testing.T) {
	const prefix = "remediation-approvals.tocsin.dev/"
	r := waiting(t, alice, uniqueName("audited"))
	untouched := r.DeepCopy()
	untouched.Labels = map[string]string{"touched": "yes"}
	wantTaken(t, as(t, carol).Update(t.Context(), untouched))
	mine := untouched.DeepCopy()
	add(builders.Approval(approve, builders.Digest))(mine)
	wantTaken(t, as(t, bob).Update(t.Context(), mine))
	own := mine.DeepCopy()
	add(builders.Approval(reject, builders.Digest))(own)
	wantRefused(t, as(t, alice).Update(t.Context(), own), ownRequest)

	want := map[string]struct {
		code     int32
		decision string
	}{
		carol: {code: 200}, // decided nothing
		bob:   {code: 200, decision: "Approve"},
		alice: {code: 403, decision: "Reject"},
	}
	seen := 0
	for _, event := range auditEvents(t) {
		if event.ObjectRef.Name != r.Name || event.Verb != "update" || event.ObjectRef.Subresource != "" {
			continue
		}
		user := event.User.Username
		if event.ImpersonatedUser != nil {
			user = event.ImpersonatedUser.Username
		}
		w := want[user]
		seen++
		if event.ResponseStatus.Code != w.code {
			t.Errorf("%s: response %d, want %d", user, event.ResponseStatus.Code, w.code)
		}
		wantAnnotations := map[string]string{}
		if w.decision != "" {
			wantAnnotations = map[string]string{"approver": user, "decision": w.decision, "digest": builders.Digest}
		}
		for _, key := range []string{"approver", "decision", "digest"} {
			if got := event.Annotations[prefix+key]; got != wantAnnotations[key] {
				t.Errorf("%s: %s is %q, want %q", user, key, got, wantAnnotations[key])
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d audit events, want %d", seen, len(want))
	}
}

// auditEvents are the events of completed requests on our kinds so far.
func auditEvents(t *testing.T) []auditv1.Event {
	t.Helper()
	f, err := os.Open(auditLog)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var events []auditv1.Event
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event auditv1.Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(err)
		}
		if event.ObjectRef != nil && event.ResponseStatus != nil {
			events = append(events, event)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}
