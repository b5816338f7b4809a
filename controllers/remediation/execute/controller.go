// Package execute carries a Remediation from request to effect, and back.
//
// What happens next is decided by internal/engine/lifecycle, whose package
// comment has the graph of the states. This package reads what the decision
// rests on, does what was decided, and writes down what came of it:
//
//	announce   write the plan and its digest; people approve the digest
//	review     ask whether the approver holds the verb "approve" at this moment
//	verify     look at the target, as the tenant's service account
//	apply      rehearse; put the finalizer; write the attempt; act; look again
//	undo       rehearse; write the attempt; take the effect back; look again
//	report     write the status; publish events; take the finalizer off when
//	           nothing is left in place
//
// Writing the attempt is the brake. It demands the resource version that the
// decision was made from, so it fails if anybody rejected, cancelled or changed
// anything since, however old the cache is; and an attempt that was written is
// spent, whether or not it was made: no attempt has an effect twice.
package execute

import (
	"context"
	"fmt"

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
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const (
	owner = client.FieldOwner("tocsin-remediation-execute")
	// maxConcurrent bounds how many remediations act at the same moment. Containing
	// a pod takes about ten requests; four at a time contain a hundred in well
	// under a minute.
	maxConcurrent = 4
	// maxSteps is more than any path through one reconciliation: review, verify,
	// apply, and the decision after each.
	maxSteps = 6
)

// Identities make clients that act as service accounts.
type Identities interface {
	As(namespace, serviceAccount string) (client.Client, error)
}

// Deps are what the controller needs.
type Deps struct {
	Client     client.Client
	Recorder   events.EventRecorder
	Clock      clock.PassiveClock
	Identities Identities
}

// Controller carries out remediations.
type Controller struct{ Deps }

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{Deps: deps} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "remediation-execute" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.Remediation{}).
		Watches(&v1alpha1.Incident{}, handler.EnqueueRequestsFromMapFunc(c.remediationsOf), builder.WithPredicates(classified)).
		WithOptions(controller.Options{MaxConcurrentReconciles: maxConcurrent}).
		Complete(kube.RetryConflicts(reconcile.AsReconciler(mgr.GetClient(), c)))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=remediations,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=tocsin.dev,resources=remediations/status,verbs=patch
// +kubebuilder:rbac:groups=tocsin.dev,resources=incidents,verbs=get;list;watch
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs="impersonate-on:serviceaccount:get";"impersonate-on:serviceaccount:patch";"impersonate-on:serviceaccount:delete"
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs="impersonate-on:serviceaccount:get";"impersonate-on:serviceaccount:list";"impersonate-on:serviceaccount:create";"impersonate-on:serviceaccount:update";"impersonate-on:serviceaccount:delete"

// Reconcile takes the remediation as far as it can go now.
func (c *Controller) Reconcile(ctx context.Context, rem *v1alpha1.Remediation) (reconcile.Result, error) {
	s, err := c.gather(ctx, rem)
	if err != nil {
		return reconcile.Result{}, err
	}
	for range maxSteps {
		s.decision = lifecycle.Decide(s.in)
		if s.decision.Act == lifecycle.NoAct {
			return c.report(ctx, s)
		}
		if err := c.step(ctx, s); err != nil {
			return reconcile.Result{}, err
		}
	}
	return reconcile.Result{}, fmt.Errorf("remediation %s does not come to rest", rem.Name)
}

func (c *Controller) step(ctx context.Context, s *scope) error {
	switch s.decision.Act {
	case lifecycle.Review:
		return c.review(ctx, s)
	case lifecycle.Verify:
		return c.verify(ctx, s)
	case lifecycle.Apply:
		return c.apply(ctx, s)
	case lifecycle.Undo:
		return c.undo(ctx, s)
	}
	return fmt.Errorf("unknown act %q", s.decision.Act)
}

// classified lets through that people found out what an incident is.
var classified = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.Incident)
		is, ok2 := e.ObjectNew.(*v1alpha1.Incident)
		return ok && ok2 && was.Spec.Classification != is.Spec.Classification
	},
}

// remediationsOf lists the remediations of an incident and of all merged into it.
func (c *Controller) remediationsOf(ctx context.Context, incident client.Object) []reconcile.Request {
	names, err := kube.WithMerged(ctx, c.Client, client.ObjectKeyFromObject(incident))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing what was merged into an incident")
		return nil
	}
	var requests []reconcile.Request
	for _, name := range names {
		var list v1alpha1.RemediationList
		err := c.Client.List(ctx, &list, client.InNamespace(incident.GetNamespace()), client.MatchingFields{kube.IndexRemediationIncident: name})
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Listing the remediations of an incident")
			return nil
		}
		for i := range list.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
