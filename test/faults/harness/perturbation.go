package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

// Perturbation is what goes wrong in a run.
type Perturbation struct {
	// Name is unique within a scenario.
	Name string
	// Fault spoils a write.
	Fault wire.Fault
	// Before is called before each step, Meanwhile once it was done and is not
	// yet awaited, After when it has had its effect. They serve one run.
	Before    func(*Run, Step)
	Meanwhile func(context.Context, *Run, Step)
	After     func(context.Context, *Run, Step) error
	// End is called after the last step.
	End func(*Run)
	// Outcome is set where the run comes to something else than the undisturbed one.
	Outcome func(undisturbed any) any

	// always says that every run comes to disturb something.
	always bool
}

// fires reports whether a run in which it disturbed nothing shows nothing. A flow
// can end before write k, and a kind can have nothing new in a step.
func (p Perturbation) fires() bool {
	return p.Fault.Effect != wire.Nothing && p.Fault.Number == 0 || p.always
}

// Undisturbed is a run in which nothing goes wrong.
var Undisturbed = Perturbation{Name: "undisturbed"}

// spoilings are the ways to spoil write k, by the names in the list of
// perturbations.
var spoilings = []struct {
	name   string
	effect func(k int) wire.Effect
}{
	{"P1 crash before", func(int) wire.Effect { return wire.CrashBefore }},
	{"P2 crash after", func(int) wire.Effect { return wire.CrashAfter }},
	{"P3 ambiguous", func(k int) wire.Effect { return []wire.Effect{wire.TimeOut, wire.BadGateway}[k%2] }},
}

// lull is how long a process must have written nothing to be done for now, and
// staleFor how long that is waited for.
const (
	lull     = 300 * time.Millisecond
	staleFor = 3 * time.Second
)

// Stale shows the process nothing new of the kind, from the step on for as long
// as the steps have their effect all the same.
func Stale(resource schema.GroupResource, from string) Perturbation {
	holding := false
	release := func(r *Run) {
		holding = false
		r.Wire.Release(resource)
	}
	return Perturbation{
		Name: fmt.Sprintf("%s from %s", resource, from),
		Before: func(r *Run, step Step) {
			if step.Name == from {
				holding = true
				r.Wire.Hold(resource)
			}
		},
		Meanwhile: func(ctx context.Context, r *Run, step Step) {
			if holding && !r.effective(ctx, step) {
				release(r)
			}
		},
		End: release,
	}
}

// effective waits until the step has its effect, or the process has nothing to
// write any more for now.
func (r *Run) effective(ctx context.Context, step Step) bool {
	clk := clock.RealClock{}
	start, met := clk.Now(), false
	_ = wait.PollUntilContextTimeout(ctx, pollInterval, staleFor, true, func(context.Context) (bool, error) {
		met = step.Await == nil || step.Await(r, r.Log.View()) == nil
		return met || clk.Since(start) > lull && clk.Since(r.Wire.LastWrite()) > lull, nil
	})
	return met
}

// Conflicting tells every first update of every object that somebody else wrote.
func Conflicting() Perturbation {
	return Perturbation{Name: "at first attempts", Fault: wire.Fault{Effect: wire.Conflict, Class: wire.State}}
}

// Overloaded tells every first update of every object to come again in a second.
func Overloaded() Perturbation {
	return Perturbation{Name: "429 at first attempts", Fault: wire.Fault{Effect: wire.TooManyRequests, Class: wire.State}}
}

// Leaderless tells every first update of every object that etcd cannot store it.
func Leaderless() Perturbation {
	return Perturbation{Name: "500 at first attempts", Fault: wire.Fault{Effect: wire.InternalError, Class: wire.State}}
}

// meddleEvery is how often the meddler labels an object.
const meddleEvery = 25 * time.Millisecond

// Meddled has somebody else write to one object after the other, in random
// order, for as long as the steps go on: what the process reads is often old, and
// it is told of everything again and again.
func Meddled() Perturbation {
	var stop context.CancelFunc
	var ended chan struct{}
	return Perturbation{
		Name: "of a meddler",
		Meanwhile: func(ctx context.Context, r *Run, _ Step) {
			if stop != nil {
				return
			}
			ctx, stop = context.WithCancel(ctx)
			ended = make(chan struct{})
			go func() {
				defer close(ended)
				r.meddle(ctx)
			}()
		},
		End: func(*Run) {
			stop()
			<-ended
		},
	}
}

// meddle labels objects of ours until the context ends.
func (r *Run) meddle(ctx context.Context) {
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(meddleEvery):
		}
		var ours []client.Object
		for _, o := range r.Log.View().All() {
			switch o.(type) {
			case *v1alpha1.Alert, *v1alpha1.Incident:
				ours = append(ours, o)
			}
		}
		if len(ours) == 0 {
			continue
		}
		o := ours[rand.IntN(len(ours))].DeepCopyObject().(client.Object)
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{"meddled":"%d"}}}`, n)
		_ = r.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch)) // gone meanwhile: as well
	}
}

// Unobserved does the flip while the process sees nothing of the kind, and
// then makes it list the kind anew.
func Unobserved(flip Flip) Perturbation {
	return Perturbation{
		Name: flip.Name,
		After: func(ctx context.Context, r *Run, step Step) error {
			if step.Name != flip.After {
				return nil
			}
			r.Wire.Hold(flip.Resource)
			defer r.Wire.Expire(flip.Resource)
			return r.insist(ctx, flip.Do)
		},
		Outcome: flip.Outcome,
		always:  true,
	}
}
