package harness

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

// Perturbation is what goes wrong in a run.
type Perturbation struct {
	// Name is unique within a scenario.
	Name string
	// Fault spoils a write.
	Fault wire.Fault
	// Before is called before each step, Meanwhile once it was done and is not
	// yet awaited, After when it has had its effect.
	Before    func(*Run, Step)
	Meanwhile func(context.Context, *Run, Step)
	After     func(context.Context, *Run, Step) error
	// Outcome is set where the run comes to something else than the undisturbed one.
	Outcome func(undisturbed any) any
}

// Undisturbed is a run in which nothing goes wrong.
var Undisturbed = Perturbation{Name: "undisturbed"}

// effects are the ways to spoil a write, by the names in the list of perturbations.
var effects = []struct {
	name   string
	effect wire.Effect
}{
	{"P1 crash before", wire.CrashBefore},
	{"P2 crash after", wire.CrashAfter},
	{"P3 time-out", wire.TimeOut},
	{"P3 bad gateway", wire.BadGateway},
}

// staleFor is how long a process works on a stale view at most, and lull how
// long it must have written nothing to be done with it.
const (
	staleFor = 2 * time.Second
	lull     = 300 * time.Millisecond
)

// Stale shows the process nothing new of the kind while it digests the step.
func Stale(resource schema.GroupResource, during string) Perturbation {
	return Perturbation{
		Name: fmt.Sprintf("%s during %s", resource, during),
		Before: func(r *Run, step Step) {
			if step.Name == during {
				r.Wire.Hold(resource)
			}
		},
		Meanwhile: func(ctx context.Context, r *Run, step Step) {
			if step.Name == during {
				r.lull(ctx)
				r.Wire.Release(resource)
			}
		},
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
	}
}

// lull waits until the process has nothing to write any more for now.
func (r *Run) lull(ctx context.Context) {
	clk := clock.RealClock{}
	start := clk.Now()
	_ = wait.PollUntilContextTimeout(ctx, pollInterval, staleFor, true, func(context.Context) (bool, error) {
		return clk.Since(start) > lull && clk.Since(r.Wire.LastWrite()) > lull, nil
	})
}
