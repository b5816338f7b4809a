package correlation

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// TestTurns: workers decide in the queue's order, although they come to it in any
// order, and each request is with the worker that took it.
func TestTurns(t *testing.T) {
	const requests = 400
	var turns turns
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Millisecond, time.Second)
	q := turns.newQueue("turns", limiter).(priorityqueue.PriorityQueue[reconcile.Request])
	var want, got []string
	for i := range requests {
		name := strconv.Itoa(i)
		want = append(want, name)
		q.Add(reconcile.Request{NamespacedName: types.NamespacedName{Name: name}})
	}
	var workers sync.WaitGroup
	for range writers {
		workers.Go(func() {
			for {
				request, _, shutdown := q.GetWithPriority()
				if shutdown {
					return
				}
				turn := turns.take(request)
				if n, _ := strconv.Atoi(request.Name); n%3 == 0 {
					turn.end() // nothing to decide: it ends when its turn has come
				} else {
					turn.wait()
				}
				if n, _ := strconv.Atoi(request.Name); n%3 != 0 {
					got = append(got, request.Name) // the turn guards it
				}
				turn.end()
				q.Done(request)
				if request.Name == want[requests-1] {
					q.ShutDown()
				}
			}
		})
	}
	workers.Wait()
	want = slices.DeleteFunc(want, func(name string) bool { n, _ := strconv.Atoi(name); return n%3 == 0 })
	if !slices.Equal(got, want) {
		t.Errorf("decided in the order %v", got)
	}
}

// TestNoTurn: who has not come by the queue does not wait.
func TestNoTurn(t *testing.T) {
	var turns turns
	turns.give(reconcile.Request{NamespacedName: types.NamespacedName{Name: "first"}})
	turn := turns.take(reconcile.Request{NamespacedName: types.NamespacedName{Name: "other"}})
	turn.wait()
	turn.end()
	if len(turns.waiting) != 1 {
		t.Errorf("turns that wait: %d, want 1", len(turns.waiting))
	}
}
