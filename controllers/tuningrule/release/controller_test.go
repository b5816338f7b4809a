package release_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/tuningrule/release"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// world is a namespace with a rule, what it has hidden, and a controller.
type world struct {
	*testing.T
	c        client.Client
	rule     *v1alpha1.TuningRule
	ctl      *release.Controller
	clock    *testingclock.FakeClock
	recorder *events.FakeRecorder
}

// newWorld has a rule that hides shells in staging and releases them, and one
// alert of these, one of a kind that it does not mean, and two of other rules.
func newWorld(t *testing.T, c client.Client, change ...func(*v1alpha1.TuningRuleSpec)) *world {
	w := &world{T: t, c: c, clock: testingclock.NewFakeClock(builders.Time), recorder: events.NewFakeRecorder(100)}
	w.ctl = release.New(release.Deps{Client: c, Live: c, Recorder: w.recorder, Clock: w.clock})
	w.rule = builders.TuningRule(environment.Namespace(t, c), "noise", func(r *v1alpha1.TuningRule) {
		r.Spec.Match.Expression = "alert.entities.exists(e, e.namespace == 'staging')"
		r.Spec.HiddenAlerts = v1alpha1.HiddenAlertsRelease
		for _, change := range change {
			change(&r.Spec)
		}
	})
	w.create(w.rule)
	w.hide("meant", func(a *v1alpha1.Alert) { a.Spec.Entities[0].Name = "staging/web-0" })
	w.hide("of-another", func(a *v1alpha1.Alert) { a.Spec.Tuning.RuleName = "another" })
	w.hide("resolved", func(a *v1alpha1.Alert) { a.Spec.Tuning.Action = v1alpha1.TuningResolve })
	return w
}

func (w *world) create(object client.Object) {
	w.Helper()
	if err := w.c.Create(w.Context(), object); err != nil {
		w.Fatal(err)
	}
}

func (w *world) hide(name string, change func(*v1alpha1.Alert)) {
	w.Helper()
	w.create(builders.Alert(w.rule.Namespace, name, func(a *v1alpha1.Alert) {
		a.Spec.Tuning = &v1alpha1.AlertTuning{RuleName: "noise", Action: v1alpha1.TuningHide}
		change(a)
	}))
}

func (w *world) edit(change func(*v1alpha1.TuningRuleSpec)) {
	w.Helper()
	change(&w.rule.Spec)
	if err := w.c.Update(w.Context(), w.rule); err != nil {
		w.Fatal(err)
	}
}

// delete deletes the rule, which stays for now.
func (w *world) delete() {
	w.Helper()
	if err := w.c.Delete(w.Context(), w.rule); err != nil {
		w.Fatal(err)
	}
	if err := w.c.Get(w.Context(), client.ObjectKeyFromObject(w.rule), w.rule); err != nil {
		w.Fatalf("it is gone, and what it has hidden stays so for ever: %v", err)
	}
}

// reconcile does so once, and reads the rule again; false where it is gone.
func (w *world) reconcile() (reconcile.Result, bool) {
	w.Helper()
	result, err := w.ctl.Reconcile(w.Context(), w.rule.DeepCopy())
	if err != nil {
		w.Fatal(err)
	}
	err = w.c.Get(w.Context(), client.ObjectKeyFromObject(w.rule), w.rule)
	if client.IgnoreNotFound(err) != nil {
		w.Fatal(err)
	}
	return result, err == nil
}

