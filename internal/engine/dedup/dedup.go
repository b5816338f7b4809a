// Package dedup decides whether an event is a further occurrence of the open
// alert of its fingerprint or opens a new alert.
//
// An alert's window ends after a quiet time, at a maximal age, and where the
// rate of its events changes its nature: a surge far above the fingerprint's
// own base rate opens a new alert, so that an attack is not swallowed by an
// old noise alert, and the end of the surge opens another, so that the noise
// does not follow the attack. It ends too when the sender says that the signal
// is over, and where the alert is hidden and an event is not to be.
package dedup

import (
	"fmt"
	"time"
)

// Policy sets the limits of an alert's window.
type Policy struct {
	// Quiet ends a window: this long without an event.
	Quiet time.Duration
	// MaxAge ends a window: this long since it was opened.
	MaxAge time.Duration
	// Bin is the time over which a rate is measured.
	Bin time.Duration
	// SurgeFactor is how many times the busiest usual bin makes a surge.
	SurgeFactor int64
	// SurgeMin is the fewest events in a bin that make a surge.
	SurgeMin int64
}

// DefaultPolicy is what holds where nothing else is said.
func DefaultPolicy() Policy {
	return Policy{
		// A detector that repeats itself does so within the hour; a later
		// event is a new fact for the analyst.
		Quiet: time.Hour,
		// One working day at most, so that steady noise shows up daily.
		MaxAge: 24 * time.Hour,
		// The shortest time over which scheduled jobs (cron) are still one burst.
		Bin: time.Minute,
		// Ordinary bursts vary by a factor of two or three; eight is far above.
		SurgeFactor: 8,
		// Below this, a handful of events more is chance.
		SurgeMin: 16,
	}
}

// Validate names the first field that makes no sense.
func (p Policy) Validate() error {
	switch {
	case p.Quiet <= 0:
		return fmt.Errorf("quiet: must be positive, is %s", p.Quiet)
	case p.MaxAge < p.Quiet:
		return fmt.Errorf("maxAge: must be at least quiet (%s), is %s", p.Quiet, p.MaxAge)
	case p.Bin < time.Second || p.Bin > p.Quiet:
		return fmt.Errorf("bin: must be between a second and quiet (%s), is %s", p.Quiet, p.Bin)
	case p.SurgeFactor < 2:
		return fmt.Errorf("surgeFactor: must be at least 2, is %d", p.SurgeFactor)
	case p.SurgeMin < 2:
		return fmt.Errorf("surgeMin: must be at least 2, is %d", p.SurgeMin)
	}
	return nil
}

// State is what is remembered of a fingerprint; the zero value knows nothing.
// It is plain data: kept in the newest alert's status, it makes the same
// decisions after a restart. Times are whole seconds, but for Ended.
type State struct {
	// Opened is when the open alert began, Last its newest event.
	Opened, Last time.Time
	// Count is the number of events in the open alert.
	Count int64
	// Surge says that the open alert is a surge.
	Surge bool
	// Ended is when the sender said that the signal is over; zero while it goes
	// on. It is kept to the microsecond, so that what begins right after is told
	// from what came before.
	Ended time.Time
	// BinStart and BinCount are the current bin.
	BinStart time.Time
	BinCount int64
	// BaseMilli is the base rate: the usual number of events in a bin that
	// has any, times 1000.
	BaseMilli int64
}

// Reason says why an event was placed as it was.
type Reason string

// The reasons.
const (
	ReasonFirst     Reason = "First"
	ReasonDuplicate Reason = "Duplicate"
	ReasonQuiet     Reason = "QuietTimePassed"
	ReasonAge       Reason = "MaximalAgeReached"
	ReasonSurge     Reason = "Surge"
	ReasonSurgeOver Reason = "SurgeOver"
	// ReasonEnded is an event after the sender said that the signal was over.
	ReasonEnded Reason = "Ended"
	// ReasonTuningChanged is an event that is to be hidden no longer, while the
	// open alert is.
	ReasonTuningChanged Reason = "TuningChanged"
)

// Observe places n events that happened at one time. It returns the state
// to keep, whether they open a new alert, and why.
func (p Policy) Observe(s State, at time.Time, n int64) (State, bool, Reason) {
	return p.observe(s, at, n, false)
}

// Reveal places n events that must not count in the open alert, as that is hidden
// and they are not to be. It is as Observe otherwise.
func (p Policy) Reveal(s State, at time.Time, n int64) (State, Reason) {
	s, _, reason := p.observe(s, at, n, true)
	return s, reason
}

func (p Policy) observe(s State, at time.Time, n int64, reveal bool) (State, bool, Reason) {
	beforeEnd := !precise(at).After(s.Ended)
	at = at.UTC().Truncate(time.Second)
	n = max(n, 1)
	if s.Opened.IsZero() {
		return State{Opened: at, Last: at, Count: n, BinStart: at, BinCount: n}, true, ReasonFirst
	}
	// An event that arrives late belongs to what is open.
	now := at
	if now.Before(s.Last) {
		now = s.Last
	}
	if now.Sub(s.BinStart) >= p.Bin {
		s = p.closeBin(s)
		s.BinStart, s.BinCount = now, 0
	}
	s.BinCount += n

	reason := ReasonDuplicate
	switch {
	case s.Ended.IsZero():
		reason = p.reason(s, now)
	case !beforeEnd:
		reason = ReasonEnded
	}
	if reveal && reason == ReasonDuplicate {
		reason = ReasonTuningChanged
	}
	if reason != ReasonDuplicate {
		s.Opened, s.Ended, s.Count, s.Surge = at, time.Time{}, 0, reason == ReasonSurge
	}
	s.Last, s.Count = now, s.Count+n
	return s, reason != ReasonDuplicate, reason
}

// End places the sender's word that the signal was over at a time. It returns
// the state to keep, and whether this ends the open alert. began is when what
// that tells of began: the end of something before is not its end.
func (s State) End(began, at time.Time) (State, bool) {
	at = precise(at)
	if s.Opened.IsZero() || !s.Ended.IsZero() || at.Before(precise(began)) {
		return s, false
	}
	s.Ended = at
	return s, true
}

func precise(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func (p Policy) reason(s State, now time.Time) Reason {
	surging := s.BaseMilli > 0 && s.BinCount >= p.SurgeMin && s.BinCount*1000 > s.BaseMilli*p.SurgeFactor
	quiet := now.Sub(s.Last)
	switch {
	case quiet >= p.Quiet:
		return ReasonQuiet
	case now.Sub(s.Opened) >= p.MaxAge:
		return ReasonAge
	case surging && !s.Surge:
		return ReasonSurge
	case s.Surge && !surging && quiet >= p.Bin:
		return ReasonSurgeOver
	}
	return ReasonDuplicate
}

// closeBin lets the finished bin move the base rate: an eighth of the way, and
// at most to twice itself, so that an attack does not become the norm at once.
func (p Policy) closeBin(s State) State {
	seen := s.BinCount * 1000
	if s.BaseMilli == 0 {
		s.BaseMilli = max(seen, 1)
		return s
	}
	seen = min(seen, 2*s.BaseMilli)
	s.BaseMilli = max(s.BaseMilli+(seen-s.BaseMilli)/8, 1)
	return s
}
