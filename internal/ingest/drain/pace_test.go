package drain

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// noise sends an event of one rule each second while the drain is running, and
// returns what was written by the time that then is called. The drain is told to stop
// afterwards, and has the grace for what still waits.
func (w *world) noise(t *testing.T, seconds int, then func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d := New(Deps{Client: w.api, Reader: w.api, Spool: w.spool, Sources: w.sources, Clock: clock.RealClock{}, Grace: 5 * time.Second})
	ended := make(chan error, 1)
	go func() { ended <- d.Start(ctx) }()
	for second := range seconds {
		w.send(t, time.Duration(second)*time.Second, "shell")
		<-clock.RealClock{}.After(time.Second)
	}
	then()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func count(writes []string, kind string) (n int) {
	for _, w := range writes {
		if w == kind {
			n++
		}
	}
	return n
}

// TestPaceGrows: what goes on for long is written ever further apart, is no more than
// the longest pause late, and is whole when the drain has come to its end.
func TestPaceGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.noise(t, 1200, func() {
			if n := count(w.written(), "raise"); n > 30 {
				t.Errorf("%d writes of a count in 20 minutes", n)
			}
			if n := w.alerts(t)["shell/a"]; n < 1200-61 {
				t.Errorf("%d of 1200 events are counted so far", n)
			}
		})
		w.check(t, map[string]int64{"shell/a": 1200}, totals{received: 1200, accepted: 1, deduplicated: 1199})
	})
}

// TestPaceOfTheEnd: that a signal is over does not wait as its count does.
func TestPaceOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.drain(w.spool).Start(ctx) }()
		for second := range 300 {
			w.notify(t, time.Duration(second)*time.Second, "firing", "disk")
			<-clock.RealClock{}.After(time.Second)
		}
		w.notify(t, 5*time.Minute, "resolved", "disk")
		<-clock.RealClock{}.After(3 * time.Second)
		if ends, _ := w.ends(t); ends["disk/a"] != 5*time.Minute {
			t.Errorf("ended: %v", ends)
		}
		if n := w.alerts(t)["disk/a"]; n != 300 {
			t.Errorf("%d of 300 events are counted when it ends", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestPlaceInLine: events that are done give their room back while those before them
// are not; their batch keeps its place.
func TestPlaceInLine(t *testing.T) {
	l := newLedger(load{events: 100, bytes: 100_000})
	batch := func(first spool.Position) *entry {
		return l.add(tenant, spool.Batch{First: first, Last: first + 1, Payload: make([]byte, 1000)}, envelope.Envelope{Events: make([][]byte, 2)})
	}
	batch(1)
	done := batch(3)
	l.settle(done, deduplicated)
	if want := (load{4, 2000}); l.size != want {
		t.Errorf("%v held while a batch is half done, want %v", l.size, want)
	}
	l.settle(done, deduplicated)
	want := load{2, 1000 + placeBytes}
	if l.size != want || l.tenants[tenant].size != want {
		t.Errorf("%v held, %v of the tenant, want %v", l.size, l.tenants[tenant].size, want)
	}
	if n := len(l.settled()[tenant]); n != 0 {
		t.Errorf("%d batches are to be forgotten before the first is done", n)
	}
}
