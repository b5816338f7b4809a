package correlation

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/store"
)

// tenant returns the correlation of a namespace, which knows what is written of
// its incidents by now. At first sight, and when another policy is in force, it
// is rebuilt from what is written.
func (c *Controller) tenant(ctx context.Context, namespace string) (*store.Tenant, error) {
	policy, err := kube.CorrelationOf(ctx, c.Client, namespace)
	if err != nil {
		return nil, err
	}
	changed := c.changed.take(namespace)
	t, ok := c.tenants[namespace]
	if !ok || policy.CorrelationVersion != c.policies[namespace] {
		if t, err = c.rebuild(ctx, namespace, policy); err != nil {
			return nil, err
		}
		c.tenants[namespace], c.policies[namespace] = t, policy.CorrelationVersion
		return t, nil
	}
	for _, name := range changed {
		inc, err := c.incident(ctx, namespace, name)
		switch {
		case err != nil:
			c.changed.add(namespace, changed...)
			return nil, err
		case inc == nil:
			t.ForgetIncident(name)
		default:
			t.Learn(convert.IncidentFacts(inc))
		}
	}
	return t, nil
}

func (c *Controller) rebuild(ctx context.Context, namespace string, by kube.CorrelationInForce) (*store.Tenant, error) {
	var alerts v1alpha1.AlertList
	if err := c.Client.List(ctx, &alerts, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing alerts: %w", err)
	}
	var incidents v1alpha1.IncidentList
	if err := c.Client.List(ctx, &incidents, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing incidents: %w", err)
	}
	var known []store.Known
	for i := range alerts.Items {
		if a := &alerts.Items[i]; a.Status.IncidentName != "" {
			known = append(known, store.Known{Alert: convert.Alert(a), Membership: convert.Membership(a)})
		}
	}
	facts := make([]engine.IncidentFacts, 0, len(incidents.Items))
	for i := range incidents.Items {
		facts = append(facts, convert.IncidentFacts(&incidents.Items[i]))
	}
	return store.NewTenant(policyOf(ctx, by), known, facts), nil
}

// policyOf is what the engine decides by. Settings that another version of
// Tocsin accepted, and this one does not, must not stop correlation.
func policyOf(ctx context.Context, by kube.CorrelationInForce) engine.Policy {
	policy := convert.CorrelationPolicy(by.Settings)
	if err := policy.Validate(); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "What is in force of the correlation policy is not valid; the defaults are used", "uid", by.UID, "generation", by.Generation)
		return engine.DefaultPolicy()
	}
	return policy
}

// giveUp forgets a tenant whose engine is ahead of what can be written.
func (c *Controller) giveUp(namespace string) { delete(c.tenants, namespace) }

// changes remembers which incidents have changed since they were last looked at.
type changes struct {
	mu    sync.Mutex
	names map[string]map[string]struct{}
}

func (c *changes) add(namespace string, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = map[string]map[string]struct{}{}
	}
	if c.names[namespace] == nil {
		c.names[namespace] = map[string]struct{}{}
	}
	for _, name := range names {
		c.names[namespace][name] = struct{}{}
	}
}

func (c *changes) take(namespace string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make([]string, 0, len(c.names[namespace]))
	for name := range c.names[namespace] {
		names = append(names, name)
	}
	delete(c.names, namespace)
	return names
}

// note remembers what changed, and enqueues nothing.
func (c *changes) note() handler.Funcs {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	changed := func(obj client.Object) { c.add(obj.GetNamespace(), obj.GetName()) }
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, _ queue) { changed(e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ queue) { changed(e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ queue) { changed(e.Object) },
	}
}