// wantReleased compares which alerts are released, and when.
func (w *world) wantReleased(want map[string]time.Time) {
	w.Helper()
	var list v1alpha1.AlertList
	if err := w.c.List(w.Context(), &list, client.InNamespace(w.rule.Namespace)); err != nil {
		w.Fatal(err)
	}
	got := map[string]time.Time{}
	for _, a := range list.Items {
		if a.Status.ReleasedTime != nil {
			got[a.Name] = a.Status.ReleasedTime.UTC()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("released: %s", diff)
	}
}

func (w *world) wantEvents(want ...string) {
	w.Helper()
	var got []string
	for len(w.recorder.Events) > 0 {
		got = append(got, <-w.recorder.Events)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Error(diff)
	}
}

func (w *world) wantHeld(want bool) {
	w.Helper()
	if held := len(w.rule.Finalizers) == 1 && w.rule.Finalizers[0] == "tocsin.dev/release-hidden-alerts"; held != want {
		w.Errorf("the finalizers are %v", w.rule.Finalizers)
	}
}

var (
	nothing = map[string]time.Time{}
	meant   = map[string]time.Time{"meant": builders.Time}
)

func TestRelease(t *testing.T) {
	_, c := environment.Start(t)
	t.Run("when the rule hides no longer", func(t *testing.T) { testChanges(t, c) })
	t.Run("some at a time", func(t *testing.T) { testMany(newWorld(t, c)) })
	t.Run("once", func(t *testing.T) { testOnce(newWorld(t, c)) })
	t.Run("when the rule is deleted", func(t *testing.T) { testDeleted(newWorld(t, c)) })
	t.Run("not when the rule is deleted and keeps", func(t *testing.T) { testKept(newWorld(t, c)) })
	t.Run("before a deleted rule goes, also what the cache does not know", func(t *testing.T) { testLagging(newWorld(t, c)) })
	t.Run("when the rule has expired", func(t *testing.T) { testExpired(newWorld(t, c)) })
	t.Run("not from a view that is out of date", func(t *testing.T) { testStale(newWorld(t, c)) })
	t.Run("from a rule that is held in spite of such a view", func(t *testing.T) { testHeld(newWorld(t, c)) })
}

// testHeld: a rule is held before it can be deleted, also while the cache does not
// show what else was written of it.
func testHeld(w *world) {
	old := w.rule.DeepCopy()
	w.rule.Labels = map[string]string{"team": "shop"}
	if err := w.c.Update(w.Context(), w.rule); err != nil {
		w.Fatal(err)
	}
	w.rule = old
	w.reconcile()
	w.wantHeld(true)
	if team := w.rule.Labels["team"]; team != "shop" {
		w.Errorf("the label became %q", team)
	}
}

func testChanges(t *testing.T, c client.Client) {
	for name, tc := range map[string]struct {
		reason string
		change func(*v1alpha1.TuningRuleSpec)
		want   map[string]time.Time
	}{
		"the reason is changed": {"it still hides it", func(s *v1alpha1.TuningRuleSpec) { s.Reason = "Another" }, nothing},
		"it means others":       {"not this one", func(s *v1alpha1.TuningRuleSpec) { s.Match.Expression = "alert.severity == 'Low'" }, meant},
		"it fails":              {"it would not be hidden today", func(s *v1alpha1.TuningRuleSpec) { s.Match.Expression = "alert.entities[7].kind == 'Pod'" }, meant},
		"it is misspelt":        {"a mistake brings nothing back", func(s *v1alpha1.TuningRuleSpec) { s.Match.Expression = "alert.servce == 'x'" }, nothing},
		"it is suspended":       {"out of force", func(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(true) }, meant},
		"it monitors":           {"it only counts", func(s *v1alpha1.TuningRuleSpec) { s.Mode = v1alpha1.TuningMonitor }, meant},
		"it keeps": {"it says so", func(s *v1alpha1.TuningRuleSpec) {
			s.Suspend, s.HiddenAlerts = ptr.To(true), v1alpha1.HiddenAlertsKeep
		}, nothing},
		"it resolves": {"nothing is said of what it hid", func(s *v1alpha1.TuningRuleSpec) {
			s.Action, s.HiddenAlerts = v1alpha1.TuningResolve, ""
		}, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c)
			w.reconcile()
			w.wantReleased(nothing)
			w.wantHeld(true)
			w.edit(tc.change)
			w.reconcile()
			w.wantReleased(tc.want)
			w.wantHeld(w.rule.Spec.HiddenAlerts == v1alpha1.HiddenAlertsRelease)
			if len(tc.want) == 0 {
				w.wantEvents()
				return
			}
			w.wantEvents("Normal Released 1 hidden alerts are released")
		})
	}
}

// An alert that is released stays so, from when it was.
func testOnce(w *world) {
	w.edit(func(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(true) })
	w.reconcile()
	for _, suspend := range []bool{true, false, true} {
		w.clock.Step(time.Minute)
		w.edit(func(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(suspend) })
		if result, _ := w.reconcile(); !result.IsZero() {
			w.Errorf("it comes back after %v", result.RequeueAfter)
		}
	}
	w.wantReleased(meant)
	w.wantEvents("Normal Released 1 hidden alerts are released")
}

