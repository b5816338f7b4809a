package correlation

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// changes remembers which incidents have changed since they were last looked
// at, and whether they were deleted meanwhile.
type changes struct {
	mu    sync.Mutex
	names map[string]map[string]bool
}

func (c *changes) add(obj client.Object, deleted bool) {
	c.restore(obj.GetNamespace(), map[string]bool{obj.GetName(): deleted})
}

func (c *changes) restore(namespace string, names map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = map[string]map[string]bool{}
	}
	if c.names[namespace] == nil {
		c.names[namespace] = map[string]bool{}
	}
	for name, deleted := range names {
		c.names[namespace][name] = c.names[namespace][name] || deleted
	}
}

func (c *changes) take(namespace string) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := c.names[namespace]
	delete(c.names, namespace)
	return names
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// onIncident remembers that an incident has changed, and only then enqueues who
// has to be decided about again: who comes first must find it remembered.
func (c *Controller) onIncident(matters predicate.Funcs, enqueue handler.MapFunc) handler.Funcs {
	add := func(ctx context.Context, q queue, obj client.Object, deleted, matters bool) {
		c.changed.add(obj, deleted)
		if !matters {
			return
		}
		for _, request := range enqueue(ctx, obj) {
			q.Add(request)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			add(ctx, q, e.Object, false, matters.Create(e))
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			add(ctx, q, e.ObjectNew, false, matters.Update(e))
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			add(ctx, q, e.Object, true, matters.Delete(e))
		},
	}
}

// stateChanged lets through what changes the state of alerts, or where they are.
var stateChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	was, ok := e.ObjectOld.(*v1alpha1.Incident)
	is, ok2 := e.ObjectNew.(*v1alpha1.Incident)
	return ok && ok2 && (was.Status.State != is.Status.State || was.Status.RedirectedTo != is.Status.RedirectedTo)
}}

// membersOf lists the alerts of an incident whose state has changed, as theirs
// follows, and those that people want to be in it, as that may be so now.
func (c *Controller) membersOf(ctx context.Context, obj client.Object) []reconcile.Request {
	var requests []reconcile.Request
	for _, index := range []string{kube.IndexAlertIncident, kube.IndexAlertWanted} {
		alerts, err := c.alerts(ctx, obj.GetNamespace(), index, obj.GetName())
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Listing the alerts of an incident")
		}
		for i := range alerts {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&alerts[i])})
		}
	}
	return requests
}

// alerts lists, to be read only, the alerts that an index of the cache has under
// a name.
func (c *Controller) alerts(ctx context.Context, namespace, index, name string) ([]v1alpha1.Alert, error) {
	var list v1alpha1.AlertList
	err := c.Client.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{index: name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("listing alerts by %s %s: %w", index, name, err)
	}
	return list.Items, nil
}
