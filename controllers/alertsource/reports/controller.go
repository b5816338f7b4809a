// Package reports makes alerts of the reports that scanners and policy engines
// leave in the cluster, one for each workload and kind of report.
//
// It is level-triggered: what the reports say is compared with the alerts that
// there are, and what differs goes into the spool, on the way that the events of
// senders take. Nothing that is unknown ends an alert: neither a kind of report
// that is not served, nor one that may not be listed.
package reports

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// Who reads is the tenant's service account; Tocsin needs no right but to act as it.
//
// +kubebuilder:rbac:groups=aquasecurity.github.io,resources=vulnerabilityreports;configauditreports;exposedsecretreports,verbs="impersonate-on:serviceaccount:list";"impersonate-on:serviceaccount:watch"
// +kubebuilder:rbac:groups=wgpolicyk8s.io,resources=policyreports;clusterpolicyreports,verbs="impersonate-on:serviceaccount:list";"impersonate-on:serviceaccount:watch"
// +kubebuilder:rbac:groups=openreports.io,resources=reports;clusterreports,verbs="impersonate-on:serviceaccount:list";"impersonate-on:serviceaccount:watch"
// +kubebuilder:rbac:groups=tocsin.dev,resources=alertsources;alerts,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=alertsources/status,verbs=patch

const (
	// pace is how long changes are gathered before the reports are looked at.
	pace = time.Second
	// recheck is how soon what depends on the time alone is noticed: that a report
	// stayed away, or that a kind of report is served.
	recheck = 15 * time.Second
)

// Identities give clients that list and watch as service accounts.
type Identities interface {
	Watching(namespace, name string) (dynamic.Interface, error)
}

// Spool makes what is told durable.
type Spool interface {
	Append(ctx context.Context, tenant string, payload []byte, count int64) (spool.Position, error)
	// Last is the position of the newest event.
	Last(ctx context.Context) (spool.Position, error)
	// Drained says whether no event of a tenant at or before a position waits.
	Drained(ctx context.Context, tenant string, through spool.Position) (bool, error)
}

// Deps are what the controller needs.
type Deps struct {
	Client     client.Client
	Identities Identities
	Discovery  Discovery
	Spool      Spool
	Tuning     Tuning
	Clock      clock.Clock
}

// Controller follows the reports of each source that watches. One replica does.
type Controller struct {
	Deps
	// work is held by a reconciliation, and by Stop.
	work    sync.Mutex
	stopped bool
	served  served
	// leftover is the newest event that a former process may have left in the spool.
	leftover *spool.Position

	mu      sync.Mutex
	watches map[types.NamespacedName]*watch
	queue   queue
}

// New makes the controller.
func New(deps Deps) *Controller {
	return &Controller{Deps: deps, served: served{discovery: deps.Discovery, clock: deps.Clock}, watches: map[types.NamespacedName]*watch{}}
}

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "alertsource-reports" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		c.Stop()
		return nil
	})); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.AlertSource{}).
		Watches(&v1alpha1.Alert{}, c.sourceOf()).
		WatchesRawSource(c.changes()).
		Complete(kube.RetryConflicts(c))
}

// Reconcile brings the alerts of one source to what its reports say.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	c.work.Lock()
	defer c.work.Unlock()
	if c.stopped {
		return reconcile.Result{}, nil
	}
	from := &v1alpha1.AlertSource{}
	err := c.Client.Get(ctx, request.NamespacedName, from)
	switch {
	case apierrors.IsNotFound(err), err == nil && (from.Spec.Watch == nil || from.DeletionTimestamp != nil):
		c.stop(request.NamespacedName)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading alert source: %w", err)
	case ptr.Deref(from.Spec.Suspend, false):
		c.stop(request.NamespacedName)
		return reconcile.Result{}, c.report(ctx, from, suspended())
	}
	w, err := c.follow(ctx, from)
	if err != nil {
		return reconcile.Result{}, err
	}
	after := recheck
	if more, err := c.tell(ctx, from, w); err != nil {
		return reconcile.Result{}, err
	} else if more {
		after = pace
	}
	if ready, known := w.condition(from); known {
		err = c.report(ctx, from, ready)
	}
	return reconcile.Result{RequeueAfter: after}, err
}

// follow sees that the reports of a source are followed where they are served.
func (c *Controller) follow(ctx context.Context, from *v1alpha1.AlertSource) (*watch, error) {
	key := client.ObjectKeyFromObject(from)
	c.mu.Lock()
	w := c.watches[key]
	c.mu.Unlock()
	if w != nil && (w.uid != from.UID || w.generation != from.Generation) {
		c.stop(key)
		w = nil
	}
	if w == nil {
		reader, err := c.Identities.Watching(from.Namespace, string(from.Spec.Watch.ServiceAccountName))
		if err != nil {
			return nil, err
		}
		w = newWatch(ctx, from, reader, c.Clock, func() { c.poke(key) })
		c.mu.Lock()
		c.watches[key] = w
		c.mu.Unlock()
	}
	versions, err := c.served.versions()
	if err != nil {
		return nil, fmt.Errorf("looking for kinds of report: %w", err)
	}
	for _, k := range w.kinds {
		k.serve(versions[k.Name()])
	}
	return w, nil
}

func (c *Controller) stop(key types.NamespacedName) {
	c.mu.Lock()
	w := c.watches[key]
	delete(c.watches, key)
	c.mu.Unlock()
	if w != nil {
		w.stop()
	}
}

// Stop ends all that runs beside the reconciliations.
func (c *Controller) Stop() {
	c.work.Lock()
	defer c.work.Unlock()
	c.stopped = true
	c.mu.Lock()
	var keys []types.NamespacedName
	for key := range c.watches {
		keys = append(keys, key)
	}
	c.mu.Unlock()
	for _, key := range keys {
		c.stop(key)
	}
}
