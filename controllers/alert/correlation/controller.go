// Package correlation puts every alert into exactly one incident, but for those
// that a tuning rule hides: they are in none.
//
// The membership is written on the alert, in one write with the reasons for
// it, and nowhere else. Where one alert shows that two incidents are one, or a
// person says so, the merge is committed by a redirect on the source; its
// alerts follow.
package correlation

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const owner = client.FieldOwner("tocsin-alert-correlation")

// Surroundings tell what the cluster adds to an alert of a tenant, as a service
// account of it sees that; not complete where some of it can be told only later.
type Surroundings interface {
	Of(ctx context.Context, tenant, account string, a model.Alert) (added []model.Entity, complete bool)
}

// Deps are what the controller needs.
type Deps struct {
	Client client.Client
	// Live reads past the cache, before a merge is written; nobody does when nil.
	Live     client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	// Surroundings are asked at first sight of an alert; nothing is added when nil.
	Surroundings Surroundings
}

// Controller correlates alerts, and merges incidents where people ask for it. It
// decides one thing at a time: the order of decisions is part of their meaning,
// and two merges decided at once could lead into each other. Where alerts belong
// is then written side by side.
type Controller struct {
	Deps
	turns    turns
	deciding sync.Mutex
	// writing is held for reading by who writes where one alert belongs, and
	// begins while it decides.
	writing sync.RWMutex
	tenants map[string]tenancy
	changed changes
}

// writers is how many alerts are written at once: a kube-apiserver lets one client
// have several writes for the time that one waits for etcd's disk.
const writers = 8

// New makes the controller.
func New(deps Deps) *Controller {
	return &Controller{Deps: deps, tenants: map[string]tenancy{}}
}

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "alert-correlation" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	if err := (merging{c}).register(mgr); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.Alert{}).
		Watches(&v1alpha1.Incident{}, c.onIncident(stateChanged, c.membersOf)).
		Watches(&v1alpha1.Investigation{}, handler.EnqueueRequestsFromMapFunc(triggerOf)).
		Watches(&v1alpha1.CorrelationPolicy{}, handler.Funcs{}). // read by the next alert
		WithOptions(controller.Options{MaxConcurrentReconciles: writers, NewQueue: c.turns.newQueue}).
		Complete(kube.RetryConflicts(c))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts;incidents;investigations;correlationpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts/status;incidents/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile writes which incident the alert belongs to.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	turn := c.turns.take(request)
	defer turn.end()
	s, err := c.read(ctx, request.NamespacedName)
	if err != nil {
		return reconcile.Result{}, err
	}
	turn.wait()
	if s, err = c.readAgain(ctx, request.NamespacedName, s); err != nil {
		return reconcile.Result{}, err
	}
	if s != nil && convert.Hidden(s.alert) != "" {
		turn.end()
		return reconcile.Result{}, c.hide(ctx, s)
	}
	ready, err := c.prepare(ctx, request, s)
	turn.end()
	if err != nil || !ready {
		return reconcile.Result{}, err
	}
	if err := c.deliver(ctx, s); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: s.lookAgain}, nil
}

// prepare decides about an alert, and writes what has to be written before it. If
// it is ready to be written itself, nobody merges or moves before it is.
func (c *Controller) prepare(ctx context.Context, request reconcile.Request, s *scope) (ready bool, err error) {
	c.deciding.Lock()
	defer c.deciding.Unlock()
	tenant, err := c.tenant(ctx, request.Namespace)
	switch {
	case err != nil:
		return false, err
	case s == nil:
		if tenant.Forget(request.Name) {
			c.giveUp(request.Namespace)
		}
		return false, nil
	}
	s.tenant = tenant
	for _, phase := range []func(context.Context, *scope) error{c.gather, c.decide, c.merge, c.recollect} {
		if err := phase(ctx, s); err != nil {
			return false, err
		}
	}
	c.writing.RLock()
	return true, nil
}

// deliver writes where an alert belongs.
func (c *Controller) deliver(ctx context.Context, s *scope) error {
	wrote, err := c.write(ctx, s)
	if err != nil {
		return err
	}
	c.deciding.Lock()
	s.tenant.Delivered(s.alert.Name)
	c.deciding.Unlock()
	if wrote && s.decision.Reason == engine.ReasonMoved {
		c.eventMoved(s)
	}
	return nil
}

func (c *Controller) write(ctx context.Context, s *scope) (bool, error) {
	defer c.writing.RUnlock()
	return kube.ApplyStatus(ctx, c.Client, owner, s.alert, s.before, c.status(s))
}

// awaitWriters waits until everything is written that was decided so far.
func (c *Controller) awaitWriters() {
	c.writing.Lock()
	defer c.writing.Unlock()
}

// read gets the alert with what the cluster adds to it, nothing where it is gone.
// Nobody has to wait with a decision for what the cluster answers.
func (c *Controller) read(ctx context.Context, name types.NamespacedName) (*scope, error) {
	alert := &v1alpha1.Alert{}
	err := c.Client.Get(ctx, name, alert)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading alert: %w", err)
	}
	s := &scope{alert: alert, before: owned(&alert.Status)}
	if convert.Hidden(alert) != "" {
		return s, nil
	}
	return s, c.enrich(ctx, s)
}

// readAgain gets an alert anew if it has changed since: those whose turn came
// before may have taken it along.
func (c *Controller) readAgain(ctx context.Context, name types.NamespacedName, s *scope) (*scope, error) {
	alert := &v1alpha1.Alert{}
	err := c.Client.Get(ctx, name, alert)
	if s != nil && err == nil && alert.UID == s.alert.UID && alert.ResourceVersion == s.alert.ResourceVersion {
		return s, nil
	}
	return c.read(ctx, name)
}

// past reads past the cache, which may not show what was written just now.
func (c *Controller) past() client.Reader {
	if c.Live == nil {
		return c.Client
	}
	return c.Live
}

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
