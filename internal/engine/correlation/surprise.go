package correlation

import "math"

const (
	// settling is added to the time watched, so that two events in the first
	// minute are no rate yet.
	settling = 60 * 60
	// Unseen is expected half a time in the time watched, which counts as a day
	// at least (a fresh installation is no proof of anything) and a fortnight at
	// most (networks change by the week).
	shortest, longest = day, 14 * day
	// lag is how far apart clocks and pipelines put events of one moment:
	// nothing is closer than that.
	lag = 30
	day = 24 * hour
	// hour is the time by which an alert's own surprise is stated.
	hour = 60 * 60
	// rare is the surprise of what happens less than once a day: log2(24).
	rare = 4.58
	// known is how many minutes of activity make a rule known to be routine.
	known = 3
)

// rate is how often a second something is to be expected that was seen n times.
func (e *Engine) rate(n, at int64) float64 {
	watched := e.watched(at)
	return float64(max(n, 0))/float64(watched+settling) + 0.5/float64(min(max(watched, shortest), longest))
}

// bits is the evidence against chance where so many cases were to be expected
// by chance.
func bits(expected float64) float64 {
	if expected >= 1 {
		return 0
	}
	return -math.Log2(expected)
}

// mostBits is what bits cannot exceed, by less than a tenth more than it is: the
// logarithm that can be read off how a number is stored.
func mostBits(expected float64) float64 {
	return max(0, 1023-float64(math.Float64bits(expected))/(1<<52))
}

// within is a time span to be multiplied with a rate.
func within(a, b int64) float64 { return float64(max(apart(a, b), lag)) }

func apart(a, b int64) int64 { return max(a-b, b-a) }

// activity is in how many minutes an alert can have occurred. A flood within
// a minute is one fact about how often its rule fires, so that an attack does not
// become the norm by its own noise.
func activity(first, last uint32, occurrences int64) int32 {
	return int32(max(1, min(occurrences, 1+int64(last-first)/60)))
}

func round(bits float64) float64 { return math.Round(bits*100) / 100 }
