package admission_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

const (
	approve = v1alpha1.DecisionApprove
	reject  = v1alpha1.DecisionReject
)

// The messages of refusals, as far as they do not name people.
const (
	ownRequest    = "asked for this remediation and cannot decide on it; another person must. To withdraw it set spec.cancel"
	noVerb        = `does not hold the verb "approve" on remediations.tocsin.dev/`
	onlyOnce      = "may decide once on a remediation, and cannot decide again"
	wrongDigest   = "spec.approvals: digest must be the current status.digest, " + builders.Digest + ". What would be done has changed, or was not read: look at status.plan, then decide"
	noDigest      = "spec.approvals: there is nothing to approve yet. Wait until status.digest is set"
	notYet        = "spec.approvals: the remediation does not wait for a decision yet. Wait until status.state is PendingApproval"
	ended         = "spec.approvals: the remediation takes no decision any more: status.state is "
	isCancelled   = "spec.approvals: the remediation is cancelled (spec.cancel); nothing is left to decide. Create a new one"
	atOnce        = "spec.approvals: nothing can be approved on creation. Create the remediation without approvals, wait for status.digest, then let another person decide"
	historyStays  = "spec.approvals: decisions can only be added, after the 1 that are there; none may be edited, removed or moved. Read the remediation again and append to the list"
	noRightInRBAC = "cannot update resource \"remediations\""
)

type decisionCase struct {
	reason string
	// before decided already.
	before []string
	// arrange changes the remediation after that.
	arrange func(*testing.T, *v1alpha1.Remediation) *v1alpha1.Remediation
	name    string
	user    string
	// decide appends a plain approval where it is nil.
	decide  func(*v1alpha1.Remediation)
	refused string
}

