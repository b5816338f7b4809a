// Package launch starts investigations: one for each incident whose alerts a
// playbook matches, and a further one when a later alert names something that
// was not examined.
package launch

import (
	"context"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// Deps are what the controller needs.
type Deps struct {
	Client   client.Client
	Recorder events.EventRecorder
}

// Controller starts investigations.
type Controller struct{ Deps }

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{Deps: deps} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "investigation-launch" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.Incident{}, incidentChanges()).
		Watches(&v1alpha1.Alert{}, toIncident(c.Client, func(a *v1alpha1.Alert) v1alpha1.LocalName { return a.Status.IncidentName }), alertChanges()).
		Watches(&v1alpha1.Investigation{}, toIncident(c.Client, func(i *v1alpha1.Investigation) v1alpha1.LocalName { return i.Spec.IncidentName }), investigationChanges()).
		Watches(&v1alpha1.Playbook{}, toIncidents(c.Client), playbookChanges()).
		Complete(kube.RetryConflicts(c))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts;incidents;playbooks,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=investigations,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile starts an investigation of the incident, if it needs one.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	s, err := c.gather(ctx, request.NamespacedName)
	if err != nil || s == nil {
		return reconcile.Result{}, err
	}
	decision := playbook.Decide(s.facts)
	log.FromContext(ctx).V(1).Info("Decided on an investigation", "playbook", decision.Playbook, "reason", decision.Reason)
	if decision.Playbook == "" {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{}, c.start(ctx, s, decision)
}
