package drain

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// hold adds a batch of a tenant to a ledger.
func hold(l *ledger, tenant string, size load) {
	l.add(tenant, spool.Batch{First: 1, Last: spool.Position(size.events), Payload: make([]byte, size.bytes)}, envelope.Envelope{})
}

// TestRoom: a tenant has room for no more than is then still free, in events and
// in bytes, and for the floor whatever the others hold.
func TestRoom(t *testing.T) {
	l := newLedger(load{events: 400, bytes: 4000})
	for step, try := range []struct {
		tenant    string
		room, add load
	}{
		{"a", load{200, 2000}, load{100, 400}},
		{"a", load{100, 1600}, load{100, 1600}},
		{"a", load{0, 0}, load{}},
		{"b", load{100, 1000}, load{10, 1000}},
		{"b", load{90, 0}, load{}},
		{"c", load{95, 500}, load{190, 1000}}, // one batch is larger than its room
		{"d", load{10, 100}, load{4, 40}},
		{"d", load{6, 60}, load{6, 10}},
		{"d", load{0, 50}, load{}},
	} {
		if diff := cmp.Diff(try.room, l.roomFor(try.tenant), cmp.AllowUnexported(load{})); diff != "" {
			t.Errorf("step %d: room of %s (-want +got):\n%s", step, try.tenant, diff)
		}
		if try.add.events > 0 {
			hold(l, try.tenant, try.add)
		}
	}
	l.drop("a", 2)
	if room := l.roomFor("d"); room != (load{90, 950}) {
		t.Errorf("room where half was given back: %v", room)
	}
}

// TestFloor: while some tenants hold all that they may, another goes on with more
// than a batch at a time.
func TestFloor(t *testing.T) {
	l := newLedger(maxHeld)
	for _, tenant := range []string{"a", "b", "c", "d", "e"} {
		for room := l.roomFor(tenant); room.events > 0; room = l.roomFor(tenant) {
			hold(l, tenant, load{events: 9000, bytes: 1})
		}
	}
	hold(l, "healthy", load{events: 1, bytes: 100})
	if room := l.roomFor("healthy"); room.events != 999 || room.bytes < 1<<20 {
		t.Errorf("room of a tenant with one event on its way: %v", room)
	}
}

// TestCrowded: a quarter of either is much.
func TestCrowded(t *testing.T) {
	for _, try := range []struct {
		held load
		want bool
	}{{load{24, 249}, false}, {load{25, 1}, true}, {load{1, 250}, true}} {
		l := newLedger(load{events: 100, bytes: 1000})
		hold(l, tenant, try.held)
		if got := l.crowded(); got != try.want {
			t.Errorf("%v held: crowded %t", try.held, got)
		}
	}
}

// TestHeld: what is read while nothing can be written is bounded by events and by
// bytes, but for the end of one batch.
func TestHeld(t *testing.T) {
	for name, try := range map[string]struct {
		limit, batch, want load
	}{
		"many events": {limit: load{40, 1 << 20}, batch: load{events: 3}, want: load{events: 21}},
		"large ones":  {limit: load{1000, 40_000}, batch: load{events: 3, bytes: 3_000}, want: load{events: 21}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for range 30 {
				e := envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now}
				for range try.batch.events {
					event, err := json.Marshal(map[string]string{"rule": "shell", "output": strings.Repeat("x", try.batch.bytes/try.batch.events)})
					if err != nil {
						t.Fatal(err)
					}
					e.Events = append(e.Events, event)
				}
				payload, err := e.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.spool.Append(t.Context(), tenant, payload, e.Positions()); err != nil {
					t.Fatal(err)
				}
			}
			d := w.drain(w.spool)
			defer d.queue.ShutDown()
			d.ledger = newLedger(try.limit)
			next := map[string]spool.Position{}
			for taken, err := true, error(nil); taken; {
				if taken, err = d.round(t.Context(), next); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.ledger.size; got.events != try.want.events {
				t.Errorf("%d events are held in %d bytes, want %d", got.events, got.bytes, try.want.events)
			}
		})
	}
}
