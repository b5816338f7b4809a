package drain

import (
	"testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// TestRoom: a tenant has room for no more events than is then still free, and
// one without any for a batch whatever the others hold.
func TestRoom(t *testing.T) {
	l := newLedger(100)
	next := spool.Position(1)
	for step, try := range []struct {
		tenant    string
		add       int
		room, one bool
	}{
		{"a", 40, true, true}, {"a", 10, true, false}, {"a", 1, false, false},
		{"b", 30, true, true}, {"b", 1, false, false},
		{"c", 30, true, true}, {"d", 1, false, true},
	} {
		if room, one := l.roomFor(try.tenant); room != try.room || one != try.one {
			t.Errorf("step %d: room %t, for one %t", step, room, one)
		}
		if try.add > 1 {
			last := next + spool.Position(try.add) - 1
			l.add(try.tenant, spool.Batch{First: next, Last: last}, envelope.Envelope{})
			next = last + 1
		}
	}
	l.add("d", spool.Batch{First: next, Last: next}, envelope.Envelope{})
	if room, one := l.roomFor("d"); room || one {
		t.Error("a tenant that holds a batch has room for another while nothing is free")
	}
	l.drop("a", 2)
	if room, _ := l.roomFor("d"); !room {
		t.Error("there is no room where half was given back")
	}
}
