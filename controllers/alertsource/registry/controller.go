// Package registry tells the gateway of each replica which alert sources there
// are, and what lets their senders in.
package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// refresh is how soon a rotated Secret is in use. Secrets are not watched, as
// that would need the right to list them.
const refresh = 30 * time.Second

// Deps are what the controller needs.
type Deps struct {
	Client   client.Client
	Registry *source.Registry
	Clock    clock.PassiveClock
	// IgnoredUsers are left out of audit events: Tocsin's own requests.
	IgnoredUsers []string
}

// Controller feeds the registry. It runs on every replica.
type Controller struct {
	Deps
	reviewer auth.Reviewer
}

// New makes the controller.
func New(deps Deps) *Controller {
	return &Controller{deps, auth.NewTokenReviewer(deps.Client, deps.Clock)}
}

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "alertsource-registry" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	// The cache must know the kind before prime lists it: the controller, which
	// would tell it, starts beside prime.
	//nolint:forbidigo // nothing waits here: the cache is not started yet
	if _, err := mgr.GetCache().GetInformer(context.Background(), &v1alpha1.AlertSource{}); err != nil {
		return fmt.Errorf("watching alert sources: %w", err)
	}
	if err := mgr.Add(prime{c}); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.AlertSource{}).
		WithOptions(controller.Options{NeedLeaderElection: ptr.To(false)}).
		Complete(kube.RetryConflicts(c))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alertsources,verbs=get;list;watch

// Reconcile takes over one source.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	from := &v1alpha1.AlertSource{}
	if err := c.Client.Get(ctx, request.NamespacedName, from); err != nil {
		if client.IgnoreNotFound(err) == nil {
			c.Registry.Delete(request.NamespacedName)
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, fmt.Errorf("reading alert source: %w", err)
	}
	return reconcile.Result{RequeueAfter: refresh}, c.take(ctx, from)
}

// take gives the source to the registry. Without its Secret it lets nobody in; what
// was in use stays so while the API server cannot be asked.
func (c *Controller) take(ctx context.Context, from *v1alpha1.AlertSource) error {
	secrets := func(name v1alpha1.LocalName, keys ...string) ([][]byte, error) {
		return kube.SecretValues(ctx, c.Client, from.Namespace, name, keys...)
	}
	method, missing := source.Auth(from, secrets, source.Checks{
		Clock: c.Clock, Reviewer: c.reviewer, Memory: c.Registry.Memory(client.ObjectKeyFromObject(from), c.Clock),
	})
	if missing != nil && !kube.SecretUnusable(missing) {
		return missing
	}
	ready, invalid := source.New(from, method, c.IgnoredUsers...)
	c.Registry.Set(ready)
	if err := errors.Join(missing, invalid); err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("The alert source is not valid", "reason", err.Error())
	}
	return nil
}

// prime fills the registry before the gateway is ready, so that the senders of
// a source that exists are not turned away after a start.
type prime struct{ *Controller }

var _ manager.LeaderElectionRunnable = prime{}

// NeedLeaderElection is false: every replica has a gateway.
func (prime) NeedLeaderElection() bool { return false }

// Start takes over every source there is, and returns without the gateway being
// ready only if ctx ends.
func (p prime) Start(ctx context.Context) error {
	var list v1alpha1.AlertSourceList
	if err := p.Client.List(ctx, &list); err != nil {
		return fmt.Errorf("listing alert sources: %w", err)
	}
	for i := range list.Items {
		if p.insist(ctx, client.ObjectKeyFromObject(&list.Items[i])) != nil {
			return nil //nolint:nilerr // ctx has ended
		}
	}
	p.Registry.MarkSynced()
	return nil
}

// retry is short at first: a sender waits, and nothing else asks yet.
var retry = wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Steps: 7, Cap: 5 * time.Second}

// insist takes over one source, unless it is gone, and tries until ctx ends.
func (p prime) insist(ctx context.Context, key client.ObjectKey) error {
	return retry.DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		_, err := p.Reconcile(ctx, reconcile.Request{NamespacedName: key})
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Taking over an alert source failed; trying again", "alertSource", key)
		}
		return err == nil, nil
	})
}