// decisionCases are decisions of one person on a remediation that Alice asked
// for, that waits for a decision and may bear decisions already.
var decisionCases = map[string]decisionCase{
	"another person approves": {reason: "that is the gate", user: bob},
	"another person rejects": {
		reason: "it opens to both sides", user: bob,
		decide: add(builders.Approval(reject, builders.Digest)),
	},
	"with a comment": {
		reason: "the reason belongs to the decision", user: bob,
		decide: add(v1alpha1.Approval{Decision: approve, Digest: builders.Digest, Comment: "seen in the logs"}),
	},
	"a second person": {reason: "one of each person", before: []string{bob}, user: carol},
	"a service account that holds the verb": {
		reason: "a chat bot may carry decisions", user: robot,
	},
	"cluster-admin": {reason: "holds every verb", user: admin},
	"by name":       {reason: "the verb may be granted for one remediation", name: daveDecide, user: dave},
	"in another's name": {
		reason: "what the client says of itself does not count", user: bob,
		decide: add(v1alpha1.Approval{Decision: approve, Digest: builders.Digest, Approver: carol, Groups: []string{"system:masters"}, Time: moment(0)}),
	},
	"while it acts": {
		reason: "a decision may stand in for one that no longer counts",
		arrange: func(t *testing.T, r *v1alpha1.Remediation) *v1alpha1.Remediation {
			return inState(t, r, v1alpha1.RemediationInProgress, builders.Digest)
		}, user: bob, decide: add(builders.Approval(reject, builders.Digest)),
	},

	"the requester": {reason: "nobody decides on their own request", user: alice, refused: `"alice" ` + ownRequest},
	"the requester, as somebody else": {
		reason: "the name is stamped before it is compared", user: alice,
		decide:  add(v1alpha1.Approval{Decision: approve, Digest: builders.Digest, Approver: bob}),
		refused: `"alice" ` + ownRequest,
	},
	"the requester rejects": {
		reason: "to withdraw is another thing, and has its own field", user: alice,
		decide: add(builders.Approval(reject, builders.Digest)), refused: `"alice" ` + ownRequest,
	},
	"without the verb": {
		reason: "update on remediations is not enough", user: playbook, refused: `user "` + playbook + `" ` + noVerb,
	},
	"with the verb on another one": {reason: "Dave may decide on one, by name", user: dave, refused: `user "dave" ` + noVerb},
	"a viewer":                     {reason: "who may not write cannot decide", user: victor, refused: noRightInRBAC},
	"Tocsin itself": {
		reason: "the operator holds automate, and not approve", user: operator, refused: `user "` + operator + `" ` + noVerb,
	},
	"twice":                {reason: "one of each person", before: []string{bob}, user: bob, refused: `"bob" ` + onlyOnce},
	"twice, after another": {reason: "not even later", before: []string{bob, carol}, user: bob, refused: `"bob" ` + onlyOnce},
	"twice in one request": {reason: "not even at once", user: bob, decide: add(builders.Approval(approve, builders.Digest), builders.Approval(approve, builders.Digest)), refused: `"bob" ` + onlyOnce},
	"a change of mind":     {reason: "a decision is not taken back", before: []string{bob}, user: bob, decide: add(builders.Approval(reject, builders.Digest)), refused: `"bob" ` + onlyOnce},
	"for oneself and another": {
		reason: "one request is of one person", user: bob,
		decide: add(builders.Approval(approve, builders.Digest),
			v1alpha1.Approval{Decision: approve, Digest: builders.Digest, Approver: carol}),
		refused: `"bob" ` + onlyOnce,
	},

	"another digest": {reason: "what is approved is what is shown", user: bob, decide: add(builders.Approval(approve, builders.OtherDigest)), refused: wrongDigest},
	"the digest before a change": {
		reason: "a change voids what was read before",
		arrange: func(t *testing.T, r *v1alpha1.Remediation) *v1alpha1.Remediation {
			return inState(t, r, v1alpha1.RemediationPendingApproval, builders.OtherDigest)
		},
		user: bob, refused: "digest must be the current status.digest, " + builders.OtherDigest,
	},
	"no digest yet": {
		reason: "there is nothing to approve",
		arrange: func(t *testing.T, r *v1alpha1.Remediation) *v1alpha1.Remediation {
			return inState(t, r, v1alpha1.RemediationPendingApproval, "")
		},
		user: bob, refused: noDigest,
	},
	"a digest of one's own": {
		reason: "status is not written together with spec", user: bob,
		decide: func(r *v1alpha1.Remediation) {
			r.Status.Digest = builders.OtherDigest
			add(builders.Approval(approve, builders.OtherDigest))(r)
		},
		refused: wrongDigest,
	},
	"not seen by Tocsin yet": {
		reason: "there is nothing to decide on",
		arrange: func(t *testing.T, r *v1alpha1.Remediation) *v1alpha1.Remediation {
			return inState(t, r, "", "")
		},
		user: bob, refused: notYet,
	},

	"cancelled": {
		reason: "what is withdrawn cannot be approved",
		arrange: func(t *testing.T, r *v1alpha1.Remediation) *v1alpha1.Remediation {
			r.Spec.Cancel = &v1alpha1.CancelRequest{Reason: "found another way"}
			wantTaken(t, as(t, alice).Update(t.Context(), r))
			return r
		},
		user: bob, refused: isCancelled,
	},
	"cancelled in the same request": {
		reason: "one or the other", user: bob,
		decide: func(r *v1alpha1.Remediation) {
			r.Spec.Cancel = &v1alpha1.CancelRequest{Reason: "found another way"}
			add(builders.Approval(approve, builders.Digest))(r)
		},
		refused: isCancelled,
	},
	"succeeded":  final(v1alpha1.RemediationSucceeded, ". To take it back set spec.undo"),
	"failed":     final(v1alpha1.RemediationFailed, ". Create a new one"),
	"timed out":  final(v1alpha1.RemediationTimeOut, ". Create a new one"),
	"called off": final(v1alpha1.RemediationCancelled, ". Create a new one"),
	"rejected":   final(v1alpha1.RemediationRejected, ". Create a new one"),
	"expired":    final(v1alpha1.RemediationExpired, ". Create a new one"),
	"undone":     final(v1alpha1.RemediationUndone, ". Create a new one"),

	"edit a decision":  {reason: "what was decided stays", before: []string{carol}, user: bob, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals[0].Decision = reject }, refused: historyStays},
	"edit an approver": {reason: "who decided stays", before: []string{carol}, user: bob, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals[0].Approver = bob }, refused: historyStays},
	"edit a digest":    {reason: "on what stays", before: []string{carol}, user: bob, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals[0].Digest = builders.OtherDigest }, refused: historyStays},
	"edit a comment":   {reason: "why stays", before: []string{carol}, user: carol, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals[0].Comment = "never mind" }, refused: historyStays},
	"edit the groups":  {reason: "with what rights stays", before: []string{carol}, user: carol, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals[0].Groups = []string{"system:masters"} }, refused: historyStays},
	"edit a time":      {reason: "when stays", before: []string{carol}, user: carol, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals[0].Time = moment(1) }, refused: historyStays},
	"remove":           {reason: "a decision is not taken back", before: []string{carol}, user: carol, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals = nil }, refused: historyStays},
	"replace": {reason: "the length alone proves nothing", before: []string{carol}, user: bob, decide: func(r *v1alpha1.Remediation) {
		r.Spec.Approvals = nil
		add(v1alpha1.Approval{Decision: reject, Digest: builders.Digest})(r)
	}, refused: historyStays},
	"insert": {reason: "the order is the history", before: []string{carol}, user: bob, decide: func(r *v1alpha1.Remediation) {
		r.Spec.Approvals = append([]v1alpha1.Approval{builders.Approval(reject, builders.Digest)}, r.Spec.Approvals...)
	}, refused: historyStays},
	"remove, by cluster-admin": {reason: "by nobody", before: []string{carol}, user: admin, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals = nil }, refused: historyStays},
	"remove, by Tocsin":        {reason: "by nobody", before: []string{carol}, user: operator, decide: func(r *v1alpha1.Remediation) { r.Spec.Approvals = nil }, refused: historyStays},
}

