package tocsin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// The sources of a tenant.
const (
	Falco = "falco"
	Audit = "audit"
)

// token is what the detectors show to the gateway.
const token = "a-token-for-tests"

// Sources lets the two detectors send.
func Sources(ctx context.Context, r *harness.Run) error {
	audit := builders.AlertSource(r.Namespace, Audit, func(s *v1alpha1.AlertSource) { s.Spec.Type = v1alpha1.AlertSourceKubernetesAudit })
	var err error
	for _, o := range []client.Object{Token(r), audit, builders.AlertSource(r.Namespace, Falco)} {
		err = errors.Join(err, client.IgnoreAlreadyExists(r.Client.Create(ctx, o)))
	}
	return err
}

// Token is the secret that every source of the tenant asks for.
func Token(r *harness.Run) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: "falco-token"},
		StringData: map[string]string{"token": token},
	}
}

// Answer is what the gateway said.
type Answer struct {
	Status int
	// Accepted, Suppressed and Rejected count events.
	Accepted, Suppressed, Rejected int64
	// Body is all that it said.
	Body string
}

// Sent is what the detectors of a run sent.
type Sent struct {
	// Acknowledged counts the events that were accepted or suppressed.
	Acknowledged int64
	// Unsure counts the requests whose answer was lost.
	Unsure int64
}

// SentBy returns what the detectors of the run sent so far.
func SentBy(r *harness.Run) Sent {
	value, _ := r.Memory.Load("sent")
	sent, _ := value.(Sent)
	return sent
}

// Post sends a body to the gateway. An error means that there was no answer.
func Post(ctx context.Context, r *harness.Run, source string, body []byte) (Answer, error) {
	host, _ := r.Memory.Load(address)
	url := fmt.Sprintf("http://%s/v1/sources/%s/%s", host, r.Namespace, source)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	sent := SentBy(r)
	defer func() { r.Memory.Store("sent", sent) }()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if op := (*net.OpError)(nil); !errors.As(err, &op) || op.Op != "dial" {
			sent.Unsure++
		}
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer := Answer{Status: resp.StatusCode}
	said, err := io.ReadAll(resp.Body)
	answer.Body = string(said)
	if resp.StatusCode != http.StatusAccepted {
		return answer, err
	}
	if err := errors.Join(err, json.Unmarshal(said, &answer)); err != nil {
		sent.Unsure++
		return answer, err
	}
	sent.Acknowledged += answer.Accepted + answer.Suppressed
	return answer, nil
}

// CountedOnce is what Counted says when all is well.
const CountedOnce = "every event is counted once"

// Counted says whether what the detectors sent was counted once (I1, I2): on
// the alerts or as suppressed, in the incidents, and by the sources. An event
// whose answer was lost may count or not; one in an alert that a tuning rule hides
// counts as suppressed by its source.
func Counted(r *harness.Run, v history.View) string {
	sent := SentBy(r)
	var alerts, hid, hidden, incidents, accepted, suppressed, received, parts int64
	for _, a := range history.List[*v1alpha1.Alert](v) {
		events := ptr.Deref(a.Status.Occurrences, 0)
		alerts += events
		if a.Spec.Tuning == nil || a.Spec.Tuning.Action != v1alpha1.TuningHide {
			continue
		}
		hid += events
		if a.Status.ReleasedTime == nil {
			hidden += events
		}
	}
	for _, i := range history.List[*v1alpha1.Incident](v) {
		if i.Status.RedirectedTo != "" {
			continue // it tells what it was when it was merged; its alerts count where they are now
		}
		incidents += ptr.Deref(ptr.Deref(i.Status.Counts, v1alpha1.IncidentCounts{}).Occurrences, 0)
	}
	for _, source := range history.List[*v1alpha1.AlertSource](v) {
		t := ptr.Deref(source.Status.Totals, v1alpha1.AlertSourceTotals{})
		received += ptr.Deref(t.Received, 0)
		kept := ptr.Deref(t.Accepted, 0) + ptr.Deref(t.Deduplicated, 0) + ptr.Deref(t.RolledUp, 0)
		accepted += kept
		suppressed += ptr.Deref(t.Suppressed, 0)
		parts += kept + ptr.Deref(t.Suppressed, 0) + ptr.Deref(t.Rejected, 0)
	}
	counted := accepted + suppressed
	once := counted >= sent.Acknowledged && counted <= sent.Acknowledged+sent.Unsure
	// What a process that crashed had not told the source yet is told by what the
	// alert is then: perhaps released.
	split := accepted >= alerts-hid && accepted <= alerts-hidden && suppressed >= alerts-accepted
	if once && split && incidents == alerts-hidden && parts == received {
		return CountedOnce
	}
	return fmt.Sprintf("%d events acknowledged and %d unsure; %d counted in alerts (%d were hidden, %d are), %d suppressed, %d in incidents, %d accepted by sources; %d received in all, %d in their parts",
		sent.Acknowledged, sent.Unsure, alerts, hid, hidden, suppressed, incidents, accepted, received, parts)
}
