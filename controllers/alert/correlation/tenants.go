package correlation

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/store"
)

// tenancy is the correlation of a namespace, and by which policy it was built.
type tenancy struct {
	*store.Tenant
	policy kube.CorrelationVersion
	// stale says that its engine is ahead of what can be written.
	stale bool
}

// tenant returns the correlation of a namespace, which knows what is written of
// its incidents by now. At first sight, and when another policy is in force, it
// is rebuilt from what is written.
func (c *Controller) tenant(ctx context.Context, namespace string) (*store.Tenant, error) {
	policy, err := kube.CorrelationOf(ctx, c.Client, namespace)
	if err != nil {
		return nil, err
	}
	changed := c.changed.take(namespace)
	was, ok := c.tenants[namespace]
	for name, deleted := range changed {
		if deleted && ok {
			was.ForgetIncident(name)
		}
	}
	if !ok || was.stale || policy.CorrelationVersion != was.policy {
		t, err := c.rebuild(ctx, namespace, policy, was.Tenant)
		if err != nil {
			c.changed.restore(namespace, changed)
			return nil, err
		}
		c.tenants[namespace] = tenancy{Tenant: t, policy: policy.CorrelationVersion}
		return t, nil
	}
	t := was.Tenant
	for name := range changed {
		inc, err := c.incident(ctx, namespace, name)
		switch {
		case err != nil:
			c.changed.restore(namespace, changed)
			return nil, err
		case inc == nil:
			t.ForgetIncident(name)
		default:
			t.Learn(convert.IncidentFacts(inc))
		}
	}
	return t, nil
}

// rebuild makes a tenant from what is written. The cache may lag behind what the
// one before has written: redirects, and where alerts belong.
func (c *Controller) rebuild(ctx context.Context, namespace string, by kube.CorrelationInForce, before *store.Tenant) (*store.Tenant, error) {
	c.awaitWriters()
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
		a := &alerts.Items[i]
		if a.Status.IncidentName == "" && before != nil && before.Written(a.Name) {
			if err := c.past().Get(ctx, client.ObjectKeyFromObject(a), a); client.IgnoreNotFound(err) != nil {
				return nil, fmt.Errorf("reading alert %s: %w", a.Name, err)
			}
		}
		if a.Status.IncidentName != "" {
			known = append(known, store.Known{Alert: convert.Alert(a), Membership: convert.Membership(a)})
		}
	}
	facts := make([]engine.IncidentFacts, 0, len(incidents.Items))
	for i := range incidents.Items {
		facts = append(facts, convert.IncidentFacts(&incidents.Items[i]))
	}
	t := store.NewTenant(policyOf(ctx, by), known, facts)
	t.Remember(before)
	return t, nil
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

// giveUp has a tenant rebuilt whose engine is ahead of what can be written.
func (c *Controller) giveUp(namespace string) {
	t := c.tenants[namespace]
	t.stale = true
	c.tenants[namespace] = t
}