func final(state v1alpha1.RemediationState, advice string) decisionCase {
	return decisionCase{
		reason: "what has ended cannot be decided", user: bob,
		arrange: func(t *testing.T, r *v1alpha1.Remediation) *v1alpha1.Remediation {
			return inState(t, r, state, builders.Digest)
		},
		refused: ended + string(state) + advice,
	}
}

func add(approvals ...v1alpha1.Approval) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) { r.Spec.Approvals = append(r.Spec.Approvals, approvals...) }
}

// TestDecisions is T10 of the trust model: who may decide on what, and when.
func TestDecisions(t *testing.T) {
	for name, tc := range decisionCases {
		t.Run(name, func(t *testing.T) {
			if tc.name == "" {
				tc.name = uniqueName("rem")
			}
			r := waiting(t, alice, tc.name)
			for _, user := range tc.before {
				add(builders.Approval(approve, builders.Digest))(r)
				wantTaken(t, as(t, user).Update(t.Context(), r))
			}
			if tc.arrange != nil {
				r = tc.arrange(t, r)
			}
			before := r.DeepCopy()
			if tc.decide == nil {
				tc.decide = add(builders.Approval(approve, builders.Digest))
			}
			tc.decide(r)
			since := time.Now()
			err := as(t, tc.user).Update(t.Context(), r)
			if tc.refused != "" {
				wantRefused(t, err, tc.refused)
				if got := stored(t, r); got.ResourceVersion != before.ResourceVersion {
					t.Error("it was refused, and written all the same")
				}
				return
			}
			wantTaken(t, err)
			added := r.Spec.Approvals[len(before.Spec.Approvals)]
			if added.Approver != tc.user {
				t.Errorf("%s: the approver is %q, want %q", tc.reason, added.Approver, tc.user)
			}
			wantNow(t, added.Time, since)
			for _, group := range added.Groups {
				if group == "system:masters" && tc.user != admin {
					t.Errorf("%s: the client gave itself a group: %v", tc.reason, added.Groups)
				}
			}
			if len(added.Groups) == 0 {
				t.Errorf("%s: the groups are missing", tc.reason)
			}
		})
	}
}

// Every way to write appends a decision.
func TestDecisionsInEveryWay(t *testing.T) {
	for _, request := range requests {
		t.Run(request.name, func(t *testing.T) {
			before := waiting(t, alice, uniqueName("rem"))
			after := before.DeepCopy()
			add(builders.Approval(approve, builders.Digest))(after)
			wantTaken(t, request.send(t, bob, before, after))

			before, next := stored(t, after), stored(t, after)
			next.Spec.Approvals = []v1alpha1.Approval{
				builders.Approval(approve, builders.Digest), // Bob's, without its stamps
				builders.Approval(reject, builders.Digest),
			}
			wantTaken(t, request.send(t, carol, before, next))
			if got := next.Spec.Approvals; got[0].Approver != bob || got[0].Time == nil || len(got[0].Groups) == 0 || got[1].Approver != carol {
				t.Errorf("approvals are %v", got)
			}
		})
	}
}

