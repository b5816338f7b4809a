package entity

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// layouts are the spellings of time seen in what detectors send.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999-0700", // Wazuh, Suricata
	"2006-01-02T15:04:05.999999999Z-07",  // "...Z+2" of some Falco posts
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
}

// tolerance is how far a sender's clock may run ahead before its time is not
// believed. The time is then the time of receipt.
const tolerance = 5 * time.Minute

// Time reads a time in any spelling. What is unset (0001-01-01, nothing),
// unreadable or in the future is the time of receipt.
func Time(value string, received time.Time) time.Time {
	parsed, ok := parseTime(strings.TrimSpace(value))
	if !ok {
		return received.UTC()
	}
	return Clamp(parsed, received)
}

// Clamp returns t, or the time of receipt when t is unset or in the future.
func Clamp(t, received time.Time) time.Time {
	if unset(t) || t.After(received.Add(tolerance)) {
		return received.UTC()
	}
	return t.UTC()
}

// Span reads when a signal began and ended. Without an end it is a moment, and
// it never ends before it began.
func Span(first, last string, received time.Time) (from, to time.Time) {
	from = Time(first, received)
	if strings.TrimSpace(last) == "" {
		return from, from
	}
	if to = Time(last, received); to.Before(from) {
		to = from
	}
	return from, to
}

// unset holds for times before 1980 too: they come from hosts whose clock never ran.
func unset(t time.Time) bool { return t.Year() < 1980 }

func parseTime(value string) (time.Time, bool) {
	padded := padZone(value)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, padded); err == nil {
			return t, true
		}
	}
	return epoch(json.Number(value))
}

// padZone makes "Z+2" into "Z+02".
func padZone(value string) string {
	if n := len(value); n > 3 && value[n-3] == 'Z' {
		return value[:n-1] + "0" + value[n-1:]
	}
	return value
}

// epoch reads seconds, milliseconds, microseconds or nanoseconds since 1970 and
// tells them apart by their size: all mean the years 1980 to 2200.
func epoch(value json.Number) (time.Time, bool) {
	if whole, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
		return wholeEpoch(whole), whole > 0
	}
	seconds, err := value.Float64()
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds > 1e11 {
		return time.Time{}, false
	}
	fraction := math.Mod(seconds, 1)
	return time.Unix(int64(seconds), int64(fraction*1e9)), true
}

func wholeEpoch(value int64) time.Time {
	switch {
	case value < 1e11:
		return time.Unix(value, 0)
	case value < 1e14:
		return time.UnixMilli(value)
	case value < 1e17:
		return time.UnixMicro(value)
	default:
		return time.Unix(0, value)
	}
}
