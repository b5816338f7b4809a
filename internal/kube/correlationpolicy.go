package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// CorrelationVersion tells which version of which policy is in force; zero where
// the defaults hold.
type CorrelationVersion struct {
	UID        types.UID
	Generation int64
}

// CorrelationInForce is what a namespace is correlated by.
type CorrelationInForce struct {
	CorrelationVersion
	// Settings are what was accepted last of the policy in use; they are shared
	// with the cache and must not be changed.
	Settings v1alpha1.CorrelationSettings
}

// CorrelationOf reads what a namespace is correlated by.
func CorrelationOf(ctx context.Context, c client.Reader, namespace string) (CorrelationInForce, error) {
	var list v1alpha1.CorrelationPolicyList
	if err := c.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return CorrelationInForce{}, fmt.Errorf("listing correlation policies: %w", err)
	}
	p := CorrelationPolicyInUse(list.Items)
	if p == nil {
		return CorrelationInForce{}, nil
	}
	return CorrelationInForce{
		CorrelationVersion{p.UID, ptr.Deref(p.Status.InForce.Generation, 0)}, p.Status.InForce.CorrelationSettings,
	}, nil
}

// CorrelationPolicyInUse is the policy by which a namespace is correlated, of all
// that it has: the oldest that was ever valid, the first by name among those of
// one second. nil is none.
func CorrelationPolicyInUse(policies []v1alpha1.CorrelationPolicy) *v1alpha1.CorrelationPolicy {
	var valid []*v1alpha1.CorrelationPolicy
	for i := range policies {
		if policies[i].Status.InForce != nil {
			valid = append(valid, &policies[i])
		}
	}
	if len(valid) == 0 {
		return nil
	}
	return slices.MinFunc(valid, func(a, b *v1alpha1.CorrelationPolicy) int {
		return cmp.Or(a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
}
