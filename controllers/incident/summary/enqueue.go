package summary

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// enqueue names the incident that an object belongs to, and on a change also
// the one that it belonged to before; of one that was merged, also the one that
// it is part of now.
func enqueue[T client.Object](c client.Reader, incidentOf func(T) v1alpha1.LocalName) handler.Funcs {
	add := func(ctx context.Context, obj client.Object, q queue) {
		typed, ok := obj.(T)
		if !ok || incidentOf(typed) == "" {
			return
		}
		name := types.NamespacedName{Namespace: obj.GetNamespace(), Name: string(incidentOf(typed))}
		survivor, err := kube.Survivor(ctx, c, name)
		if err != nil {
			log.FromContext(ctx).Error(err, "Following the merges of an incident", "incident", name)
		}
		q.Add(reconcile.Request{NamespacedName: name})
		q.Add(reconcile.Request{NamespacedName: survivor}) // the queue keeps one of two
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			add(ctx, e.ObjectOld, q)
			add(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, e.Object, q) },
	}
}

// merged lets through incidents that were merged into another one.
var merged = predicate.NewPredicateFuncs(func(obj client.Object) bool {
	inc, ok := obj.(*v1alpha1.Incident)
	return ok && inc.Status.RedirectedTo != ""
})

// resembling lists the incidents that name one as similar.
func (c *Controller) resembling(ctx context.Context, obj client.Object) []reconcile.Request {
	var list v1alpha1.IncidentList
	err := c.Client.List(ctx, &list, client.InNamespace(obj.GetNamespace()),
		client.MatchingFields{kube.IndexIncidentSimilar: obj.GetName()}, client.UnsafeDisableDeepCopy)
	if err != nil {
		log.FromContext(ctx).Error(err, "Listing the incidents that resemble another")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
