package correlation_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// surroundings add one file to every alert, once they are known.
type surroundings struct {
	known bool
	asked []string
	// meanwhile happens while they answer.
	meanwhile func()
}

func (s *surroundings) Of(_ context.Context, tenant, account string, a model.Alert) ([]model.Entity, bool) {
	s.asked = append(s.asked, tenant+"/"+account+" about "+a.Name)
	if s.meanwhile != nil {
		s.meanwhile()
	}
	if !s.known {
		return nil, false
	}
	return []model.Entity{{Key: model.Key{Kind: model.KindFile, Name: "sha256:f"}, Role: model.RoleContextual, Category: model.CategoryEvidence}}, true
}

// enriching is a namespace with a controller, and a count of its writes.
type enriching struct {
	*testing.T
	c       client.Client
	ns      string
	clock   *clocktesting.FakePassiveClock
	cluster *surroundings
	ctl     *correlation.Controller
	writes  int
}

func newEnriching(t *testing.T, cfg *rest.Config, c client.Client) *enriching {
	e := &enriching{T: t, c: c, ns: environment.Namespace(t, c), cluster: &surroundings{known: true}}
	writing, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	e.clock = clocktesting.NewFakePassiveClock(builders.Time)
	e.ctl = correlation.New(correlation.Deps{
		Recorder: events.NewFakeRecorder(100), Clock: e.clock, Surroundings: e.cluster,
		Client: interceptor.NewClient(writing, interceptor.Funcs{
			SubResourceApply: func(ctx context.Context, inner client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				e.writes++
				return inner.SubResource(sub).Apply(ctx, obj, opts...)
			},
		}),
	})
	return e
}

// policy puts enrichment as that service account into force.
func (e *enriching) policy(account v1alpha1.LocalName) {
	e.Helper()
	p := builders.CorrelationPolicy(e.ns, "ours", func(p *v1alpha1.CorrelationPolicy) {
		p.Spec.Enrichment = &v1alpha1.CorrelationEnrichment{ServiceAccountName: account}
	})
	if err := e.c.Create(e.Context(), p); err != nil {
		e.Fatal(err)
	}
	p.Status.InForce = convert.CorrelationInForce(1, p.Spec.CorrelationSettings)
	if err := e.c.Status().Update(e.Context(), p); err != nil {
		e.Fatal(err)
	}
}

// raise creates an alert about a pod of its own, at that age, and decides on it.
func (e *enriching) raise(name string, age time.Duration) (*v1alpha1.Alert, time.Duration) {
	e.Helper()
	a := builders.Alert(e.ns, name, func(a *v1alpha1.Alert) {
		a.Spec.Source.Rule, a.Spec.Fingerprint, a.Spec.Entities[0].Name = name, name, "shop/"+name
	})
	if err := e.c.Create(e.Context(), a); err != nil {
		e.Fatal(err)
	}
	e.clock.SetTime(a.CreationTimestamp.Add(age))
	return e.decide(name)
}

func (e *enriching) decide(name string) (*v1alpha1.Alert, time.Duration) {
	e.Helper()
	key := client.ObjectKey{Namespace: e.ns, Name: name}
	result, err := e.ctl.Reconcile(e.Context(), reconcile.Request{NamespacedName: key})
	if err != nil {
		e.Fatal(err)
	}
	a := &v1alpha1.Alert{}
	if err := e.c.Get(e.Context(), key, a); err != nil {
		e.Fatal(err)
	}
	return a, result.RequeueAfter
}

func (e *enriching) incident(name string) {
	e.Helper()
	inc := builders.Incident(e.ns, name)
	if err := e.c.Create(e.Context(), inc); err != nil {
		e.Fatal(err)
	}
	e.ctl.Notice(inc)
}

func TestEnrichment(t *testing.T) {
	cfg, c := environment.Start(t)
	t.Run("nobody is asked without a policy that says so", func(t *testing.T) {
		e := newEnriching(t, cfg, c)
		if a, again := e.raise("first", 0); len(e.cluster.asked) > 0 || len(a.Status.Entities) > 0 || again != 0 {
			t.Errorf("asked: %v, entities: %v", e.cluster.asked, a.Status.Entities)
		}
	})
	t.Run("in one write with the membership that follows from it", func(t *testing.T) {
		e := newEnriching(t, cfg, c)
		e.policy("reader")
		e.raise("first", 0)
		second, again := e.raise("second", 0)
		if second.Status.IncidentName != "first" || second.Status.Links[0].Entity != "File/sha256:f" || again != 0 {
			t.Errorf("again %s: %+v", again, second.Status)
		}
		for range 2 {
			e.decide("second")
		}
		if e.writes != 2 {
			t.Errorf("%d writes for two alerts", e.writes)
		}
		want := []string{e.ns + "/reader about first", e.ns + "/reader about second"}
		if diff := cmp.Diff(want, e.cluster.asked); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nobody waits while they answer", func(t *testing.T) {
		e := newEnriching(t, cfg, c)
		e.policy("reader")
		e.cluster.meanwhile = func() {
			if e.ctl.Deciding() {
				t.Error("no other tenant's alert or merge can be decided about")
			}
		}
		if e.raise("first", 0); len(e.cluster.asked) != 1 {
			t.Errorf("asked: %v", e.cluster.asked)
		}
	})
	t.Run("known only later", func(t *testing.T) {
		e := newEnriching(t, cfg, c)
		e.policy("reader")
		e.raise("first", 0)
		e.cluster.known = false
		second, again := e.raise("second", 0)
		if second.Status.IncidentName != "second" || again != 10*time.Second {
			t.Errorf("again %s: %+v", again, second.Status)
		}
		e.incident("first")
		e.incident("second")
		e.clock.SetTime(second.CreationTimestamp.Add(40 * time.Second))
		if _, again = e.decide("second"); again != 40*time.Second || e.writes != 2 {
			t.Errorf("again %s, %d writes", again, e.writes)
		}
		e.cluster.known = true
		second, again = e.decide("second")
		if second.Status.IncidentName != "first" || len(second.Status.Entities) != 1 || again != 0 {
			t.Errorf("again %s: %+v", again, second.Status)
		}
	})
	t.Run("not known in time", func(t *testing.T) {
		e := newEnriching(t, cfg, c)
		e.policy("reader")
		if a, again := e.raise("old", 11*time.Minute); len(e.cluster.asked) > 0 || len(a.Status.Entities) > 0 || again != 0 {
			t.Errorf("asked: %v, entities: %v", e.cluster.asked, a.Status.Entities)
		}
	})
}
