package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// TuningRulesOf lists the tuning rules of a namespace that are looked at, the
// oldest first, and at most as many as the engine takes: who adds one puts none
// out of force. Those that are being deleted are not among them. They are shared
// with the cache and must not be changed.
func TuningRulesOf(ctx context.Context, c client.Reader, namespace string) ([]*v1alpha1.TuningRule, error) {
	var list v1alpha1.TuningRuleList
	if err := c.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing tuning rules: %w", err)
	}
	var rules []*v1alpha1.TuningRule
	for i := range list.Items {
		if rule := &list.Items[i]; rule.DeletionTimestamp.IsZero() {
			rules = append(rules, rule)
		}
	}
	slices.SortFunc(rules, func(a, b *v1alpha1.TuningRule) int {
		return cmp.Or(a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return rules[:min(len(rules), tuning.MaxRules)], nil
}
