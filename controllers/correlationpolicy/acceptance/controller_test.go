package acceptance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/correlationpolicy/acceptance"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// world is a namespace with a controller.
type world struct {
	*testing.T
	c        client.Client
	ns       string
	ctl      *acceptance.Controller
	clock    *testingclock.FakeClock
	recorder *events.FakeRecorder
}

func newWorld(t *testing.T, c client.Client) *world {
	w := &world{
		T: t, c: c, ns: environment.Namespace(t, c),
		clock: testingclock.NewFakeClock(builders.Time), recorder: events.NewFakeRecorder(100),
	}
	w.ctl = acceptance.New(acceptance.Deps{Client: c, Recorder: w.recorder, Clock: w.clock})
	return w
}

func (w *world) create(name string, change func(*v1alpha1.CorrelationPolicySpec)) *v1alpha1.CorrelationPolicy {
	w.Helper()
	p := builders.CorrelationPolicy(w.ns, name, func(p *v1alpha1.CorrelationPolicy) { change(&p.Spec) })
	if err := w.c.Create(w.Context(), p); err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) edit(p *v1alpha1.CorrelationPolicy, change func(*v1alpha1.CorrelationPolicySpec)) {
	w.Helper()
	change(&p.Spec)
	if err := w.c.Update(w.Context(), p); err != nil {
		w.Fatal(err)
	}
}

// accept reconciles a policy, sees that doing so again writes nothing, and
// returns the events.
func (w *world) accept(p *v1alpha1.CorrelationPolicy) []string {
	w.Helper()
	w.clock.Step(time.Minute)
	for again := range 2 {
		before := p.ResourceVersion
		if _, err := w.ctl.Reconcile(w.Context(), p.DeepCopy()); err != nil {
			w.Fatal(err)
		}
		if err := w.c.Get(w.Context(), client.ObjectKeyFromObject(p), p); err != nil {
			w.Fatal(err)
		}
		if again == 1 && p.ResourceVersion != before {
			w.Error("it writes though nothing has changed")
		}
	}
	var told []string
	for len(w.recorder.Events) > 0 {
		told = append(told, <-w.recorder.Events)
	}
	return told
}

// says compares a condition, and that it speaks of the spec there is.
func (w *world) says(p *v1alpha1.CorrelationPolicy, conditionType string, status metav1.ConditionStatus, reason, message string) {
	w.Helper()
	got := meta.FindStatusCondition(p.Status.Conditions, conditionType)
	if got.Status != status || got.Reason != reason || got.Message != message ||
		got.ObservedGeneration != p.Generation || *p.Status.ObservedGeneration != p.Generation {
		w.Errorf("%s: %s: got %+v", p.Name, conditionType, got)
	}
}

func (w *world) used(p *v1alpha1.CorrelationPolicy) {
	w.Helper()
	w.says(p, "InUse", metav1.ConditionTrue, "InUse", "New alerts of this namespace are correlated by it")
}

func unchanged(*v1alpha1.CorrelationPolicySpec) {}

