package drain

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// totals count events by what became of them.
type totals struct{ received, accepted, deduplicated, rolledUp, suppressed, rejected int64 }

func (t totals) plus(o totals) totals {
	return totals{t.received + o.received, t.accepted + o.accepted, t.deduplicated + o.deduplicated, t.rolledUp + o.rolledUp,
		t.suppressed + o.suppressed, t.rejected + o.rejected}
}

// outcome is what became of one event.
type outcome string

const (
	accepted     outcome = "accepted"
	deduplicated outcome = "deduplicated"
	rolledUp     outcome = "rolledUp"
	suppressed   outcome = "suppressed"
	rejected     outcome = "rejected"
)

// load is how much is on its way: events, and the bytes that they take in the
// spool. In memory they take about twice as many.
type load struct{ events, bytes int }

func (l load) plus(o load) load  { return load{l.events + o.events, l.bytes + o.bytes} }
func (l load) minus(o load) load { return load{l.events - o.events, l.bytes - o.bytes} }
func (l load) part(n int) load   { return load{l.events / n, l.bytes / n} }
func (l load) most(o load) load  { return load{max(l.events, o.events), max(l.bytes, o.bytes)} }

// batchOf is what a batch of the spool adds.
func batchOf(b spool.Batch) load { return load{int(b.Last - b.First + 1), len(b.Payload)} }

// entry is one batch of the spool on its way.
type entry struct {
	source      types.NamespacedName
	first, last spool.Position
	size        load
	account     *account
	// open counts the events whose outcome is not known yet.
	open   int
	totals totals
}

// ledger keeps the batches that were read from the spool, those of each tenant
// in order, until what they held is counted in the API server.
type ledger struct {
	mu      sync.Mutex
	tenants map[string]*account
	// size is the load of all; limit bounds it.
	size, limit load
	room        chan struct{}
}

// account is the part of the ledger of one tenant.
type account struct {
	// entries are in order of position; size is their load.
	entries []*entry
	size    load
}

func newLedger(limit load) *ledger {
	return &ledger{tenants: map[string]*account{}, limit: limit, room: make(chan struct{}, 1)}
}

// add takes a batch of a tenant whose events have no outcome yet.
func (l *ledger) add(tenant string, b spool.Batch, e envelope.Envelope) *entry {
	added := &entry{source: e.Key(), first: b.First, last: b.Last, size: batchOf(b), open: len(e.Events)}
	added.totals = totals{
		received:   int64(len(e.Events)) + e.Suppressed + e.Rejected,
		suppressed: e.Suppressed, rejected: e.Rejected,
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tenants[tenant] == nil {
		l.tenants[tenant] = &account{}
	}
	l.tenants[tenant].add(added)
	l.size = l.size.plus(added.size)
	return added
}

// placeBytes is about what the place of a batch in line takes when its events are
// done.
const placeBytes = 256

func (a *account) add(e *entry) {
	e.account = a
	a.entries = append(a.entries, e)
	a.size = a.size.plus(e.size)
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
	case rolledUp:
		e.totals.rolledUp++
	case suppressed:
		e.totals.suppressed++
	case rejected:
		e.totals.rejected++
	}
	if e.open == 0 {
		l.shrink(e)
	}
}

// shrink gives back the room of the events of a batch that is done. Its place is
// kept until those before it are done too.
func (l *ledger) shrink(e *entry) {
	freed := load{e.size.events, max(0, e.size.bytes-placeBytes)}
	e.size, e.account.size, l.size = e.size.minus(freed), e.account.size.minus(freed), l.size.minus(freed)
}

// offerRoom has the feed look for room that batches gave back.
func (l *ledger) offerRoom() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// settled returns, of each tenant that has any, the batches at the front whose
// events all have an outcome.
func (l *ledger) settled() map[string][]*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	done := map[string][]*entry{}
	for tenant, a := range l.tenants {
		n := 0
		for n < len(a.entries) && a.entries[n].open == 0 {
			n++
		}
		if n > 0 {
			done[tenant] = a.entries[:n:n]
		}
	}
	return done
}

// drop forgets the first n batches of a tenant.
func (l *ledger) drop(tenant string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.tenants[tenant]
	for _, e := range a.entries[:n] {
		a.size = a.size.minus(e.size)
		l.size = l.size.minus(e.size)
	}
	if a.entries = append([]*entry(nil), a.entries[n:]...); len(a.entries) == 0 {
		delete(l.tenants, tenant)
	}
	l.offerRoom()
}

// crowded says that many events wait for the totals to be written.
func (l *ledger) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	many := l.limit.part(4)
	return l.size.events >= many.events || l.size.bytes >= many.bytes
}

// floorPart is the part of the limit that every tenant has, whatever the others
// hold: while some wait for long the others go on with this much at a time.
const floorPart = 40

// roomFor says how much more of a tenant may be on its way: so much that it has
// no more than is then still free, as in the spool, but not less than the floor.
// There is none where either is not above zero.
func (l *ledger) roomFor(tenant string) load {
	l.mu.Lock()
	defer l.mu.Unlock()
	var own load
	if a := l.tenants[tenant]; a != nil {
		own = a.size
	}
	return l.limit.minus(l.size).minus(own).part(2).most(l.limit.part(floorPart).minus(own))
}

// sources returns those of a tenant that have events on their way.
func (l *ledger) sources(tenant string) []types.NamespacedName {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[types.NamespacedName]bool{}
	if a := l.tenants[tenant]; a != nil {
		for _, e := range a.entries {
			found[e.source] = e.source.Name != ""
		}
	}
	maps.DeleteFunc(found, func(_ types.NamespacedName, named bool) bool { return !named })
	return slices.Collect(maps.Keys(found))
}
