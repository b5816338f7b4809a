package wire

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Hold keeps back the watch frames of the kind: the processes see the past.
func (w *Wire) Hold(resource schema.GroupResource) { w.gate(resource).hold() }

// Release lets the held frames through, in order.
func (w *Wire) Release(resource schema.GroupResource) { w.gate(resource).open(false) }

// Expire drops the held frames and ends the watches; the next attempt to
// resume is answered with 410 Gone, so that the kind is listed anew and what
// happened in between is never seen.
func (w *Wire) Expire(resource schema.GroupResource) { w.gate(resource).open(true) }

// Watched lists the kinds of which the processes of the run were told that
// something had changed.
func (w *Wire) Watched() []schema.GroupResource {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []schema.GroupResource
	for resource, gate := range w.gates {
		if gate.told() {
			all = append(all, resource)
		}
	}
	return all
}

// Disturbed reports whether a write was spoiled, or a watch kept back or ended.
func (w *Wire) Disturbed() bool {
	if w.Fired() != nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, gate := range w.gates {
		if gate.disturbed.Load() {
			return true
		}
	}
	return false
}

// Synced tells how many watches are open, and whether all of them have told
// what there is.
func (w *Wire) Synced() (open int, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all = true
	for _, gate := range w.gates {
		n, synced := gate.synced()
		open += n
		all = all && synced
	}
	return open, all
}

func (w *Wire) gate(resource schema.GroupResource) *gate {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gates[resource] == nil {
		w.gates[resource] = &gate{streams: map[*stream]bool{}}
	}
	return w.gates[resource]
}

// gate is where the watches of one kind pass.
type gate struct {
	mu      sync.Mutex
	held    chan struct{} // closed when the gate opens; nil while it is open
	streams map[*stream]bool
	refuse  int // resumed watches still to be answered with 410
	frames  atomic.Int64

	// disturbed is set once a frame had to wait, or a watch was ended.
	disturbed atomic.Bool
}

func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = make(chan struct{})
	}
}

func (g *gate) open(expire bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if expire {
		for s := range g.streams {
			s.expire()
			g.disturbed.Store(true)
			g.refuse++
		}
	}
	if g.held != nil {
		close(g.held)
		g.held = nil
	}
}

// synced tells how many watches are open, and whether all of them have told
// what there is.
func (g *gate) synced() (open int, all bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.streams {
		if s.listing.Load() {
			return len(g.streams), false
		}
	}
	return len(g.streams), true
}

func (g *gate) told() bool { return g.frames.Load() > 0 }

// refuses tells whether the watch resumes one that was made to expire.
func (g *gate) refuses(req *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuse == 0 || req.URL.Query().Get("sendInitialEvents") == "true" {
		return false
	}
	g.refuse--
	return true
}

func (g *gate) waits() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held
}

func (g *gate) watch(req *http.Request, body io.ReadCloser) io.ReadCloser {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &stream{ReadCloser: body, gate: g, closed: make(chan struct{}), expired: make(chan struct{})}
	s.listing.Store(req.URL.Query().Get("sendInitialEvents") == "true")
	g.streams[s] = true
	return s
}

func (g *gate) forget(s *stream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, s)
}

// stream is the body of one watch.
type stream struct {
	io.ReadCloser
	gate              *gate
	closeOnce, expiry sync.Once
	closed, expired   chan struct{}

	// listing is set while the watch still tells what there is, before it tells
	// what happens. That part is never held: without it a process cannot start.
	listing atomic.Bool
	tail    []byte
}

// listed is what ends that part, in every encoding.
const listed = "k8s.io/initial-events-end"

// Read delivers what the server sent once the gate is open. What was read while
// the gate was held is delivered after it, or never when the watch expires.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if s.listing.Load() {
		s.tail = append(s.tail, p[:n]...)
		s.listing.Store(!bytes.Contains(s.tail, []byte(listed)))
		s.tail = s.tail[max(0, len(s.tail)-len(listed)):]
		return n, err
	}
	if n > 0 {
		s.gate.frames.Add(1)
	}
	if held := s.gate.waits(); held != nil {
		if n > 0 {
			s.gate.disturbed.Store(true)
		}
		select {
		case <-held:
		case <-s.closed:
		}
	}
	select {
	case <-s.expired:
		return 0, io.EOF
	default:
		return n, err
	}
}

// Close ends the watch.
func (s *stream) Close() error {
	s.closeOnce.Do(func() {
		close(s.closed)
		s.gate.forget(s)
	})
	return s.ReadCloser.Close()
}

// expire ends the watch from the server's side.
func (s *stream) expire() {
	s.expiry.Do(func() { close(s.expired) })
	// Wakes a Read that waits for the server.
	_ = s.ReadCloser.Close()
}

func expired(req *http.Request) *http.Response {
	return answer(req, http.StatusGone, "application/json",
		`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}`)
}
