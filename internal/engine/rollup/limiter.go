package rollup

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Limits bound the distinct alerts of one source in an hour.
type Limits struct {
	// Distinct is how many one rule may raise at one place.
	Distinct int
	// PerHour is how many the source may raise in all.
	PerHour int
	// Rules has the limits of rules for which Distinct does not hold.
	Rules map[string]int
}

func (l Limits) distinct(rule string) int {
	if own, ok := l.Rules[rule]; ok {
		return own
	}
	return l.Distinct
}

// DefaultLimits is what holds where nothing else is said.
func DefaultLimits() Limits {
	return Limits{
		// Nobody reads a hundred alerts of one rule on one workload, one by one.
		Distinct: 100,
		// 1.4 a second: of the 280 objects that a small API server creates in that
		// time, a hundred sources at their limits leave half to others.
		PerHour: 5_000,
	}
}

// Hour is how long a fingerprint counts after its last event: as long as an
// alert without events stays open.
const Hour = time.Hour

// placeShare says how many places are rolled up, each in an alert of its own: a
// fifth of what the source may raise in single ones. Names of places can be made up.
const placeShare = 5

// maxRules bounds the rules of one source that are rolled up, each in an alert of
// its own: names of rules can be made up.
const maxRules = 100

// Signal is what a limiter sees of an event.
type Signal struct {
	Rule     string
	Severity model.Severity
	// Place is where it happened; the zero key where the event does not say.
	Place       model.Key
	Fingerprint string
	// At is when it was received. The sender's clock may be anything.
	At time.Time
	// Now is the time of who decides: what was seen after it was seen when the
	// clock was wrong.
	Now time.Time
}

// SignalOf is what a limiter sees of an alert that was received at a time and is
// decided about now. One that says that it happened an hour or more off is counted
// for each hour of its own time: by that it opens one alert after the other.
func SignalOf(a model.Alert, received, now time.Time) Signal {
	s := Signal{Rule: a.Rule, Severity: a.Severity, Place: PlaceOf(a.Entities), Fingerprint: a.Fingerprint, At: received, Now: now}
	if !near(a.Last, received).Equal(a.Last) {
		s.Fingerprint += a.Last.UTC().Format(" 2006-01-02T15")
	}
	if received.After(now) {
		s.At = now
	}
	return s
}

// Limiter counts the distinct alerts of one source in the last hour. What it
// takes of memory is bounded by Limits.PerHour, whatever is sent. It is for one
// goroutine.
type Limiter struct {
	// single are the fingerprints that go to alerts of their own, places the rules
	// that are rolled up at a place, rules those that are wherever they fire.
	single, places, rules recent
	// atPlace and ofRule count single by rule, severity and place, and without
	// the place.
	atPlace, ofRule counts
}

// NewLimiter returns a limiter that has seen nothing.
func NewLimiter() *Limiter {
	return &Limiter{single: newRecent(), places: newRecent(), rules: newRecent(), atPlace: counts{}, ofRule: counts{}}
}

// Decide says where an event goes. A fingerprint that has its own alert keeps it.
func (l *Limiter) Decide(limits Limits, s Signal) Level {
	l.expire(s.At, s.Now)
	fingerprint, place, rule := s.digests()
	if l.single.touch(fingerprint, s.At) {
		return Single
	}
	limit := limits.distinct(s.Rule)
	if l.atPlace[place] < limit && !l.full(limits.PerHour, rule, limit) {
		l.add(fingerprint, place, rule, s.At)
		return Single
	}
	switch {
	case s.Place != (model.Key{}) && l.places.keep(place, s.At, max(1, limits.PerHour/placeShare)):
		return Place
	case l.rules.keep(rule, s.At, maxRules):
		return Rule
	}
	return Source
}

// full says that a rule may raise no more alerts of its own, wherever it fires.
// Half of what the source may raise is kept for rules that raised little: a rule
// that floods everywhere does not hide them.
func (l *Limiter) full(perHour int, rule digest, limit int) bool {
	total := l.single.size()
	return total >= perHour || l.ofRule[rule] >= limit && 2*total >= perHour
}

// Restore tells of an alert that there is, and of what it rolls up. Those that
// were active last must come last.
func (l *Limiter) Restore(limits Limits, level Level, s Signal) {
	l.expire(s.At, s.Now)
	fingerprint, place, rule := s.digests()
	switch {
	case level == Place:
		l.places.keep(place, s.At, max(1, limits.PerHour/placeShare))
	case level == Rule:
		l.rules.keep(rule, s.At, maxRules)
	case level == Single && !l.single.touch(fingerprint, s.At) && l.single.size() < limits.PerHour:
		l.add(fingerprint, place, rule, s.At)
	}
}

func (l *Limiter) add(fingerprint, place, rule digest, at time.Time) {
	l.single.add(member{key: fingerprint, place: place, rule: rule, seen: at})
	l.atPlace[place]++
	l.ofRule[rule]++
}

// expire forgets what was not seen for an hour before a time, and what was seen an
// hour or more after now.
func (l *Limiter) expire(at, now time.Time) {
	for m, ok := l.single.takeOld(at, now); ok; m, ok = l.single.takeOld(at, now) {
		l.atPlace.lower(m.place)
		l.ofRule.lower(m.rule)
	}
	for _, folded := range []recent{l.places, l.rules} {
		for _, ok := folded.takeOld(at, now); ok; _, ok = folded.takeOld(at, now) {
			continue
		}
	}
}

// digest stands for a text of any length.
type digest [16]byte

func digestOf(parts ...string) digest {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return digest(hash.Sum(nil)[:16])
}

func (s Signal) digests() (fingerprint, place, rule digest) {
	return digestOf(s.Fingerprint), digestOf(s.Rule, s.Severity.String(), s.Place.String()), digestOf(s.Rule, s.Severity.String())
}

type counts map[digest]int

func (c counts) lower(key digest) {
	if c[key]--; c[key] <= 0 {
		delete(c, key)
	}
}

// recent is a set in the order in which its members were last seen.
type recent struct {
	order   *list.List
	members map[digest]*list.Element
}

type member struct {
	key, place, rule digest
	seen             time.Time
}

func newRecent() recent { return recent{order: list.New(), members: map[digest]*list.Element{}} }

func (r recent) size() int { return r.order.Len() }

func (r recent) add(m member) { r.members[m.key] = r.order.PushBack(m) }

// touch notes that a member was seen again, if it is one.
func (r recent) touch(key digest, at time.Time) bool {
	found, ok := r.members[key]
	if !ok {
		return false
	}
	m := found.Value.(member)
	m.seen = at
	found.Value = m
	r.order.MoveToBack(found)
	return true
}

// keep says whether a key is a member, or became one because there is room.
func (r recent) keep(key digest, at time.Time, room int) bool {
	if r.touch(key, at) {
		return true
	}
	if r.size() >= room {
		return false
	}
	r.add(member{key: key, seen: at})
	return true
}

// takeOld removes the member that was not seen for longest, if that is an hour
// before a time. One from the future was seen when the clock was wrong.
func (r recent) takeOld(at, now time.Time) (member, bool) {
	oldest := r.order.Front()
	if oldest == nil {
		return member{}, false
	}
	m := oldest.Value.(member)
	if at.Sub(m.seen) < Hour && m.seen.Sub(now) < Hour {
		return member{}, false
	}
	r.order.Remove(oldest)
	delete(r.members, m.key)
	return m, true
}
