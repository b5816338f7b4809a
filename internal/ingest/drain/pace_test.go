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

// noise sends an event of one rule each second while the drain is running, and then
// calls then. The drain is told to stop afterwards, and has the grace for what still
// waits.
func (w *world) noise(t *testing.T, seconds int, then func()) {
	t.Helper()
	w.noiseWith(t, seconds, func(second int64) {
		if second == int64(seconds) {
			then()
		}
	})
}

// noiseWith is the same, and calls each after every second.
func (w *world) noiseWith(t *testing.T, seconds int, each func(second int64)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d := New(Deps{Client: w.api, Reader: w.api, Spool: w.spool, Sources: w.sources, Clock: clock.RealClock{}, Grace: 5 * time.Second})
	ended := make(chan error, 1)
	go func() { ended <- d.Start(ctx) }()
	for second := range seconds {
		w.send(t, time.Duration(second)*time.Second, "shell")
		<-clock.RealClock{}.After(time.Second)
		each(int64(second + 1))
	}
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

// TestTotalsBehindANoise: they add up at any time, and are no later than the longest
// pause, the look a second later, and settleEvery. Those of another source of the
// tenant stand still meanwhile, though its alert is there.
func TestTotalsBehindANoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const behind, latest = 800, 67
		late, otherAt := int64(0), int64(0)
		w.noiseWith(t, 1200, func(second int64) {
			got := w.totals(t)
			if sum := got.accepted + got.deduplicated + got.rolledUp + got.suppressed + got.rejected; sum != got.received {
				t.Fatalf("second %d: %d received, %d in all", second, got.received, sum)
			}
			late = max(late, second-got.received)
			if second == behind {
				w.notify(t, behind*time.Second, "firing", "disk")
			}
			if second == behind+2 && w.alerts(t)["disk/a"] != 1 {
				t.Error("the alert of the other source waits too")
			}
			if otherAt == 0 && w.totalsOf(t, tenant, monitor).received == 1 {
				otherAt = second
			}
		})
		if late < 30 || late > latest || otherAt < behind+10 || otherAt > behind+latest {
			t.Errorf("totals are %d s late, those of the other source %d s", late, otherAt-behind)
		}
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
