package wire

import (
	"net/http"
	"sync"

	"k8s.io/client-go/rest"
)

// Line is what one process of a run speaks through.
type Line struct {
	wire *Wire
	once sync.Once
	dead chan struct{}
}

// Line returns the line of a new process.
func (w *Wire) Line() *Line {
	return &Line{wire: w, dead: make(chan struct{})}
}

// Config returns a copy of the configuration whose requests go through the line.
func (l *Line) Config(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &transport{line: l, next: next}
	})
	return config
}

// Crashed is closed once the process is dead: not one more request of it
// reaches the API server.
func (l *Line) Crashed() <-chan struct{} { return l.dead }

// Crash makes the process dead.
func (l *Line) Crash() {
	l.once.Do(func() { close(l.dead) })
}

// transport is one of the process's ways to the API server: a process that
// takes other identities has several.
type transport struct {
	line *Line
	next http.RoundTripper
}

// RoundTrip sends a request, unless a fault or a gate has it otherwise.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case <-t.line.dead:
		return nil, errDown
	default:
	}
	r := parse(req)
	switch r.Class {
	case Read:
		return t.read(r, req)
	case Lease:
		return t.next.RoundTrip(req)
	}
	write, effect := t.line.wire.begin(r)
	if effect != Nothing {
		resp, err := t.spoil(effect, req)
		t.line.wire.end(write, effect, resp, err)
		return resp, err
	}
	resp, err := t.next.RoundTrip(req)
	t.line.wire.end(write, effect, resp, err)
	return resp, err
}

func (t *transport) read(r Request, req *http.Request) (*http.Response, error) {
	if !r.watch {
		return t.next.RoundTrip(req)
	}
	gate := t.line.wire.gate(r.Resource)
	if gate.refuses(req) {
		return expired(req), nil
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusOK {
		resp.Body = gate.watch(req, resp.Body)
	}
	return resp, err
}
