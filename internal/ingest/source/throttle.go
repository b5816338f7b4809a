package source

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Throttle bounds the rate of the events of one source on this replica. A nil
// Throttle bounds nothing.
type Throttle struct {
	mu      sync.Mutex
	bucket  *rate.Limiter
	refused time.Time
}

// NewThrottle allows so many events a second, and a burst after a quiet time.
func NewThrottle(perSecond, burst int) *Throttle {
	return &Throttle{bucket: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// Ready says how long to wait before any event can be taken, 0 for not at all:
// a request that must be refused need not be read.
func (t *Throttle) Ready(now time.Time) time.Duration {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.missing(1, now)
}

// Take counts n events and returns 0, or counts none and says how long to wait.
// More than the burst are taken when it is whole, and made up for by those that
// come later: what a sender may send in one request must not be refused for ever.
func (t *Throttle) Take(n int, now time.Time) time.Duration {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait := t.missing(n, now); wait > 0 {
		return wait
	}
	for burst := t.bucket.Burst(); n > 0; n -= burst {
		t.bucket.ReserveN(now, min(n, burst))
	}
	return 0
}

// GiveBack counts n events no longer that Take counted: nothing became of them.
func (t *Throttle) GiveBack(n int, now time.Time) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bucket.ReserveN(now, -n) // gives tokens, of which the bucket keeps a burst
}

// missing says how long it takes until n events can be taken.
func (t *Throttle) missing(n int, now time.Time) time.Duration {
	missing := float64(min(n, t.bucket.Burst())) - t.bucket.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	t.refused = now
	return max(time.Duration(missing/float64(t.bucket.Limit())*float64(time.Second)), time.Nanosecond)
}

// LastRefused is when events were last refused, zero for never.
func (t *Throttle) LastRefused() time.Time {
	if t == nil {
		return time.Time{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

// like says whether two throttles have the same limits.
func (t *Throttle) like(other *Throttle) bool {
	return t != nil && other != nil && t.bucket.Limit() == other.bucket.Limit() && t.bucket.Burst() == other.bucket.Burst()
}
