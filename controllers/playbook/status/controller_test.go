package status_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/playbook/status"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

func TestReadiness(t *testing.T) {
	_, c := environment.Start(t)
	ctl := status.New(status.Deps{Client: c, Clock: testingclock.NewFakeClock(builders.Time)})
	for name, tc := range map[string]struct {
		reason  string
		account string
		change  func(*v1alpha1.Playbook)
		want    metav1.ConditionStatus
		why     string
		message string
	}{
		"valid": {reason: "all is there", account: "responder", want: metav1.ConditionTrue, why: "Valid", message: "Alerts that match are investigated"},
		"no automated response": {
			reason: "it says what it does", account: "responder", want: metav1.ConditionTrue, why: "Valid", message: "Alerts that match are not investigated",
			change: func(p *v1alpha1.Playbook) { p.Spec.Automation = v1alpha1.AutomationNone },
		},
		"account missing": {
			reason: "its Jobs could not start", want: metav1.ConditionFalse, why: "ServiceAccountNotFound",
			message: "serviceAccountName: there is no service account responder",
		},
		"suspended": {
			reason: "a person said so", account: "responder", want: metav1.ConditionFalse, why: "Suspended", message: "It starts no investigation while suspend is set",
			change: func(p *v1alpha1.Playbook) { p.Spec.Suspend = ptr.To(true) },
		},
		"invalid": {
			reason: "the field is named", account: "responder", want: metav1.ConditionFalse, why: "Invalid",
			message: "responses[0].ttlSeconds: only IsolatePod can be undone",
			change: func(p *v1alpha1.Playbook) {
				p.Spec.Responses = []v1alpha1.PlaybookResponse{{Name: "a", Action: v1alpha1.ActionDeletePod, TTLSeconds: ptr.To(int32(60))}}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ns := environment.Namespace(t, c)
			p := builders.Playbook(ns, "pods")
			if tc.change != nil {
				tc.change(p)
			}
			if err := c.Create(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if tc.account != "" {
				if err := c.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: tc.account}}); err != nil {
					t.Fatal(err)
				}
			}
			reconcile(t, ctl, c, p)
			got := p.Status.Conditions[0]
			if got.Status != tc.want || got.Reason != tc.why || got.Message != tc.message || *p.Status.ObservedGeneration != p.Generation {
				t.Errorf("%s: got %+v", tc.reason, got)
			}
			before := p.ResourceVersion
			if reconcile(t, ctl, c, p); p.ResourceVersion != before {
				t.Error("it writes though nothing changed")
			}
		})
	}
}

func reconcile(t *testing.T, ctl *status.Controller, c client.Client, p *v1alpha1.Playbook) {
	t.Helper()
	if _, err := ctl.Reconcile(t.Context(), p.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
		t.Fatal(err)
	}
}

func TestCounts(t *testing.T) {
	_, c := environment.Start(t)
	ctl := status.New(status.Deps{Client: c, Clock: testingclock.NewFakeClock(builders.Time)})
	ns := environment.Namespace(t, c)
	p := builders.Playbook(ns, "pods")
	if err := c.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	newest := metav1.NewTime(builders.Time.Add(time.Hour))
	for name, spec := range map[string]struct {
		playbook     v1alpha1.LocalName
		started      metav1.Time
		remediations []v1alpha1.LocalName
	}{
		"first":   {"pods", metav1.NewTime(builders.Time), []v1alpha1.LocalName{"a", "b"}},
		"second":  {"pods", newest, []v1alpha1.LocalName{"b", "c"}},
		"another": {"other", metav1.NewTime(builders.Time.Add(2 * time.Hour)), []v1alpha1.LocalName{"d"}},
	} {
		inv := builders.Investigation(ns, name, func(inv *v1alpha1.Investigation) { inv.Spec.PlaybookName = spec.playbook })
		if err := c.Create(t.Context(), inv); err != nil {
			t.Fatal(err)
		}
		inv.Status.StartTime, inv.Status.Remediations = &spec.started, spec.remediations
		if err := c.Status().Update(t.Context(), inv); err != nil {
			t.Fatal(err)
		}
	}
	reconcile(t, ctl, c, p)
	s := p.Status
	if *s.Investigations != 2 || *s.Remediations != 3 || !s.LastRunTime.Equal(&newest) {
		t.Errorf("investigations %d, remediations %d, last run %s", *s.Investigations, *s.Remediations, s.LastRunTime)
	}
}
