package status

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// gathering is how long a rule waits after an alert for further ones: a storm
// costs one write for each rule in that time.
const gathering = 2 * time.Second

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// matched has the rules of an alert counted again, a little later.
var matched = handler.Funcs{
	CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(e.Object, q) },
	DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueue(e.Object, q) },
	UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
		before, was := e.ObjectOld.(*v1alpha1.Alert)
		after, is := e.ObjectNew.(*v1alpha1.Alert)
		if was && is && countsOtherwise(&before.Status, &after.Status) {
			enqueue(after, q)
		}
	},
}

func enqueue(obj client.Object, q queue) {
	a, ok := obj.(*v1alpha1.Alert)
	if !ok || a.Spec.Tuning == nil {
		return
	}
	for _, name := range append(slices.Clone(a.Spec.Tuning.Monitored), a.Spec.Tuning.RuleName) {
		if name != "" {
			q.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: a.Namespace, Name: string(name)}}, gathering)
		}
	}
}

// countsOtherwise reports whether a rule's status tells something else of an alert.
func countsOtherwise(before, after *v1alpha1.AlertStatus) bool {
	return ptr.Deref(before.Occurrences, 1) != ptr.Deref(after.Occurrences, 1) ||
		!before.LastActivityTime.Equal(after.LastActivityTime) || !before.ReleasedTime.Equal(after.ReleasedTime)
}
