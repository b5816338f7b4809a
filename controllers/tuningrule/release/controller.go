// Package release lets alerts go that a tuning rule has hidden and hides no
// longer, where the rule says so: from then on they are correlated as if they
// were new.
//
// A rule that is deleted stays until all of its alerts are released, by a finalizer.
// One that is deleted before that is written, moments after it was made, releases
// nothing. A rule that is not valid releases nothing until it is corrected or deleted: a mistake must
// not bring everything back.
package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const (
	owner = client.FieldOwner("tocsin-tuningrule-release")
	// finalizer keeps a rule until what it has hidden is released.
	finalizer = "tocsin.dev/release-hidden-alerts"
)

var resource = v1alpha1.GroupVersion.WithResource("tuningrules").GroupResource()

// maxReleases is how many alerts one reconciliation releases: each costs a write
// here and one of correlation's, and other rules wait meanwhile.
const maxReleases = 100

// next is how soon the next ones follow.
const next = 10 * time.Millisecond

// settling is how long a deleted rule stays at least: replicas that know nothing
// of the deletion yet may still hide alerts by it, and nobody would release those.
const settling = 5 * time.Second

// Deps are what the controller needs.
type Deps struct {
	Client client.Client
	// Live reads past the cache, before anything is released.
	Live     client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
}

// Controller releases hidden alerts.
type Controller struct {
	Deps
	seen *lru.Cache
}

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{deps, lru.New(maxSeen)} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "tuningrule-release" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.TuningRule{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Alert{}, hiddenAnew).
		Complete(kube.RetryConflicts(reconcile.AsReconciler(mgr.GetClient(), c)))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts/status,verbs=patch
// +kubebuilder:rbac:groups=tocsin.dev,resources=tuningrules,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile releases what a rule hides no longer, some at a time.
func (c *Controller) Reconcile(ctx context.Context, rule *v1alpha1.TuningRule) (reconcile.Result, error) {
	if rule.Spec.HiddenAlerts != v1alpha1.HiddenAlertsRelease {
		return reconcile.Result{}, c.hold(ctx, rule, false)
	}
	deleted := !rule.DeletionTimestamp.IsZero()
	if !deleted {
		if err := c.hold(ctx, rule, true); err != nil {
			return reconcile.Result{}, err
		}
	}
	due, err := c.due(ctx, rule)
	if err != nil {
		return reconcile.Result{}, err
	}
	if len(due) > 0 {
		return reconcile.Result{RequeueAfter: next}, c.release(ctx, rule, due[:min(len(due), maxReleases)])
	}
	if deleted {
		return c.letGo(ctx, rule)
	}
	return reconcile.Result{RequeueAfter: untilExpiry(rule, c.Clock.Now())}, nil
}

// release writes that alerts are released, and tells of it.
func (c *Controller) release(ctx context.Context, rule *v1alpha1.TuningRule, due []*v1alpha1.Alert) error {
	if err := c.confirm(ctx, rule); err != nil {
		return err
	}
	for _, a := range due {
		after := &v1alpha1.AlertStatus{ReleasedTime: ptr.To(metav1.NewMicroTime(c.Clock.Now()))}
		_, err := kube.ApplyStatus(ctx, c.Client, owner, a, &v1alpha1.AlertStatus{}, after)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("releasing alert %s: %w", a.Name, err)
		}
	}
	c.Recorder.Eventf(rule, nil, corev1.EventTypeNormal, "Released", "Release", "%d hidden alerts are released", len(due))
	return nil
}

// confirm sees that the rule is what the decision was made from: a view that is
// out of date may know alerts that a newer version of the rule has hidden.
func (c *Controller) confirm(ctx context.Context, rule *v1alpha1.TuningRule) error {
	var live v1alpha1.TuningRule
	err := c.Live.Get(ctx, client.ObjectKeyFromObject(rule), &live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the rule: %w", err)
	}
	if live.UID == rule.UID && live.Generation == rule.Generation {
		return nil
	}
	return apierrors.NewConflict(resource, rule.Name, errors.New("it was changed meanwhile"))
}

// letGo lets a deleted rule go once nothing that it has hidden is left.
func (c *Controller) letGo(ctx context.Context, rule *v1alpha1.TuningRule) (reconcile.Result, error) {
	// A clock that differs much from the API server's must not hold the rule for longer.
	if wait := settling - c.Clock.Since(rule.DeletionTimestamp.Time); wait > 0 && wait <= settling {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	left, err := c.anyHidden(ctx, rule)
	switch {
	case err != nil:
		return reconcile.Result{}, err
	case left: // and not in the cache yet
		return reconcile.Result{RequeueAfter: next}, nil
	}
	return reconcile.Result{}, c.hold(ctx, rule, false)
}

// hold sees that the finalizer is there, or is not. It is written to what the rule is
// by now: while the view of it is out of date a rule may hide, and be deleted.
func (c *Controller) hold(ctx context.Context, rule *v1alpha1.TuningRule, held bool) error {
	if controllerutil.ContainsFinalizer(rule, finalizer) == held {
		return nil
	}
	var live v1alpha1.TuningRule
	err := c.Live.Get(ctx, client.ObjectKeyFromObject(rule), &live)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("reading the rule: %w", err)
	case live.UID != rule.UID || live.Generation != rule.Generation:
		return apierrors.NewConflict(resource, rule.Name, errors.New("it was changed meanwhile"))
	}
	changed := live.DeepCopy()
	if held {
		controllerutil.AddFinalizer(changed, finalizer)
	} else {
		controllerutil.RemoveFinalizer(changed, finalizer)
	}
	patch := client.MergeFromWithOptions(&live, client.MergeFromWithOptimisticLock{})
	if err := c.Client.Patch(ctx, changed, patch, owner); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the finalizer: %w", err)
	}
	return nil
}
