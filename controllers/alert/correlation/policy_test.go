package correlation_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// TestPolicyInUse: each alert is put where what is in force at its time says,
// and stays there whatever is in force later, also over a restart.
func TestPolicyInUse(t *testing.T) {
	_, c := environment.Start(t)
	ns := environment.Namespace(t, c)
	start := func() *correlation.Controller {
		return correlation.New(correlation.Deps{
			Client: c, Recorder: events.NewFakeRecorder(100), Clock: clocktesting.NewFakePassiveClock(builders.Time),
		})
	}
	apart := v1alpha1.CorrelationSettings{
		JoinBits: ptr.To[int32](32), MergeBits: ptr.To[int32](32),
		Weights: []v1alpha1.EntityWeight{{Kind: "Pod", Bits: ptr.To[int32](0)}},
	}
	ctl, n := start(), 0
	// raise correlates one more alert, about that pod.
	raise := func(pod, want string) {
		t.Helper()
		n++
		name := fmt.Sprint("alert-", n)
		at := metav1.NewMicroTime(builders.Time.Add(time.Duration(10*n) * time.Second))
		a := builders.Alert(ns, name, func(a *v1alpha1.Alert) {
			a.Spec.Source.Rule, a.Spec.Fingerprint = name, name
			a.Spec.Entities[0].Name = "shop/" + pod
			a.Spec.FirstActivityTime, a.Spec.LastActivityTime = at, at
		})
		if err := c.Create(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if _, err := ctl.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(a)}); err != nil {
			t.Fatal(err)
		}
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(a), a); err != nil || string(a.Status.IncidentName) != want {
			t.Errorf("%s is in %s (%v), want %s", name, a.Status.IncidentName, err, want)
		}
	}
	put := func(p *v1alpha1.CorrelationPolicy, inForce *v1alpha1.CorrelationPolicyInForce) {
		t.Helper()
		p.Status.InForce = inForce
		if err := c.Status().Update(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}

	raise("a", "alert-1")
	raise("a", "alert-1") // by the defaults
	p := builders.CorrelationPolicy(ns, "ours", func(p *v1alpha1.CorrelationPolicy) { p.Spec.CorrelationSettings = apart })
	if err := c.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	raise("a", "alert-1") // not accepted yet
	put(p, convert.CorrelationInForce(1, apart))
	raise("a", "alert-4")
	p.Spec.CorrelationSettings = v1alpha1.CorrelationSettings{}
	if err := c.Update(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	raise("a", "alert-5") // the spec does not count before it is accepted
	ctl = start()
	raise("a", "alert-6") // nor to a new process
	before := members(t, c, ns)

	put(p, convert.CorrelationInForce(2, v1alpha1.CorrelationSettings{}))
	raise("b", "alert-7")
	raise("b", "alert-7")
	put(p, convert.CorrelationInForce(3, apart))
	raise("b", "alert-9")
	if err := c.Delete(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	raise("c", "alert-10")
	raise("c", "alert-10") // the defaults again

	for name := range before {
		if _, err := ctl.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	after := members(t, c, ns)
	maps.DeleteFunc(after, func(name, _ string) bool { return before[name] == "" })
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("another policy has moved alerts: %s", diff)
	}
}

// members are the incidents of all alerts.
func members(t *testing.T, c client.Client, ns string) map[string]string {
	t.Helper()
	var list v1alpha1.AlertList
	if err := c.List(t.Context(), &list, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, a := range list.Items {
		out[a.Name] = string(a.Status.IncidentName)
	}
	return out
}
