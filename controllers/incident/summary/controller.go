// Package summary brings incidents into being and derives their status from
// what is in them: alerts, investigations and remediations.
//
// An incident exists because alerts say that they belong to it. Its status can
// be rebuilt at any moment, and is written at most once a second, and further apart
// where nothing but the count of events changes.
package summary

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const owner = client.FieldOwner("tocsin-incident-summary")

// Deps are what the controller needs.
type Deps struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
}

// Controller summarises incidents.
type Controller struct {
	Deps
	pace pace
}

// New makes the controller.
func New(deps Deps) *Controller {
	return &Controller{Deps: deps, pace: newPace(deps.Clock)}
}

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "incident-summary" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.Incident{}).
		Watches(&v1alpha1.Alert{}, enqueue(c.Client, func(a *v1alpha1.Alert) v1alpha1.LocalName { return a.Status.IncidentName })).
		Watches(&v1alpha1.Investigation{}, enqueue(c.Client, func(i *v1alpha1.Investigation) v1alpha1.LocalName { return i.Spec.IncidentName })).
		Watches(&v1alpha1.Remediation{}, enqueue(c.Client, func(r *v1alpha1.Remediation) v1alpha1.LocalName { return r.Spec.IncidentName })).
		Watches(&v1alpha1.Incident{}, enqueue(c.Client, func(i *v1alpha1.Incident) v1alpha1.LocalName { return i.Status.RedirectedTo })).
		Watches(&v1alpha1.Incident{}, enqueue(c.Client, func(i *v1alpha1.Incident) v1alpha1.LocalName { return i.Status.Continues })).
		Watches(&v1alpha1.Incident{}, handler.EnqueueRequestsFromMapFunc(c.resembling), builder.WithPredicates(merged)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(kube.RetryConflicts(c))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts;investigations;remediations,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=incidents,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=tocsin.dev,resources=incidents/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile derives the incident's status from what is in it.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	if wait := c.pace.wait(request.NamespacedName); wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	s, err := c.gather(ctx, request.NamespacedName)
	if err != nil || s.incident == nil && len(s.input.Alerts) == 0 {
		return reconcile.Result{}, err
	}
	if s.incident == nil {
		return reconcile.Result{}, c.create(ctx, request.NamespacedName)
	}
	if s.untouched() {
		return reconcile.Result{}, nil // made by hand: nothing to summarise yet
	}
	summary := incident.Summarize(s.input)
	was, is := owned(&s.incident.Status), c.status(s.incident, summary)
	count := onlyCount(was, is)
	if wait := c.pace.rest(request.NamespacedName); count && wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	wrote, err := kube.ApplyStatus(ctx, c.Client, owner, s.incident, was, is)
	if err != nil {
		return reconcile.Result{}, err
	}
	if wrote {
		c.pace.wrote(request.NamespacedName, count)
		c.eventState(s.incident, summary)
	}
	return reconcile.Result{}, nil
}

// create makes the incident that alerts say they belong to. Somebody else may
// have made it first: that is as good.
func (c *Controller) create(ctx context.Context, name types.NamespacedName) error {
	inc := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	if err := c.Client.Create(ctx, inc, owner); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating incident: %w", err)
	}
	return nil
}

// status is what the incident's status is to be, as far as this controller
// writes it.
func (c *Controller) status(inc *v1alpha1.Incident, summary incident.Summary) *v1alpha1.IncidentStatus {
	out := convert.IncidentStatus(summary)
	if inc.Status.Title != "" && (summary.State == incident.Redirected || summary.StateReason == incident.ReasonEmpty) {
		out = asPast(inc, out)
	}
	out.ObservedGeneration = &inc.Generation
	out.Conditions = owned(&inc.Status).Conditions
	status := metav1.ConditionFalse
	if summary.State == incident.Resolved || summary.State == incident.Redirected {
		status = metav1.ConditionTrue
	}
	kube.SetCondition(&out.Conditions, metav1.Condition{
		Type: v1alpha1.IncidentConditionResolved, Status: status, Reason: summary.StateReason,
		Message: summary.StateMessage, ObservedGeneration: inc.Generation,
	}, c.Clock.Now())
	return &out
}

// asPast keeps what an incident was when it was merged into another, or its last
// alert was moved away: its alerts are gone, but whoever finds it should see what
// it told.
func asPast(inc *v1alpha1.Incident, now v1alpha1.IncidentStatus) v1alpha1.IncidentStatus {
	out := *owned(&inc.Status)
	out.State, out.Activities, out.Times = now.State, now.Activities, now.Times
	out.MergedFrom, out.Comments, out.Tags = now.MergedFrom, now.Comments, now.Tags
	if out.Counts == nil {
		return out
	}
	out.Counts.Activities, out.Counts.MergedFrom, out.Counts.Comments = now.Counts.Activities, now.Counts.MergedFrom, now.Counts.Comments
	if now.State != v1alpha1.IncidentRedirected {
		out.Counts.Alerts, out.Counts.Occurrences = ptr.To(int32(0)), ptr.To(int64(0))
	}
	out.Counts.ActiveAlerts = ptr.To(int32(0))
	out.Counts.ActiveOfTotal = fmt.Sprintf("0/%d", ptr.Deref(out.Counts.Alerts, 0))
	return out
}

// owned is the part of an Incident's status that this controller writes: all
// but the redirect, and why there is one.
func owned(s *v1alpha1.IncidentStatus) *v1alpha1.IncidentStatus {
	out := s.DeepCopy()
	out.RedirectedTo = ""
	out.Conditions = slices.DeleteFunc(out.Conditions, func(c metav1.Condition) bool { return c.Type != v1alpha1.IncidentConditionResolved })
	return out
}
