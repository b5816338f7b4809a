// Package acceptance says of each correlation policy whether it makes sense,
// what of it is in force, and whether its namespace is correlated by it.
//
// What was accepted last is kept in the status, so that a mistake in the spec
// changes nothing, also for those who start while it is there.
package acceptance

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const owner = client.FieldOwner("tocsin-correlationpolicy-acceptance")

// Deps are what the controller needs.
type Deps struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
}

// Controller writes the status of correlation policies.
type Controller struct{ Deps }

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{deps} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "correlationpolicy-acceptance" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.CorrelationPolicy{}).
		Watches(&v1alpha1.CorrelationPolicy{}, handler.EnqueueRequestsFromMapFunc(c.othersOf), builder.WithPredicates(candidacy)).
		Complete(kube.RetryConflicts(reconcile.AsReconciler(mgr.GetClient(), c)))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=correlationpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=correlationpolicies/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile writes what is in force of one policy, and whether it is in use.
func (c *Controller) Reconcile(ctx context.Context, p *v1alpha1.CorrelationPolicy) (reconcile.Result, error) {
	var all v1alpha1.CorrelationPolicyList
	if err := c.Client.List(ctx, &all, client.InNamespace(p.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("listing correlation policies: %w", err)
	}
	before := p.Status.DeepCopy()
	after := status(p, all.Items, c.Clock.Now())
	wrote, err := kube.ApplyStatus(ctx, c.Client, owner, p, before, after)
	if wrote {
		c.publish(p, before, after)
	}
	return reconcile.Result{}, client.IgnoreNotFound(err)
}

// othersOf lists the other policies of a namespace, of which another may be in
// use now.
func (c *Controller) othersOf(ctx context.Context, obj client.Object) []reconcile.Request {
	var all v1alpha1.CorrelationPolicyList
	if err := c.Client.List(ctx, &all, client.InNamespace(obj.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the correlation policies of a namespace")
		return nil
	}
	var out []reconcile.Request
	for i := range all.Items {
		if other := &all.Items[i]; other.Name != obj.GetName() {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(other)})
		}
	}
	return out
}

// candidacy lets through that there is one policy more, or fewer, that was ever
// valid.
var candidacy = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return everValid(e.Object) },
	UpdateFunc: func(e event.UpdateEvent) bool { return everValid(e.ObjectOld) != everValid(e.ObjectNew) },
	DeleteFunc: func(e event.DeleteEvent) bool { return everValid(e.Object) },
}

func everValid(obj client.Object) bool {
	p, ok := obj.(*v1alpha1.CorrelationPolicy)
	return ok && p.Status.InForce != nil
}