func TestAcceptance(t *testing.T) {
	_, c := environment.Start(t)
	t.Run("a policy that says nothing", func(t *testing.T) {
		w := newWorld(t, c)
		p := w.create("default", unchanged)
		told := w.accept(p)
		w.says(p, "Accepted", metav1.ConditionTrue, "Valid", "The spec is accepted")
		w.used(p)
		if diff := cmp.Diff(convert.CorrelationInForce(1, v1alpha1.CorrelationSettings{}), p.Status.InForce); diff != "" {
			t.Error(diff)
		}
		want := []string{"Normal Accepted Generation 1 is accepted", "Normal InUse New alerts of this namespace are correlated by it"}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("edited badly and mended", func(t *testing.T) { testBadEdit(newWorld(t, c)) })
	t.Run("two policies", func(t *testing.T) { testTwo(newWorld(t, c)) })
	t.Run("lists", func(t *testing.T) { testLists(newWorld(t, c)) })
	t.Run("refused", func(t *testing.T) { testRefused(newWorld(t, c)) })
	t.Run("a view that is out of date changes nothing", func(t *testing.T) { testStale(newWorld(t, c)) })
}

// A mistake changes nothing but what is said of it.
func testBadEdit(w *world) {
	p := w.create("ours", func(s *v1alpha1.CorrelationPolicySpec) { s.JoinBits = ptr.To[int32](7) })
	w.accept(p)
	good := p.Status.InForce.DeepCopy()

	w.edit(p, func(s *v1alpha1.CorrelationPolicySpec) {
		s.JoinBits = ptr.To[int32](5)
		s.OptOuts = []v1alpha1.CorrelationOptOut{{Name: "staging", Match: "alert.servce == 'x'"}}
	})
	told := w.accept(p)
	const problem = "spec.optOuts[staging].match: line 1, column 6: undefined field 'servce' (what was accepted last, generation 1, stays in force)"
	w.says(p, "Accepted", metav1.ConditionFalse, "Invalid", problem)
	w.used(p)
	if diff := cmp.Diff(good, p.Status.InForce); diff != "" {
		w.Errorf("what is in force has changed: %s", diff)
	}
	if diff := cmp.Diff([]string{"Warning Invalid " + problem}, told); diff != "" {
		w.Error(diff)
	}

	w.edit(p, func(s *v1alpha1.CorrelationPolicySpec) { s.OptOuts[0].Match = "alert.service == 'x'" })
	told = w.accept(p)
	w.says(p, "Accepted", metav1.ConditionTrue, "Valid", "The spec is accepted")
	if got := p.Status.InForce; *got.Generation != 3 || *got.JoinBits != 5 || len(got.OptOuts) != 1 {
		w.Errorf("in force is %+v", got)
	}
	if diff := cmp.Diff([]string{"Normal Accepted Generation 3 is accepted"}, told); diff != "" {
		w.Error(diff)
	}
}

func testTwo(w *world) {
	bad := func(s *v1alpha1.CorrelationPolicySpec) {
		s.OptOuts = []v1alpha1.CorrelationOptOut{{Name: "all", Match: "true"}}
	}
	first, second, third := w.create("a", bad), w.create("b", unchanged), w.create("c", unchanged)
	w.accept(third)
	w.used(third)
	w.accept(first)
	w.says(first, "InUse", metav1.ConditionFalse, "NeverValid", "Nothing of it was accepted yet")
	if first.Status.InForce != nil {
		w.Errorf("in force is %+v", first.Status.InForce)
	}
	w.accept(second)
	w.used(second)
	told := w.accept(third)
	const another = "Policy b is in use, the oldest of this namespace; keep one policy and delete the others"
	w.says(third, "InUse", metav1.ConditionFalse, "AnotherInUse", another)
	w.says(third, "Accepted", metav1.ConditionTrue, "Valid", "The spec is accepted")
	if diff := cmp.Diff([]string{"Normal AnotherInUse " + another}, told); diff != "" {
		w.Error(diff)
	}

	w.edit(second, bad) // still the oldest that was ever valid
	w.accept(second)
	w.used(second)
	w.accept(third)
	w.says(third, "InUse", metav1.ConditionFalse, "AnotherInUse", another)

	if err := w.c.Delete(w.Context(), second); err != nil {
		w.Fatal(err)
	}
	w.accept(third)
	w.used(third)
	if _, err := w.ctl.Reconcile(w.Context(), second.DeepCopy()); err != nil {
		w.Errorf("a policy that is gone: %v", err)
	}
}

// Whatever is added, taken out or moved in lists: what is in force follows, in
// one write.
func testLists(w *world) {
	bits := func(kind v1alpha1.EntityKind) v1alpha1.EntityWeight {
		return v1alpha1.EntityWeight{Kind: kind, Bits: ptr.To[int32](3)}
	}
	optOut := func(name string, rules ...string) v1alpha1.CorrelationOptOut {
		return v1alpha1.CorrelationOptOut{Name: name, Rules: rules, Reason: name}
	}
	p := w.create("ours", unchanged)
	for _, spec := range []v1alpha1.CorrelationSettings{
		{Weights: []v1alpha1.EntityWeight{bits("User"), bits("Pod")}, OptOuts: []v1alpha1.CorrelationOptOut{optOut("d", "2", "1"), optOut("b", "3")}},
		{Weights: []v1alpha1.EntityWeight{bits("Pod"), bits("User"), bits("Node")}, OptOuts: []v1alpha1.CorrelationOptOut{optOut("b", "3"), optOut("c", "4"), optOut("d", "0", "3", "1")}},
		{Weights: []v1alpha1.EntityWeight{bits("Cluster")}, OptOuts: []v1alpha1.CorrelationOptOut{optOut("e", "1"), optOut("a", "9")}},
		{},
	} {
		w.edit(p, func(s *v1alpha1.CorrelationPolicySpec) { s.Weights, s.OptOuts = spec.Weights, spec.OptOuts })
		w.accept(p)
		if diff := cmp.Diff(convert.CorrelationInForce(p.Generation, spec), p.Status.InForce); diff != "" {
			w.Error(diff)
		}
	}
}

// What would turn correlation off is refused, with the field named.
func testRefused(w *world) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.CorrelationPolicySpec)
		want   string
	}{
		"constant": {func(s *v1alpha1.CorrelationPolicySpec) {
			s.OptOuts = []v1alpha1.CorrelationOptOut{{Name: "all", Match: "alert.service == 'x' || true"}}
		}, "spec.optOuts[all].match: comes out the same whatever the alert is: name a field of alert, such as alert.service == 'falco'"},
		"weights": {func(s *v1alpha1.CorrelationPolicySpec) {
			s.ProximateWindowSeconds = ptr.To[int32](0)
			for _, kind := range kinds {
				s.Weights = append(s.Weights, v1alpha1.EntityWeight{Kind: kind, Bits: ptr.To[int32](0)})
			}
		}, "spec.weights: all are 0 and proximateWindowSeconds is 0, so that nothing could ever join an incident"},
		"several": {func(s *v1alpha1.CorrelationPolicySpec) {
			s.OptOuts = []v1alpha1.CorrelationOptOut{{Name: "one", Match: "false"}, {Name: "two", Match: "alert.title"}}
		}, "spec.optOuts[one].match: comes out the same whatever the alert is: name a field of alert, such as alert.service == 'falco'; " +
			"spec.optOuts[two].match: must be true or false, not string"},
	} {
		p := w.create(name, tc.change)
		w.accept(p)
		w.says(p, "Accepted", metav1.ConditionFalse, "Invalid", tc.want)
		if p.Status.InForce != nil {
			w.Errorf("%s: in force is %+v", name, p.Status.InForce)
		}
	}
	long := w.create("long", func(s *v1alpha1.CorrelationPolicySpec) {
		for i := range 20 {
			s.OptOuts = append(s.OptOuts, v1alpha1.CorrelationOptOut{
				Name: "o" + strings.Repeat("x", i), Match: strings.Repeat("alert.titel + ", 70) + "''",
			})
		}
	})
	w.accept(long)
	if got := meta.FindStatusCondition(long.Status.Conditions, "Accepted").Message; len(got) > 2100 || !strings.HasPrefix(got, "spec.optOuts[o].match: line 1, ") {
		w.Errorf("%d bytes: %s", len(got), got)
	}
}

var kinds = []v1alpha1.EntityKind{
	"Pod", "Workload", "Container", "Image", "Node", "Namespace", "ServiceAccount", "Secret", "Cluster", "User",
	"Device", "Mailbox", "Process", "File", "IP", "DomainName", "URL", "MailMessage", "CloudResource",
}

func testStale(w *world) {
	p := w.create("ours", unchanged)
	stale := p.DeepCopy()
	w.edit(p, func(s *v1alpha1.CorrelationPolicySpec) { s.JoinBits = ptr.To[int32](7) })
	w.accept(p)
	if _, err := w.ctl.Reconcile(w.Context(), stale); err == nil {
		w.Error("an older view was written over a newer one")
	}
	if err := w.c.Get(w.Context(), client.ObjectKeyFromObject(p), p); err != nil || *p.Status.InForce.Generation != 2 {
		w.Errorf("%v, in force is generation %d", err, *p.Status.InForce.Generation)
	}
}
