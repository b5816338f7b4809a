package admission_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

const (
	needsIngest       = `spec.ingestion: is set by Tocsin and needs the verb "ingest" on alerts.tocsin.dev in namespace ` + namespace + `, which user "`
	tuningNeedsIngest = `spec.tuning: is set by Tocsin and needs the verb "ingest" on alerts.tocsin.dev in namespace ` + namespace + `, which user "`
)

func ingested(a *v1alpha1.Alert) {
	a.Spec.Ingestion = &v1alpha1.AlertIngestion{
		SpoolPosition: v1alpha1.SpoolPosition{Spool: "0123456789abcdef", Position: ptr.To[int64](1 << 40)},
		AlertRate:     v1alpha1.AlertRate{MinuteTime: ptr.To(metav1.NewTime(builders.Time)), MinuteEvents: ptr.To[int64](1)},
	}
}

func hidden(a *v1alpha1.Alert) {
	a.Spec.Tuning = &v1alpha1.AlertTuning{RuleName: "debugging", Action: v1alpha1.TuningHide}
}

func resolved(a *v1alpha1.Alert) {
	a.Spec.Tuning = &v1alpha1.AlertTuning{RuleName: "debugging", Action: v1alpha1.TuningResolve}
}

func byHand(*v1alpha1.Alert) {}

// ingestionCases create alerts, some of which pretend to be made of an event, or
// tuned.
var ingestionCases = map[string]struct {
	reason  string
	user    string
	alert   func(*v1alpha1.Alert)
	refused string
}{
	"Tocsin":                   {reason: "holds the verb", user: operator, alert: ingested},
	"cluster-admin":            {reason: "holds every verb", user: admin, alert: ingested},
	"a responder":              {reason: "could make the gateway leave events out", user: alice, alert: ingested, refused: needsIngest + alice},
	"a playbook's own account": {reason: "does not receive events", user: playbook, alert: ingested, refused: needsIngest + playbook},
	"Tocsin, hidden":           {reason: "holds the verb", user: operator, alert: hidden},
	"a responder, hidden":      {reason: "could keep an alert from everybody", user: alice, alert: hidden, refused: tuningNeedsIngest + alice},
	"a responder, resolved":    {reason: "says so by triage", user: alice, alert: resolved, refused: tuningNeedsIngest + alice},
	"a playbook's, hidden":     {reason: "does not receive events", user: playbook, alert: hidden, refused: tuningNeedsIngest + playbook},
	"by hand":                  {reason: "needs no verb besides create", user: alice, alert: byHand},
}

func TestIngestion(t *testing.T) {
	for name, tc := range ingestionCases {
		t.Run(name, func(t *testing.T) {
			err := as(t, tc.user).Create(t.Context(), builders.Alert(namespace, uniqueName("alert"), tc.alert))
			if tc.refused != "" {
				wantRefused(t, err, tc.refused)
				return
			}
			wantTaken(t, err)
		})
	}
}

// An alert made by hand does not become another one later.
func TestIngestionIsNotAddedLater(t *testing.T) {
	a := create(t, alice, builders.Alert(namespace, uniqueName("alert")))
	ingested(a)
	const refused = "ingestion, tuning and rollUp can be neither added nor removed"
	wantRefused(t, as(t, alice).Update(t.Context(), a), refused)
	a.Spec.Ingestion = nil
	hidden(a)
	wantRefused(t, as(t, alice).Update(t.Context(), a), refused)
}
