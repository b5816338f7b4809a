package faults_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/correlationpolicy/acceptance"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// TestPolicies plays the life of correlation policies: one is created, changed,
// broken and mended; a second one waits beside it and takes over.
func TestPolicies(t *testing.T) {
	harness.Suite(t, cluster(t), policies())
}

func policies() harness.Scenario {
	const first, second = "a-first", "b-second"
	set := func(name string, change func(*v1alpha1.CorrelationSettings)) func(context.Context, *harness.Run) error {
		return func(ctx context.Context, r *harness.Run) error {
			p := &v1alpha1.CorrelationPolicy{}
			if err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, p); err != nil {
				return err
			}
			change(&p.Spec.CorrelationSettings)
			return r.Client.Update(ctx, p)
		}
	}
	add := func(name string) func(context.Context, *harness.Run) error {
		return func(ctx context.Context, r *harness.Run) error {
			return create(ctx, r, builders.CorrelationPolicy(r.Namespace, name))
		}
	}
	joinBits := func(n int32) func(*v1alpha1.CorrelationSettings) {
		return func(s *v1alpha1.CorrelationSettings) { s.JoinBits, s.OptOuts = ptr.To(n), nil }
	}
	invalid := func(s *v1alpha1.CorrelationSettings) {
		s.JoinBits, s.OptOuts = ptr.To[int32](3), []v1alpha1.CorrelationOptOut{{Name: "all", Match: "true"}}
	}
	return harness.Scenario{
		Name: "policies", Process: acceptancePolicies, Quiet: time.Second,
		Steps: []harness.Step{
			{Name: "created", Do: add(first), Await: says(first, "Valid InUse 6")},
			{Name: "changed", Do: set(first, joinBits(7)), Await: says(first, "Valid InUse 7")},
			{Name: "broken", Do: set(first, invalid), Await: says(first, "Invalid InUse 7")},
			{Name: "second", Do: add(second), Await: says(second, "Valid AnotherInUse 6")},
			{Name: "mended", Do: set(first, joinBits(5)), Await: says(first, "Valid InUse 5")},
			{
				Name: "deleted",
				Do: func(ctx context.Context, r *harness.Run) error {
					return client.IgnoreNotFound(r.Client.Delete(ctx, builders.CorrelationPolicy(r.Namespace, first)))
				},
				Await: says(second, "Valid InUse 6"),
			},
		},
		Outcome: func(r *harness.Run, v history.View) any {
			out := []string{"in force: " + neverFalls(r)}
			for _, p := range history.List[*v1alpha1.CorrelationPolicy](v) {
				out = append(out, p.Name+": "+word(p))
			}
			return out
		},
		Flips: []harness.Flip{
			{
				Name: "broken and mended", Resource: ours("correlationpolicies"), After: "changed",
				Do: func(ctx context.Context, r *harness.Run) error {
					if err := set(first, invalid)(ctx, r); err != nil {
						return err
					}
					return set(first, joinBits(7))(ctx, r)
				},
			},
			{
				Name: "replaced by another of its name", Resource: ours("correlationpolicies"), After: "mended",
				Do: func(ctx context.Context, r *harness.Run) error {
					err := r.Client.Delete(ctx, builders.CorrelationPolicy(r.Namespace, first))
					if client.IgnoreNotFound(err) != nil {
						return err
					}
					return create(ctx, r, builders.CorrelationPolicy(r.Namespace, first))
				},
			},
		},
	}
}

// acceptancePolicies is a process that does nothing but accept policies.
func acceptancePolicies(p *harness.Process) (harness.Runnable, error) {
	mgr, err := ctrl.NewManager(p.Config, ctrl.Options{
		Scheme: operator.Scheme(), Logger: p.Logger,
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{p.Namespace: {}}},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		return nil, err
	}
	return mgr, acceptance.New(acceptance.Deps{
		Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("tocsin-correlationpolicy-acceptance"), Clock: clock.RealClock{},
	}).Register(mgr)
}

// word is what a policy says of itself: the reasons of its conditions, and the
// joinBits in force.
func word(p *v1alpha1.CorrelationPolicy) string {
	reason := func(conditionType string) string {
		if condition := meta.FindStatusCondition(p.Status.Conditions, conditionType); condition != nil && ptr.Deref(p.Status.ObservedGeneration, 0) == p.Generation {
			return condition.Reason
		}
		return "?"
	}
	inForce := int32(0)
	if p.Status.InForce != nil {
		inForce = ptr.Deref(p.Status.InForce.JoinBits, 0)
	}
	return fmt.Sprint(reason(v1alpha1.CorrelationPolicyConditionAccepted), " ", reason(v1alpha1.CorrelationPolicyConditionInUse), " ", inForce)
}

func says(name, want string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		p, ok := history.Get[*v1alpha1.CorrelationPolicy](v, name)
		if !ok {
			return fmt.Errorf("there is no policy %s", name)
		}
		if got := word(p); got != want {
			return fmt.Errorf("policy %s says %q, want %q", name, got, want)
		}
		return nil
	}
}

// neverFalls looks at every revision: what is in force of a policy goes forward
// only, and is never lost.
func neverFalls(r *harness.Run) string {
	newest := map[types.UID]int64{}
	for _, revision := range r.Log.Revisions() {
		p, ok := revision.Object.(*v1alpha1.CorrelationPolicy)
		if !ok {
			continue
		}
		generation := int64(0)
		if p.Status.InForce != nil {
			generation = ptr.Deref(p.Status.InForce.Generation, 0)
		}
		if generation < newest[p.UID] {
			return fmt.Sprintf("fell from generation %d to %d of %s", newest[p.UID], generation, p.Name)
		}
		newest[p.UID] = generation
	}
	return "never falls"
}
