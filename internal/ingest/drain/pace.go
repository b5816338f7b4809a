package drain

import (
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/cadence"
)

// beat is how far apart the alerts of one fingerprint are written.
type beat struct {
	// written is when we last wrote, looked when we last found it too early to.
	written, looked time.Time
	// pause is how long a count has to wait after a write.
	pause time.Duration
}

// manyWaiting is how many signals of one fingerprint are written without waiting
// longer than a second, so that they do not take the room of others.
var manyWaiting = maxHeld.part(8).events

// hurryFilled is how much of its room in the spool a tenant may use while a count
// waits: what comes behind the count stays in the spool until it is written.
const hurryFilled = 0.25

// rest is how long the newest alert of a fingerprint is to be left alone before
// what waits is written, or looked at again: what comes in the meantime is one
// write. What ends a signal or opens another alert waits a second since the last
// write at most, and so does a count where much waits, in memory or behind it in
// the spool; nothing waits while the drain comes to its end.
func (d *Drain) rest(k key, newest known, r raised, waiting int) time.Duration {
	b, now := d.view.beat(k), d.clock.Now()
	pause := b.pause
	if r.state.Ended != newest.state.Ended || len(r.by) < waiting || waiting >= manyWaiting || d.ledger.crowded() || d.spool.Filled(k.tenant) >= hurryFilled {
		pause = min(pause, cadence.Shortest)
	}
	wait := pause - now.Sub(b.written)
	if wait <= 0 || d.stopping.Load() {
		return 0
	}
	d.view.looked(k, now)
	return min(wait, cadence.Shortest)
}

// lookedAgo is how long it is not looked at a fingerprint again whose count waits:
// a signal that comes meanwhile would have all looked at that came before.
func (d *Drain) lookedAgo(k key) time.Duration {
	if d.stopping.Load() {
		return 0
	}
	return cadence.Shortest - d.clock.Since(d.view.beat(k).looked)
}

// wrote takes over that the newest alert of a fingerprint was written: nothing but
// its count, or more.
func (v *view) wrote(k key, at time.Time, count bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.beats[k]
	next := beat{written: at, pause: cadence.Shortest}
	if count {
		next.pause = cadence.Next(before.pause, at.Sub(before.written))
	}
	v.beats[k] = next
}

func (v *view) looked(k key, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.beats[k]
	b.looked = at
	v.beats[k] = b
}

func (v *view) beat(k key) beat {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.beats[k]
}
