package execute

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// report writes down what was decided and seen, and lets go of the remediation
// if nothing is left in place.
func (c *Controller) report(ctx context.Context, s *scope) (reconcile.Result, error) {
	if err := c.hold(ctx, s); err != nil {
		return reconcile.Result{}, err
	}
	status := c.status(s)
	status.ObservedGeneration = ptr.To(s.rem.Generation)
	if err := c.write(ctx, s, status); err != nil {
		return reconcile.Result{}, err
	}
	c.publish(s)
	return reconcile.Result{RequeueAfter: s.decision.RecheckAfter}, c.release(ctx, s)
}

// write is the only way in which the status is written.
func (c *Controller) write(ctx context.Context, s *scope, status *v1alpha1.RemediationStatus) error {
	if _, err := kube.ApplyStatus(ctx, c.Client, owner, s.rem, s.written, status); err != nil {
		return err
	}
	s.written, s.rem.Status = status, *status.DeepCopy()
	return nil
}

// status is what the status is to be, by what was decided and seen so far.
func (c *Controller) status(s *scope) *v1alpha1.RemediationStatus {
	out := s.written.DeepCopy()
	s.stamp(out)
	out.State = v1alpha1.RemediationState(s.decision.State)
	if s.decision.State == lifecycle.PendingApproval || s.decision.State == lifecycle.InProgress {
		out.Plan, out.Digest = s.plan.Words(), s.in.Digest
	}
	if s.decision.ApprovedBy != "" {
		out.ApprovedBy = s.decision.ApprovedBy
	}
	if s.in.Record.Attempts > 0 && len(s.sight.Effects) > 0 {
		out.Effects = effectsOf(s)
	}
	s.condition(out, v1alpha1.RemediationConditionApproved, s.decision.Approved)
	s.condition(out, v1alpha1.RemediationConditionEffective, s.decision.Effective)
	return out
}

// stamp writes the times of what happens for the first time.
func (s *scope) stamp(out *v1alpha1.RemediationStatus) {
	now := timeOf(s.in.Now)
	state := s.decision.State
	if out.StartTime == nil {
		out.StartTime = now
	}
	if state == lifecycle.InProgress && out.State != v1alpha1.RemediationInProgress {
		out.ActionTime = now
	}
	if out.CompletionTime == nil && (state == lifecycle.Succeeded || state.Final()) {
		out.CompletionTime = now
	}
	if s.decision.Undoing && out.UndoTime == nil {
		out.UndoTime = now
	}
}

func (s *scope) condition(out *v1alpha1.RemediationStatus, conditionType string, f lifecycle.Finding) {
	if f == (lifecycle.Finding{}) {
		return
	}
	kube.SetCondition(&out.Conditions, metav1.Condition{
		Type: conditionType, Status: metav1.ConditionStatus(f.Truth), Reason: f.Reason, Message: f.Message,
		ObservedGeneration: s.rem.Generation,
	}, s.in.Now)
}

// effectsOf are the changes that were made: those that are seen, after those
// that were written before. One that is taken back, or is half taken back when
// the process stops, was made all the same.
func effectsOf(s *scope) []v1alpha1.RemediationEffect {
	effects := slices.Clone(s.written.Effects)
	for _, e := range s.sight.Effects {
		seen := v1alpha1.RemediationEffect{Object: e.Object, Change: e.Change, Message: e.Message}
		same := func(other v1alpha1.RemediationEffect) bool { return other.Object == e.Object }
		if i := slices.IndexFunc(effects, same); i >= 0 {
			effects[i] = seen
		} else {
			effects = append(effects, seen)
		}
	}
	return effects
}

// timeOf keeps whole seconds, as the API does, so that a time compares equal to
// itself after it was stored.
func timeOf(t time.Time) *metav1.Time {
	return ptr.To(metav1.NewTime(t.Truncate(time.Second)))
}
