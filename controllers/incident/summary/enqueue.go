package summary

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
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
