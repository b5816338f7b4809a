package status

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// byInvestigation names the playbook of an investigation.
func byInvestigation() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		inv, ok := obj.(*v1alpha1.Investigation)
		if !ok {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: inv.Namespace, Name: string(inv.Spec.PlaybookName)}}}
	})
}

// investigationChanges lets through what a playbook's status tells.
func investigationChanges() builder.Predicates {
	return builder.WithPredicates(predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.Investigation)
		if !ok {
			return false
		}
		after, ok := e.ObjectNew.(*v1alpha1.Investigation)
		return ok && (!before.Status.StartTime.Equal(after.Status.StartTime) ||
			!slices.Equal(before.Status.Remediations, after.Status.Remediations))
	}})
}

// byServiceAccount names the playbooks that use a service account.
func byServiceAccount(c client.Client) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var list v1alpha1.PlaybookList
		if err := c.List(ctx, &list, client.InNamespace(obj.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
			log.FromContext(ctx).Error(err, "Listing playbooks for a service account")
			return nil
		}
		var out []reconcile.Request
		for i := range list.Items {
			if string(list.Items[i].Spec.ServiceAccountName) == obj.GetName() {
				out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
			}
		}
		return out
	})
}

// existence lets through that something came or went.
func existence() builder.Predicates {
	return builder.WithPredicates(predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }})
}
