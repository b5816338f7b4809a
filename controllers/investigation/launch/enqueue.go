package launch

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
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// toIncident names the incident that an object belongs to, after all merges.
func toIncident[T client.Object](c client.Reader, incidentOf func(T) v1alpha1.LocalName) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		typed, ok := obj.(T)
		if !ok || incidentOf(typed) == "" {
			return nil
		}
		survivor, err := kube.Survivor(ctx, c, types.NamespacedName{Namespace: obj.GetNamespace(), Name: string(incidentOf(typed))})
		if err != nil {
			log.FromContext(ctx).Error(err, "Following the merges of an incident")
		}
		return []reconcile.Request{{NamespacedName: survivor}}
	})
}

// toIncidents names every incident of the playbook's tenant.
func toIncidents(c client.Client) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var list v1alpha1.IncidentList
		if err := c.List(ctx, &list, client.InNamespace(obj.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
			log.FromContext(ctx).Error(err, "Listing incidents for a playbook")
			return nil
		}
		var out []reconcile.Request
		for i := range list.Items {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
		return out
	})
}

// on lets through new objects, and changes in what the launch reads.
func on[T client.Object](changed func(before, after T) bool) builder.Predicates {
	return builder.WithPredicates(predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(T)
			if !ok {
				return false
			}
			after, ok := e.ObjectNew.(T)
			return ok && changed(before, after)
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	})
}

func incidentChanges() builder.Predicates {
	return on(func(before, after *v1alpha1.Incident) bool {
		was, is := convert.IncidentFacts(before), convert.IncidentFacts(after)
		return was.Resolved != is.Resolved || was.RedirectedTo != is.RedirectedTo ||
			!slices.Equal(before.Status.MergedFrom, after.Status.MergedFrom)
	})
}

func alertChanges() builder.Predicates {
	return on(func(before, after *v1alpha1.Alert) bool {
		return before.Status.IncidentName != after.Status.IncidentName || convert.Settled(before) != convert.Settled(after)
	})
}

func investigationChanges() builder.Predicates {
	return on(func(before, after *v1alpha1.Investigation) bool {
		return examining(before) != examining(after)
	})
}

func examining(inv *v1alpha1.Investigation) bool {
	return convert.Former(inv).Examining
}

func playbookChanges() builder.Predicates {
	return on(func(before, after *v1alpha1.Playbook) bool { return before.Generation != after.Generation })
}
