package drain

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// resting is a clock that keeps how long it was waited for, and does not wait.
type resting struct {
	clock.WithTicker
	rests []time.Duration
}

func (r *resting) After(d time.Duration) <-chan time.Time {
	r.rests = append(r.rests, d)
	now := make(chan time.Time, 1)
	now <- r.Now()
	return now
}

// TestYield: the feed rests while senders wait for their answers, and not where
// that would make the gateway refuse them.
func TestYield(t *testing.T) {
	const room = 10_000
	for name, test := range map[string]struct {
		appended int
		worked   time.Duration
		want     []time.Duration
	}{
		"nothing new":         {0, time.Second, nil},
		"little work":         {100, time.Millisecond, []time.Duration{3 * time.Millisecond}},
		"much work":           {100, time.Second, []time.Duration{500 * time.Millisecond}},
		"no work":             {100, 0, nil},
		"the spool fills up":  {room / 5, 10 * time.Millisecond, []time.Duration{30 * time.Millisecond}},
		"it is half full now": {room * 2 / 5, 10 * time.Millisecond, nil},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := spool.Open(spool.Options{Path: filepath.Join(t.TempDir(), "spool.db"), MaxBytes: room})
			if err != nil {
				t.Fatal(err)
			}
			defer events.Close()
			if test.appended > 0 {
				if _, err := events.Append(t.Context(), "shop", make([]byte, test.appended), 1); err != nil {
					t.Fatal(err)
				}
				for len(events.News()) == 0 { // It comes after the answer.
					runtime.Gosched()
				}
			}
			watched := &resting{WithTicker: clock.RealClock{}}
			d := &Drain{spool: events, clock: watched}
			d.yield(t.Context(), test.worked)
			if diff := cmp.Diff(test.want, watched.rests); diff != "" {
				t.Error(diff)
			}
		})
	}
}
