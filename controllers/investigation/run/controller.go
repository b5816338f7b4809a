// Package run carries an investigation out: it pins the playbook's plan, runs
// each step as a Job, records the verdicts, proposes the remediations that
// follow from them, and waits for their end.
//
// What is started follows from what is written: the plan is in the status
// before the first Job, the evidence before the first remediation. A crash in
// between repeats the same step under the same names.
package run

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

const owner = client.FieldOwner("tocsin-investigation-run")

const (
	// maxRunning is how many investigations of a tenant examine at once. Each
	// has up to 16 Jobs; more would crowd out the tenant's own work.
	maxRunning = 10
	// maxConcurrent is how many investigations are looked at at once. Most of
	// the time goes into waiting for the API server.
	maxConcurrent = 4
)

// Deps are what the controller needs.
type Deps struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Live reads from the API server, where a cache that lags would mislead: to
	// confirm that something is gone, or that a name is taken.
	Live     client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Builder  workload.Builder
	// ProtectedNamespaces always wait for approval.
	ProtectedNamespaces []string
}

// Controller runs investigations.
type Controller struct{ Deps }

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{Deps: deps} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "investigation-run" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.Investigation{}).
		Owns(&batchv1.Job{}).
		Watches(&corev1.Pod{}, byAnnotation()).
		Watches(&v1alpha1.Remediation{}, byRemediation(c.Client)).
		Watches(&v1alpha1.Playbook{}, byPlaybook(c.Client)).
		WithOptions(controller.Options{MaxConcurrentReconciles: maxConcurrent}).
		Complete(kube.RetryConflicts(reconcile.AsReconciler(mgr.GetClient(), c)))
}

type phase func(context.Context, *scope) error

// +kubebuilder:rbac:groups=tocsin.dev,resources=investigations,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=investigations/status,verbs=patch
// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts;incidents;playbooks,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=remediations,verbs=get;list;watch;create;automate
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;create
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile takes the investigation as far as it goes now.
func (c *Controller) Reconcile(ctx context.Context, inv *v1alpha1.Investigation) (result reconcile.Result, err error) {
	if ended(inv) || !inv.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	s := newScope(inv, c.Clock.Now())
	defer func() { // the only status write
		if werr := c.report(ctx, s); client.IgnoreNotFound(werr) != nil {
			// Replaces err: joined to a terminal error, a failed write would never be retried.
			result, err = reconcile.Result{}, fmt.Errorf("writing status: %w", werr)
		}
	}()
	for _, phase := range []phase{c.gather, c.plan, c.observe, c.stop, c.launch, c.respond, c.conclude} {
		if err := phase(ctx, s); err != nil {
			return reconcile.Result{}, s.fail(err)
		}
	}
	return reconcile.Result{RequeueAfter: s.recheck}, nil
}

// soonest keeps the nearest time to look again.
func (s *scope) soonest(after time.Duration) {
	if after > 0 && (s.recheck == 0 || after < s.recheck) {
		s.recheck = after
	}
}
