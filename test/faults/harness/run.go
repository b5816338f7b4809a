package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/invariant"
	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

const (
	stepTimeout     = 60 * time.Second // many runs share the processors
	convergeTimeout = 60 * time.Second // I13
	defaultQuiet    = 2 * time.Second
	pollInterval    = 20 * time.Millisecond
)

// Result is what a run came to.
type Result struct {
	Outcome any
	// Wire has the writes, and the one that was spoiled.
	Wire *wire.Wire
	// Duration of the whole run.
	Duration time.Duration
}

// Try plays the scenario once under the perturbation. Want is the outcome of
// the undisturbed run; nil takes any.
func (c *Cluster) Try(ctx context.Context, s Scenario, p Perturbation, want any) (*Result, error) {
	clk := clock.RealClock{}
	start := clk.Now()
	r, err := c.newRun(ctx, p)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(r.Dir) }()
	defer c.recorder.Forget(r.Namespace)
	result := &Result{Wire: r.Wire}
	err = c.play(ctx, s, p, r, want, result)
	result.Duration = clk.Since(start)
	if err == nil && p.fires() && !r.Wire.Disturbed() {
		err = errors.New("nothing was disturbed: this run shows nothing")
	}
	if err != nil {
		return result, r.explain(err, c.logs)
	}
	return result, nil
}

// Base plays the scenario undisturbed. All else is compared with what it comes to, so
// it waits long for a last write, also where the machine is busy with other runs.
func (c *Cluster) Base(ctx context.Context, s Scenario) (*Result, error) {
	s.Quiet = max(s.Quiet, defaultQuiet)
	return c.Try(ctx, s, Undisturbed, nil)
}

func (c *Cluster) newRun(ctx context.Context, p Perturbation) (*Run, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	if err := c.Client.Create(ctx, namespace); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", namespace.Name)
	if err != nil {
		return nil, err
	}
	return &Run{
		Namespace: namespace.Name, Config: c.Config, Client: c.Client, Dir: dir,
		Log:  c.recorder.Log(namespace.Name),
		Wire: wire.New(clock.RealClock{}, p.Fault),
		logs: newLogBuffer(maxLogLines),
	}, nil
}

// play runs the processes and the world beside the steps, and judges the end.
func (c *Cluster) play(ctx context.Context, s Scenario, p Perturbation, r *Run, want any, result *Result) (err error) {
	if s.Prepare != nil {
		if err := s.Prepare(ctx, r); err != nil {
			return fmt.Errorf("preparing: %w", err)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	beside := []<-chan error{spawn(cancel, func() error { return r.supervise(ctx, s) })}
	if s.World != nil {
		beside = append(beside, spawn(cancel, func() error { return wrap("the world: %w", s.World(ctx, r)) }))
	}
	defer func() {
		cancel(nil)
		for _, ended := range beside {
			err = errors.Join(err, <-ended)
		}
	}()
	if err := r.ready(ctx); err != nil {
		return err
	}
	if err := r.steps(ctx, s, p); err != nil {
		return errors.Join(err, c.violations(ctx, r, false))
	}
	if p.Outcome != nil {
		want = p.Outcome(want)
	}
	// What the steps did must be seen before it is asked whether all came right.
	if err := c.catchUp(ctx, r); err != nil {
		return err
	}
	settled := r.settle(ctx, s, want)
	err = c.violations(ctx, r, true)
	result.Outcome = s.Outcome(r, r.Log.View())
	if settled == nil && want != nil {
		if changed := differs(result.Outcome, want); changed != nil {
			settled = fmt.Errorf("I13: converged, and did not stay: %w", changed)
		}
	}
	return errors.Join(settled, err)
}

// ready waits until the first process sees the cluster: its watches have told
// what there is, and no further one was opened for a while.
func (r *Run) ready(ctx context.Context) error {
	const stable = 150 * time.Millisecond
	clk := clock.RealClock{}
	since, before := clk.Now(), 0
	err := wait.PollUntilContextTimeout(ctx, pollInterval, stepTimeout, true, func(context.Context) (bool, error) {
		open, all := r.Wire.Synced()
		if open != before || open == 0 || !all {
			since, before = clk.Now(), open
		}
		return clk.Since(since) > stable, nil
	})
	if err != nil {
		return fmt.Errorf("the process has not synchronised its caches within %s: %w", stepTimeout, err)
	}
	return nil
}

// spawn runs f beside the steps; its failure ends them.
func spawn(cancel context.CancelCauseFunc, f func() error) <-chan error {
	ended := make(chan error, 1)
	go func() {
		err := f()
		if err != nil {
			cancel(err)
		}
		ended <- err
	}()
	return ended
}

func (r *Run) steps(ctx context.Context, s Scenario, p Perturbation) error {
	for _, step := range s.Steps {
		if p.Before != nil {
			p.Before(r, step)
		}
		if step.Do != nil {
			if err := r.insist(ctx, step.Do); err != nil {
				return fmt.Errorf("step %q: %w", step.Name, err)
			}
		}
		if p.Meanwhile != nil {
			p.Meanwhile(ctx, r, step)
		}
		if step.Await != nil {
			if err := r.await(ctx, stepTimeout, func(v history.View) error { return step.Await(r, v) }); err != nil {
				return fmt.Errorf("step %q had no effect within %s: %w", step.Name, stepTimeout, err)
			}
		}
		if p.After != nil {
			if err := p.After(ctx, r, step); err != nil {
				return fmt.Errorf("after step %q: %w", step.Name, err)
			}
		}
	}
	if p.End != nil {
		p.End(r)
	}
	return nil
}

// insist repeats what people do until it succeeds.
func (r *Run) insist(ctx context.Context, do func(context.Context, *Run) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollInterval, stepTimeout, true, func(ctx context.Context) (bool, error) {
		last = do(ctx, r)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return nil
}

func wrap(format string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format, err)
}

func (r *Run) await(ctx context.Context, timeout time.Duration, condition func(history.View) error) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := r.Log.Await(bounded, condition)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("given up: %w", cause)
	}
	return err
}

