package reports

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// changes has the source of reports that changed looked at.
func (c *Controller) changes() source.Source {
	return source.Func(func(_ context.Context, q queue) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.queue = q
		return nil
	})
}

func (c *Controller) poke(key types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue != nil {
		c.queue.AddAfter(reconcile.Request{NamespacedName: key}, pace)
	}
}

// sourceOf has the source of an alert looked at, where its reports are followed.
func (c *Controller) sourceOf() handler.Funcs {
	add := func(obj client.Object) {
		a, ok := obj.(*v1alpha1.Alert)
		if !ok {
			return
		}
		key := types.NamespacedName{Namespace: a.Namespace, Name: string(a.Spec.Source.AlertSource)}
		c.mu.Lock()
		followed := c.watches[key] != nil
		c.mu.Unlock()
		if followed {
			c.poke(key)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, _ queue) { add(e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ queue) { add(e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ queue) { add(e.Object) },
	}
}
