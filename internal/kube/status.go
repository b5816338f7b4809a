// Package kube holds the few ways in which controllers talk to the API server:
// how status is written, and how an action takes another identity.
package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// ApplyStatus writes the status fields that owner is responsible for, by
// server-side apply, when they differ from what the object has.
//
// Before and after are pointers to the status type with only the owner's
// fields set. The write demands the resource version that the decision was made
// from: a stale view, or a leader that does not know it was replaced, gets a
// conflict and decides again. It reports whether it wrote; if so, obj has the
// new resource version, so that a later write in the same reconciliation demands
// that nobody wrote in between.
func ApplyStatus[T any](ctx context.Context, c client.Client, owner client.FieldOwner, obj client.Object, before, after *T) (bool, error) {
	if equality.Semantic.DeepEqual(before, after) {
		return false, nil
	}
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(after)
	if err != nil {
		return false, fmt.Errorf("encoding status: %w", err)
	}
	gvk, err := apiutil.GVKForObject(obj, c.Scheme())
	if err != nil {
		return false, err
	}
	patch := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	patch.SetGroupVersionKind(gvk)
	patch.SetNamespace(obj.GetNamespace())
	patch.SetName(obj.GetName())
	patch.SetUID(obj.GetUID())
	patch.SetResourceVersion(obj.GetResourceVersion())
	if err := c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), owner, client.ForceOwnership); err != nil {
		return false, fmt.Errorf("writing status of %s: %w", obj.GetName(), err)
	}
	obj.SetResourceVersion(patch.GetResourceVersion())
	return true, nil
}