// settle waits until the run has come to what is wanted and nothing is written
// any more (I13).
func (r *Run) settle(ctx context.Context, s Scenario, want any) error {
	converge := cmp.Or(s.Converge, convergeTimeout)
	if want != nil {
		err := r.await(ctx, converge, func(v history.View) error { return differs(s.Outcome(r, v), want) })
		if err != nil {
			return fmt.Errorf("I13: not converged within %s: %w", converge, err)
		}
	}
	if err := r.settled(ctx, cmp.Or(s.Quiet, defaultQuiet), converge); err != nil {
		return fmt.Errorf("I13: %w", err)
	}
	return nil
}

// Settle waits until nothing was written for as long as that.
func (r *Run) Settle(ctx context.Context, quiet time.Duration) error {
	return r.settled(ctx, quiet, convergeTimeout)
}

func (r *Run) settled(ctx context.Context, quiet, within time.Duration) error {
	clk := clock.RealClock{}
	start := clk.Now()
	err := wait.PollUntilContextTimeout(ctx, pollInterval, within+quiet, true, func(context.Context) (bool, error) {
		last := r.Wire.LastWrite()
		if last.Before(start) {
			last = start
		}
		return clk.Since(last) >= quiet, nil
	})
	if err != nil {
		return fmt.Errorf("never %s without a write within %s: %w", quiet, within, err)
	}
	return nil
}

func differs(got, want any) error {
	if diff := gocmp.Diff(want, got); diff != "" {
		return fmt.Errorf("outcome differs (- undisturbed, + now):\n%s", diff)
	}
	return nil
}

// catchUp waits until the history of the run holds what there is.
func (c *Cluster) catchUp(ctx context.Context, r *Run) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return c.recorder.CatchUp(ctx, r.Namespace)
}

// violations looks at the whole history.
func (c *Cluster) violations(ctx context.Context, r *Run, ended bool) error {
	if err := c.catchUp(context.WithoutCancel(ctx), r); err != nil {
		return err
	}
	all := invariant.Check(r.Log.Revisions(), ended, invariant.New())
	for _, write := range r.Wire.Writes(wire.State) {
		if write.Namespace != r.Namespace {
			all = append(all, fmt.Errorf("I14: a write outside of the tenant: %s in namespace %q", write.Request, write.Namespace))
		}
	}
	return errors.Join(all...)
}

// explain adds to an error what is needed to understand it.
func (r *Run) explain(err error, shared *logBuffer) error {
	spoiled := "nothing was spoiled"
	if fired := r.Wire.Fired(); fired != nil {
		spoiled = "spoiled: " + fired.String()
	}
	const tail = 25
	logged := append(r.logs.about(""), shared.about(r.Namespace)...)
	logged = logged[max(0, len(logged)-tail):]
	return fmt.Errorf("%w\nnamespace %s; %s\nlast writes:\n%s\nlog:\n%s",
		err, r.Namespace, spoiled, r.Wire.Tail(tail), strings.Join(logged, "\n"))
}