func testMany(w *world) {
	for i := range 119 {
		w.hide(fmt.Sprintf("many-%03d", i), func(*v1alpha1.Alert) {})
	}
	w.edit(func(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(true) })
	for _, left := range []bool{true, true, false} {
		if result, _ := w.reconcile(); (result.RequeueAfter > 0) != left {
			w.Errorf("it comes back after %v, want that: %t", result.RequeueAfter, left)
		}
	}
	w.wantEvents("Normal Released 100 hidden alerts are released", "Normal Released 20 hidden alerts are released")
}

// A deleted rule goes when all is released, and not before replicas whose view
// lags have stopped to hide by it.
func testDeleted(w *world) {
	w.reconcile()
	w.delete()
	w.clock.SetTime(w.rule.DeletionTimestamp.Add(time.Second))
	w.reconcile()
	w.wantReleased(map[string]time.Time{"meant": w.clock.Now().UTC()})
	result, there := w.reconcile()
	if !there || result.RequeueAfter != 4*time.Second {
		w.Fatalf("there: %t, it comes back after %v", there, result.RequeueAfter)
	}
	w.clock.Step(4 * time.Second)
	w.hide("late", func(a *v1alpha1.Alert) { a.Spec.Entities[0].Name = "staging/web-0" })
	if _, there := w.reconcile(); !there {
		w.Error("it is gone before all is released")
	}
	if _, there := w.reconcile(); there {
		w.Errorf("it is stuck, with finalizers %v", w.rule.Finalizers)
	}
	w.wantEvents("Normal Released 1 hidden alerts are released", "Normal Released 1 hidden alerts are released")
	if _, err := w.ctl.Reconcile(w.Context(), w.rule.DeepCopy()); err != nil {
		w.Errorf("a rule that is gone: %v", err)
	}
}

// lagging is a client whose cache knows no alert yet.
type lagging struct{ client.Client }

func (l lagging) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func testLagging(w *world) {
	w.reconcile()
	w.delete()
	behind := release.New(release.Deps{Client: lagging{w.c}, Live: w.c, Recorder: w.recorder, Clock: w.clock})
	result, err := behind.Reconcile(w.Context(), w.rule.DeepCopy())
	if err != nil || result.IsZero() {
		w.Errorf("it does not come back: %v, %v", result, err)
	}
	w.reconcile()
	if _, there := w.reconcile(); there {
		w.Errorf("it is stuck, with finalizers %v", w.rule.Finalizers)
	}
	w.wantReleased(meant)
}

func testKept(w *world) {
	w.reconcile()
	w.edit(func(s *v1alpha1.TuningRuleSpec) { s.HiddenAlerts = v1alpha1.HiddenAlertsKeep })
	w.delete()
	if _, there := w.reconcile(); there {
		w.Errorf("it is stuck, with finalizers %v", w.rule.Finalizers)
	}
	w.wantReleased(nothing)
}

func testExpired(w *world) {
	w.edit(func(s *v1alpha1.TuningRuleSpec) { s.ExpiresAt = ptr.To(metav1.NewTime(builders.Time.Add(time.Hour))) })
	if result, _ := w.reconcile(); result.RequeueAfter != time.Hour {
		w.Errorf("it comes back after %v, want an hour", result.RequeueAfter)
	}
	w.wantReleased(nothing)
	w.clock.Step(time.Hour)
	w.reconcile()
	w.wantReleased(map[string]time.Time{"meant": builders.Time.Add(time.Hour)})
	if result, _ := w.reconcile(); !result.IsZero() {
		w.Errorf("it comes back after %v", result.RequeueAfter)
	}
}

// What a newer version of the rule hides is not released by an older one.
func testStale(w *world) {
	w.edit(func(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(true) })
	old := w.rule.DeepCopy()
	w.edit(func(s *v1alpha1.TuningRuleSpec) { s.Suspend = nil })
	old.Finalizers = []string{"tocsin.dev/release-hidden-alerts"} // or it fails on writing that
	if _, err := w.ctl.Reconcile(w.Context(), old); !apierrors.IsConflict(err) {
		w.Errorf("got %v, want a conflict", err)
	}
	w.wantReleased(nothing)
	w.wantEvents()
}
