package status_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/tuningrule/status"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// monitoredIndex answers as the cache does by which rules alerts were monitored:
// the API server knows no such field.
func monitoredIndex(ctx context.Context, inner client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
	applied := (&client.ListOptions{}).ApplyOptions(opts)
	alerts, ok := list.(*v1alpha1.AlertList)
	if !ok || applied.FieldSelector == nil {
		return inner.List(ctx, list, opts...)
	}
	rule, indexed := applied.FieldSelector.RequiresExactMatch(kube.IndexAlertMonitored)
	if !indexed {
		return inner.List(ctx, list, opts...)
	}
	err := inner.List(ctx, list, client.InNamespace(applied.Namespace))
	alerts.Items = slices.DeleteFunc(alerts.Items, func(a v1alpha1.Alert) bool {
		return a.Spec.Tuning == nil || !slices.Contains(a.Spec.Tuning.Monitored, v1alpha1.LocalName(rule))
	})
	return err
}

// TestStatus follows a rule through its life: it monitors, hides, is about to
// expire and expires. Each is told once.
func TestStatus(t *testing.T) {
	cfg, c := environment.Start(t)
	direct, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	ns, clock, recorder := environment.Namespace(t, c), testingclock.NewFakeClock(builders.Time), events.NewFakeRecorder(100)
	ctl := status.New(status.Deps{
		Client:   interceptor.NewClient(direct, interceptor.Funcs{List: monitoredIndex}),
		Recorder: recorder, Clock: clock,
	})
	expires := builders.Time.Add(8 * 24 * time.Hour)
	rule := builders.TuningRule(ns, "noise", func(r *v1alpha1.TuningRule) {
		r.Spec.Mode, r.Spec.ExpiresAt = v1alpha1.TuningMonitor, ptr.To(metav1.NewTime(expires))
	})
	if err := c.Create(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	reconcile := func(ready, expiring string, alerts int64, again time.Duration, told ...string) {
		t.Helper()
		for second := range 2 {
			before := rule.ResourceVersion
			result, err := ctl.Reconcile(t.Context(), rule.DeepCopy())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(rule), rule); err != nil {
				t.Fatal(err)
			}
			if second == 1 && rule.ResourceVersion != before {
				t.Error("it writes though nothing has changed")
			}
			if result.RequeueAfter != again {
				t.Errorf("it comes back after %v, want %v", result.RequeueAfter, again)
			}
		}
		s := rule.Status
		if got := meta.FindStatusCondition(s.Conditions, "Ready").Reason; got != ready {
			t.Errorf("ready is %s, want %s", got, ready)
		}
		if got := meta.FindStatusCondition(s.Conditions, "Expiring").Reason; got != expiring {
			t.Errorf("expiring is %s, want %s", got, expiring)
		}
		if *s.Matches.Alerts != alerts {
			t.Errorf("%d alerts, want %d", *s.Matches.Alerts, alerts)
		}
		var got []string
		for len(recorder.Events) > 0 {
			got = append(got, <-recorder.Events)
		}
		if diff := cmp.Diff(told, got); diff != "" {
			t.Error(diff)
		}
	}
	match := func(name string, tuning *v1alpha1.AlertTuning) {
		t.Helper()
		if err := c.Create(t.Context(), builders.Alert(ns, name, func(a *v1alpha1.Alert) { a.Spec.Tuning = tuning })); err != nil {
			t.Fatal(err)
		}
	}
	edit := func(change func(*v1alpha1.TuningRuleSpec)) {
		t.Helper()
		change(&rule.Spec)
		if err := c.Update(t.Context(), rule); err != nil {
			t.Fatal(err)
		}
	}

	reconcile("Monitored", "NotSoon", 0, 24*time.Hour)
	match("monitored", &v1alpha1.AlertTuning{RuleName: "other", Action: v1alpha1.TuningResolve, Monitored: []v1alpha1.LocalName{"nights", "noise"}})
	match("of-another", &v1alpha1.AlertTuning{RuleName: "other", Action: v1alpha1.TuningHide})
	match("untouched", nil)
	reconcile("Monitored", "NotSoon", 1, 24*time.Hour)

	edit(func(s *v1alpha1.TuningRuleSpec) { s.Mode = v1alpha1.TuningEnforce })
	match("hidden", &v1alpha1.AlertTuning{RuleName: "noise", Action: v1alpha1.TuningHide})
	reconcile("Enforced", "NotSoon", 2, 24*time.Hour)
	edit(func(s *v1alpha1.TuningRuleSpec) { s.Match.Expression = "alert.servce == '%s'" })
	reconcile("Invalid", "NotSoon", 2, 24*time.Hour, "Warning Invalid spec.match.expression: line 1, column 6: undefined field 'servce'")
	edit(func(s *v1alpha1.TuningRuleSpec) { s.Match.Expression = "" })
	reconcile("Enforced", "NotSoon", 2, 24*time.Hour)

	clock.Step(24 * time.Hour)
	reconcile("Enforced", "ExpiresSoon", 2, 7*24*time.Hour,
		"Warning ExpiresSoon The rule ends at 2026-03-09T12:00:00Z; if it is to stay, set a later spec.expiresAt")
	clock.Step(6 * 24 * time.Hour)
	reconcile("Enforced", "ExpiresSoon", 2, 24*time.Hour)
	clock.Step(24 * time.Hour)
	reconcile("Expired", "Expired", 2, 0, "Normal Expired The rule has ended; new alerts are left as they are")

	if err := c.Delete(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	if _, err := ctl.Reconcile(t.Context(), rule.DeepCopy()); err != nil {
		t.Errorf("a rule that is gone: %v", err)
	}
}
