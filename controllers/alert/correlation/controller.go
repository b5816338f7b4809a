// Package correlation puts every alert into exactly one incident.
//
// The membership is written on the alert, in one write with the reasons for
// it, and nowhere else. Where one alert shows that two incidents are one, the
// merge is committed by a redirect on the source; its alerts follow.
package correlation

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/store"
)

const owner = client.FieldOwner("tocsin-alert-correlation")

// Deps are what the controller needs.
type Deps struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
}

// Controller correlates alerts. It reconciles one at a time, as the order of
// decisions is part of their meaning.
type Controller struct {
	Deps
	tenants map[string]*store.Tenant
	// policies are what the tenants are correlated by.
	policies map[string]kube.CorrelationVersion
	changed  changes
}

// New makes the controller.
func New(deps Deps) *Controller {
	return &Controller{Deps: deps, tenants: map[string]*store.Tenant{}, policies: map[string]kube.CorrelationVersion{}}
}

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "alert-correlation" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.Alert{}).
		Watches(&v1alpha1.Incident{}, c.changed.note()).
		Watches(&v1alpha1.Incident{}, handler.EnqueueRequestsFromMapFunc(c.membersOf), builder.WithPredicates(stateChanged)).
		Watches(&v1alpha1.Investigation{}, handler.EnqueueRequestsFromMapFunc(triggerOf)).
		Watches(&v1alpha1.CorrelationPolicy{}, handler.Funcs{}). // read by the next alert
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(c)
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts;incidents;investigations;correlationpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts/status;incidents/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile writes which incident the alert belongs to.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	tenant, err := c.tenant(ctx, request.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	alert := &v1alpha1.Alert{}
	switch err := c.Client.Get(ctx, request.NamespacedName, alert); {
	case apierrors.IsNotFound(err):
		if tenant.Forget(request.Name) {
			c.giveUp(request.Namespace)
		}
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading alert: %w", err)
	}
	s := &scope{alert: alert, tenant: tenant}
	for _, phase := range []func(context.Context, *scope) error{c.gather, c.decide, c.merge, c.recollect} {
		if err := phase(ctx, s); err != nil {
			return reconcile.Result{}, err
		}
	}
	wrote, err := kube.ApplyStatus(ctx, c.Client, owner, alert, owned(&alert.Status), c.status(s))
	if err != nil {
		return reconcile.Result{}, err
	}
	tenant.Delivered(alert.Name)
	if wrote && s.decision.Reason == engine.ReasonMoved {
		c.eventMoved(s)
	}
	return reconcile.Result{}, nil
}

// membersOf lists the alerts of an incident whose state has changed: theirs
// follows.
func (c *Controller) membersOf(ctx context.Context, obj client.Object) []reconcile.Request {
	var alerts v1alpha1.AlertList
	err := c.Client.List(ctx, &alerts, client.InNamespace(obj.GetNamespace()), client.MatchingFields{kube.IndexAlertIncident: obj.GetName()})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the alerts of an incident")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(alerts.Items))
	for i := range alerts.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&alerts.Items[i])})
	}
	return requests
}

// stateChanged lets through what changes the state of alerts, or where they are.
var stateChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	was, ok := e.ObjectOld.(*v1alpha1.Incident)
	is, ok2 := e.ObjectNew.(*v1alpha1.Incident)
	return ok && ok2 && (was.Status.State != is.Status.State || was.Status.RedirectedTo != is.Status.RedirectedTo)
}}

// triggerOf names the alert that started an investigation.
func triggerOf(_ context.Context, obj client.Object) []reconcile.Request {
	inv, ok := obj.(*v1alpha1.Investigation)
	if !ok || inv.Spec.AlertName == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: inv.Namespace, Name: string(inv.Spec.AlertName)}}}
}

func (c *Controller) incident(ctx context.Context, namespace, name string) (*v1alpha1.Incident, error) {
	var inc v1alpha1.Incident
	err := c.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &inc)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading incident %s: %w", name, err)
	}
	return &inc, nil
}
