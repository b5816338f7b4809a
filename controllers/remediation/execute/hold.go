package execute

import (
	"context"
	"fmt"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// hold keeps the remediation from vanishing before its effect is undone. Once
// it is being deleted that is no longer possible.
func (c *Controller) hold(ctx context.Context, s *scope) error {
	if !s.decision.Hold || !s.rem.DeletionTimestamp.IsZero() || controllerutil.ContainsFinalizer(s.rem, finalizer) {
		return nil
	}
	err := c.finalizers(ctx, s, func(rem *v1alpha1.Remediation) { controllerutil.AddFinalizer(rem, finalizer) })
	if err != nil {
		return fmt.Errorf("holding the remediation: %w", err)
	}
	return nil
}

// release lets the remediation go when nothing is left in place.
func (c *Controller) release(ctx context.Context, s *scope) error {
	if s.decision.Hold || !controllerutil.ContainsFinalizer(s.rem, finalizer) {
		return nil
	}
	if s.decision.Effective.Reason == lifecycle.ReasonUndoFailed {
		// A namespace that is being deleted takes no more events.
		ctrl.LoggerFrom(ctx).Info("Released a remediation whose effect is left in place", "remediation", klog.KObj(s.rem), "effects", s.rem.Status.Effects)
	}
	err := c.finalizers(ctx, s, func(rem *v1alpha1.Remediation) { controllerutil.RemoveFinalizer(rem, finalizer) })
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("releasing the remediation: %w", err)
	}
	return nil
}

// finalizers writes a change of the finalizers, if nobody wrote since the decision.
func (c *Controller) finalizers(ctx context.Context, s *scope, change func(*v1alpha1.Remediation)) error {
	changed := s.rem.DeepCopy()
	change(changed)
	patch := client.MergeFromWithOptions(s.rem, client.MergeFromWithOptimisticLock{})
	if err := c.Client.Patch(ctx, changed, patch, owner); err != nil {
		return err
	}
	s.rem.ObjectMeta = changed.ObjectMeta
	return nil
}
