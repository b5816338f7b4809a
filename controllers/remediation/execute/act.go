package execute

import (
	"context"
	"fmt"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/actions"
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// actTimeout bounds the time between writing an attempt and its last request. A
// process that was stopped in between, and has lost its lease, must not act when
// it goes on.
const actTimeout = 15 * time.Second

// verify looks at the target and the effect.
func (c *Controller) verify(ctx context.Context, s *scope) error {
	sight, err := s.plan.Look(ctx, s.as)
	if err == nil {
		s.sight, s.in.Observed = sight, sight.Observation
		return nil
	}
	trouble, ok := s.plan.Trouble(err)
	if !ok {
		return fmt.Errorf("looking at the target: %w", err)
	}
	s.in.Observed = lifecycle.Observation{Looked: true, Trouble: trouble}
	return nil
}

// apply makes the effect, as one attempt.
func (c *Controller) apply(ctx context.Context, s *scope) error {
	s.plan = s.plan.For(s.sight.TargetUID)
	if refused, err := c.rehearse(ctx, s, s.plan.Rehearse); refused || err != nil {
		return err
	}
	if err := c.hold(ctx, s); err != nil {
		return err
	}
	return c.attempt(ctx, s, s.plan.Act, func(status *v1alpha1.RemediationStatus) {
		status.Attempts = ptr.To(ptr.Deref(status.Attempts, 0) + 1)
		status.TargetUID = s.sight.TargetUID
	})
}

// undo takes the effect back, as one attempt.
func (c *Controller) undo(ctx context.Context, s *scope) error {
	if refused, err := c.rehearse(ctx, s, s.plan.RehearseUndo); refused || err != nil {
		return err
	}
	return c.attempt(ctx, s, s.plan.Undo, func(status *v1alpha1.RemediationStatus) {
		status.UndoAttempts = ptr.To(ptr.Deref(status.UndoAttempts, 0) + 1)
	})
}

// request sends what a plan says, or rehearses it.
type request func(context.Context, client.Client) error

// rehearse finds out whether the API server will refuse. That spends no attempt.
func (c *Controller) rehearse(ctx context.Context, s *scope, rehearsal request) (refused bool, err error) {
	err = rehearsal(ctx, s.as)
	if err == nil {
		return false, nil
	}
	if s.in.Observed.Trouble, refused = s.plan.Trouble(err); refused {
		return true, nil
	}
	return false, fmt.Errorf("rehearsing: %w", err)
}

// attempt writes the attempt down, makes it, and looks at what came of it.
func (c *Controller) attempt(ctx context.Context, s *scope, act request, count func(*v1alpha1.RemediationStatus)) error {
	status := c.status(s)
	count(status)
	status.LastAttemptTime = timeOf(s.in.Now)
	if err := c.write(ctx, s, status); err != nil {
		return fmt.Errorf("writing down the attempt: %w", err)
	}
	s.remember()
	bounded, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	failure := act(bounded, s.as)
	if err := c.verify(ctx, s); err != nil {
		return err
	}
	if failure != nil {
		s.in.Observed.Trouble = troubleOf(ctx, s.plan, s.rem, failure)
	}
	return nil
}

// troubleOf tells people about a failed attempt. What the network says of it is
// different each time, and goes to the log only.
func troubleOf(ctx context.Context, p actions.Plan, rem *v1alpha1.Remediation, failure error) lifecycle.Trouble {
	if trouble, ok := p.Trouble(failure); ok {
		return trouble
	}
	ctrl.LoggerFrom(ctx).Error(failure, "An attempt failed", "remediation", klog.KObj(rem))
	return lifecycle.Trouble{Kind: lifecycle.TroubleRefused, Message: "The attempt failed for now; it is made again"}
}