func TestNoDecisionOnCreation(t *testing.T) {
	for _, user := range []string{alice, bob, admin, operator} {
		t.Run(user, func(t *testing.T) {
			r := builders.Remediation(namespace, uniqueName("rem"), approvedAtOnce)
			r.Status = v1alpha1.RemediationStatus{State: v1alpha1.RemediationPendingApproval, Digest: builders.Digest}
			wantRefused(t, as(t, user).Create(t.Context(), r), atOnce)
		})
	}
}

// Who asked for the undo may decide: only the requester may not.
func TestUndoerMayDecide(t *testing.T) {
	r := waiting(t, alice, uniqueName("rem"))
	r.Spec.Undo = &v1alpha1.UndoRequest{Reason: "not needed"}
	wantTaken(t, as(t, bob).Update(t.Context(), r))
	add(builders.Approval(reject, builders.Digest))(r)
	wantTaken(t, as(t, bob).Update(t.Context(), r))
}

// Nobody asked by name: from a time when the policies were missing. Nobody can
// say that the approver is another person.
func TestNoDecisionWithoutRequester(t *testing.T) {
	withoutPolicies(t, func() {
		r := create(t, admin, builders.Remediation(namespace, "nobody-asked"))
		if r.Spec.RequestedBy != "" {
			t.Fatalf("requestedBy is %q: the policies are in force", r.Spec.RequestedBy)
		}
		inState(t, r, v1alpha1.RemediationPendingApproval, builders.Digest)
	})
	r := stored(t, builders.Remediation(namespace, "nobody-asked"))
	add(builders.Approval(approve, builders.Digest))(r)
	wantRefused(t, as(t, bob).Update(t.Context(), r), ownRequest)
}

// Two people decide at once on what both read: the second must read again.
func TestParallelDecisions(t *testing.T) {
	r := waiting(t, alice, uniqueName("rem"))
	users := []string{bob, carol, robot}
	results := make(chan error, len(users))
	for _, user := range users {
		c, mine := as(t, user), r.DeepCopy()
		add(builders.Approval(approve, builders.Digest))(mine)
		go func() { results <- c.Update(t.Context(), mine) }()
	}
	conflicts := 0
	for range users {
		if err := <-results; apierrors.IsConflict(err) {
			conflicts++
		} else {
			wantTaken(t, err)
		}
	}
	if got := stored(t, r).Spec.Approvals; conflicts != len(users)-1 || len(got) != 1 {
		t.Errorf("%d conflicts and the decisions %v, want one decision and the rest in conflict", conflicts, got)
	}
}

// People who append without having read are all kept, each under their name;
// one who tries again and again is kept once.
func TestParallelAppends(t *testing.T) {
	r := waiting(t, alice, uniqueName("rem"))
	users := []string{bob, carol, robot, bob, carol, robot, alice, playbook}
	first := fmt.Sprintf(`[{"op":"add","path":"/spec/approvals","value":[{"decision":"Approve","digest":%q}]}]`, builders.Digest)
	wantTaken(t, as(t, admin).Patch(t.Context(), r.DeepCopy(), jsonPatch(first)))
	results := make(chan error, len(users))
	for _, user := range users {
		c, target := as(t, user), r.DeepCopy()
		body := fmt.Sprintf(`[{"op":"add","path":"/spec/approvals/-","value":{"decision":"Approve","digest":%q,"approver":"mallory"}}]`, builders.Digest)
		go func() { results <- c.Patch(t.Context(), target, jsonPatch(body)) }()
	}
	refused := 0
	for range users {
		if err := <-results; err != nil {
			if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
				t.Errorf("unexpected error: %v", err)
			}
			refused++
		}
	}
	var approvers []string
	for _, a := range stored(t, r).Spec.Approvals {
		approvers = append(approvers, a.Approver)
	}
	if len(approvers) != 4 || refused != 5 {
		t.Fatalf("decided: %v, refused: %d; want admin, Bob, Carol and the robot once each", approvers, refused)
	}
	for _, user := range []string{admin, bob, carol, robot} {
		if !strings.Contains(strings.Join(approvers, " ")+" ", user+" ") {
			t.Errorf("%s is missing from %v", user, approvers)
		}
	}
}

