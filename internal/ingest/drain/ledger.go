package drain

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// totals count events by what became of them.
type totals struct{ received, accepted, deduplicated, suppressed, rejected int64 }

func (t totals) plus(o totals) totals {
	return totals{t.received + o.received, t.accepted + o.accepted, t.deduplicated + o.deduplicated,
		t.suppressed + o.suppressed, t.rejected + o.rejected}
}

// outcome is what became of one event.
type outcome string

const (
	accepted     outcome = "accepted"
	deduplicated outcome = "deduplicated"
	suppressed   outcome = "suppressed"
	rejected     outcome = "rejected"
)

// entry is one batch of the spool on its way.
type entry struct {
	source      types.NamespacedName
	first, last spool.Position
	// open counts the events whose outcome is not known yet.
	open   int
	totals totals
}

// ledger keeps the batches that were read from the spool, in order, until what
// they held is counted in the API server.
type ledger struct {
	mu sync.Mutex
	// entries are in order of position; size counts their events.
	entries []*entry
	size    int
	room    chan struct{}
}

func newLedger() *ledger { return &ledger{room: make(chan struct{}, 1)} }

// add takes a batch whose events have no outcome yet.
func (l *ledger) add(b spool.Batch, e envelope.Envelope) *entry {
	added := &entry{source: e.Key(), first: b.First, last: b.Last, open: len(e.Events)}
	added.totals = totals{
		received:   int64(len(e.Events)) + e.Suppressed + e.Rejected,
		suppressed: e.Suppressed, rejected: e.Rejected,
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, added)
	l.size += int(added.last - added.first + 1)
	return added
}

// settle records what became of an event.
func (l *ledger) settle(e *entry, o outcome) {
	drained.WithLabelValues(string(o)).Inc()
	l.mu.Lock()
	defer l.mu.Unlock()
	e.open--
	switch o {
	case accepted:
		e.totals.accepted++
	case deduplicated:
		e.totals.deduplicated++
	case suppressed:
		e.totals.suppressed++
	case rejected:
		e.totals.rejected++
	}
}

// settled returns the batches at the front whose events all have an outcome.
func (l *ledger) settled() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.entries) && l.entries[n].open == 0 {
		n++
	}
	return l.entries[:n:n]
}

// drop forgets the first n batches.
func (l *ledger) drop(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries[:n] {
		l.size -= int(e.last - e.first + 1)
	}
	l.entries = append([]*entry(nil), l.entries[n:]...)
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// held is how many events are on their way.
func (l *ledger) held() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}
