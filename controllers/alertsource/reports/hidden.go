package reports

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// +kubebuilder:rbac:groups=tocsin.dev,resources=tuningrules,verbs=get;list;watch

// Tuning knows the tuning rules of each tenant.
type Tuning interface {
	Of(ctx context.Context, tenant string) (*tuning.Set, error)
}

// hides says whether what a tuning rule has hidden stays so.
type hides = func(rule string, a model.Alert) bool

// hides asks the rules of this moment. What a rule with hiddenAlerts: Release has
// hidden stays with that rule, as long as it is there: it releases the alert that
// there is, and another one would be told of twice.
func (c *Controller) hides(ctx context.Context, tenant string) (hides, error) {
	rules, err := c.Tuning.Of(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("looking for the tuning rules: %w", err)
	}
	var list v1alpha1.TuningRuleList
	if err := c.Client.List(ctx, &list, client.InNamespace(tenant), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing tuning rules: %w", err)
	}
	release := map[string]bool{}
	for i := range list.Items { // Also those that are being deleted.
		release[list.Items[i].Name] = list.Items[i].Spec.HiddenAlerts == v1alpha1.HiddenAlertsRelease
	}
	now := c.Clock.Now()
	return func(rule string, a model.Alert) bool {
		if release[rule] {
			return true
		}
		// As where events are delivered: others may hide it as well, and one on which
		// the rule fails is not hidden.
		hidden, _ := rules.Covers(tuning.Decision{Rule: rule, Action: tuning.Hide}, a, now)
		return hidden
	}, nil
}