// A decision races with a change of what is decided: never is anything
// approved that is not what the status shows at that moment.
func TestDecisionRacesWithChange(t *testing.T) {
	for range 10 {
		r := waiting(t, alice, uniqueName("rem"))
		changed, decided := make(chan error, 1), make(chan error, 1)
		asTocsin, asBob, changing, deciding := as(t, operator), as(t, bob), r.DeepCopy(), r.DeepCopy()
		go func() {
			changed <- asTocsin.Status().Patch(t.Context(), changing,
				mergePatch(fmt.Sprintf(`{"status":{"digest":%q}}`, builders.OtherDigest)))
		}()
		go func() {
			decided <- asBob.Patch(t.Context(), deciding,
				mergePatch(fmt.Sprintf(`{"spec":{"approvals":[{"decision":"Approve","digest":%q}]}}`, builders.Digest)))
		}()
		wantTaken(t, <-changed)
		if err := <-decided; err != nil {
			wantRefused(t, err, "digest must be the current status.digest, "+builders.OtherDigest)
		} else if deciding.Status.Digest != builders.Digest {
			t.Fatalf("approved %s while the status showed %s", builders.Digest, deciding.Status.Digest)
		}
	}
}

// Nothing of what was approved can be changed afterwards.
func TestEditsAfterApproval(t *testing.T) {
	for name, tc := range map[string]struct {
		edit    func(*v1alpha1.RemediationSpec)
		refused string
	}{
		"action":             {func(s *v1alpha1.RemediationSpec) { s.Action = v1alpha1.ActionDeletePod }, "action is immutable"},
		"target":             {func(s *v1alpha1.RemediationSpec) { s.Target.Name = "db-0" }, "target is immutable"},
		"target namespace":   {func(s *v1alpha1.RemediationSpec) { s.Target.Namespace = "kube-system" }, "target is immutable"},
		"target UID":         {func(s *v1alpha1.RemediationSpec) { s.Target.UID = "another" }, "target is immutable"},
		"service account":    {func(s *v1alpha1.RemediationSpec) { s.ServiceAccountName = "root" }, "serviceAccountName is immutable"},
		"approval mode":      {func(s *v1alpha1.RemediationSpec) { s.Approval = v1alpha1.ApprovalAutomatic }, "approval is immutable"},
		"reason":             {func(s *v1alpha1.RemediationSpec) { s.Reason = "because" }, "reason is immutable"},
		"time to live":       {func(s *v1alpha1.RemediationSpec) { ttl := int32(60); s.TTLSeconds = &ttl }, "ttlSeconds is immutable"},
		"incident":           {func(s *v1alpha1.RemediationSpec) { s.IncidentName = "another" }, "incidentName is immutable"},
		"investigation":      {func(s *v1alpha1.RemediationSpec) { s.InvestigationName = "another" }, "investigationName is immutable"},
		"requester":          {func(s *v1alpha1.RemediationSpec) { s.RequestedBy = carol }, "requestedBy is immutable"},
		"requester left out": {func(s *v1alpha1.RemediationSpec) { s.RequestedBy = "" }, ""}, // put back
	} {
		t.Run(name, func(t *testing.T) {
			r := waiting(t, alice, uniqueName("rem"))
			add(builders.Approval(approve, builders.Digest))(r)
			wantTaken(t, as(t, bob).Update(t.Context(), r))
			tc.edit(&r.Spec)
			for _, user := range []string{alice, bob, operator} {
				err := as(t, user).Update(t.Context(), r.DeepCopy())
				if tc.refused != "" {
					wantRefused(t, err, tc.refused)
				} else {
					wantTaken(t, err)
				}
			}
			if got := stored(t, r).Spec.RequestedBy; got != alice {
				t.Errorf("requestedBy is %q, want alice", got)
			}
		})
	}
}
