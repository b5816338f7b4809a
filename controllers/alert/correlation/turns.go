package correlation

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// turns lets workers that write side by side decide one after the other, in the
// order in which they took their requests from the queue.
type turns struct {
	mu sync.Mutex
	// last is closed when the turn that was given last is over.
	last <-chan struct{}
	// waiting holds the turns that were given and not taken yet; a request is with
	// one worker at a time.
	waiting map[reconcile.Request]turn
}

// turn begins when the one before is over. One that was not given begins at once.
type turn struct {
	before <-chan struct{}
	over   chan struct{}
	end    func()
}

func (t *turns) give(to reconcile.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil {
		t.waiting = map[reconcile.Request]turn{}
	}
	mine := turn{before: t.last, over: make(chan struct{})}
	t.last, t.waiting[to] = mine.over, mine
}

// take returns the turn of a request, which has to be ended.
func (t *turns) take(request reconcile.Request) turn {
	t.mu.Lock()
	mine := t.waiting[request]
	delete(t.waiting, request)
	t.mu.Unlock()
	mine.end = sync.OnceFunc(func() {
		mine.wait()
		if mine.over != nil {
			close(mine.over)
		}
	})
	return mine
}

func (t turn) wait() {
	if t.before != nil {
		<-t.before
	}
}

// inTurn is a queue that gives a turn with each request.
type inTurn struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	taking sync.Mutex
	turns  *turns
}

// newQueue is the queue that a controller has by default, with turns.
func (t *turns) newQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) queue {
	return &inTurn{turns: t, PriorityQueue: priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) {
		o.Log, o.RateLimiter = ctrl.Log.WithValues("controller", name), limiter
	})}
}

// GetWithPriority lets one worker at a time wait for a request, so that turns are
// given in the queue's order.
func (q *inTurn) GetWithPriority() (request reconcile.Request, priority int, shutdown bool) {
	q.taking.Lock()
	defer q.taking.Unlock()
	request, priority, shutdown = q.PriorityQueue.GetWithPriority()
	if !shutdown {
		q.turns.give(request)
	}
	return request, priority, shutdown
}

// Get is GetWithPriority for who does not ask for the priority.
func (q *inTurn) Get() (request reconcile.Request, shutdown bool) {
	request, _, shutdown = q.GetWithPriority()
	return request, shutdown
}
