package entity

import (
	"testing"
	"time"
)

var received = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestTime(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"nanoseconds":            {"2023-05-25T13:44:05.478445995Z", "2023-05-25T13:44:05.478445995Z"},
		"seven digits":           {"2023-05-25T13:44:05.4784459Z", "2023-05-25T13:44:05.4784459Z"},
		"offset":                 {"2023-05-25T15:44:05+02:00", "2023-05-25T13:44:05Z"},
		"offset without colon":   {"2023-05-25T13:44:05.123+0000", "2023-05-25T13:44:05.123Z"},
		"one digit zone":         {"2021-04-13T20:58:00.746609046Z+2", "2021-04-13T18:58:00.746609046Z"},
		"no zone":                {"2024-02-13 12:45:06.073905000", "2024-02-13T12:45:06.073905Z"},
		"epoch in seconds":       {"1610667584", "2021-01-14T23:39:44Z"},
		"epoch in milliseconds":  {"1610667584123", "2021-01-14T23:39:44.123Z"},
		"epoch in microseconds":  {"1610667584123456", "2021-01-14T23:39:44.123456Z"},
		"epoch in nanoseconds":   {"1610667584834631763", "2021-01-14T23:39:44.834631763Z"},
		"epoch with a fraction":  {"1610667584.5", "2021-01-14T23:39:44.5Z"},
		"unset":                  {"0001-01-01T00:00:00Z", "2026-03-04T05:06:07Z"},
		"nothing":                {"", "2026-03-04T05:06:07Z"},
		"nonsense":               {"` + time.Now().UTC() + `", "2026-03-04T05:06:07Z"},
		"future":                 {"2026-03-04T06:00:00Z", "2026-03-04T05:06:07Z"},
		"far future":             {"9999-12-31T23:59:59Z", "2026-03-04T05:06:07Z"},
		"slightly ahead is kept": {"2026-03-04T05:08:07Z", "2026-03-04T05:08:07Z"},
		"epoch zero":             {"0", "2026-03-04T05:06:07Z"},
		"negative epoch":         {"-5", "2026-03-04T05:06:07Z"},
		"huge epoch":             {"1e300", "2026-03-04T05:06:07Z"},
		"not a number":           {"NaN", "2026-03-04T05:06:07Z"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Time(tc.in, received).Format(time.RFC3339Nano); got != tc.want {
				t.Errorf("Time(%q) = %s, want %s", tc.in, got, tc.want)
			}
		})
	}
}

func TestSpan(t *testing.T) {
	const early, late = "2026-03-04T01:00:00Z", "2026-03-04T02:00:00Z"
	for name, tc := range map[string]struct{ first, last, from, to string }{
		"both":            {early, late, early, late},
		"a moment":        {early, " ", early, early},
		"the wrong way":   {late, early, late, late},
		"no end to read":  {early, "soon", early, "2026-03-04T05:06:07Z"},
		"nothing to read": {"", "", "2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z"},
	} {
		from, to := Span(tc.first, tc.last, received)
		if from.Format(time.RFC3339) != tc.from || to.Format(time.RFC3339) != tc.to {
			t.Errorf("%s: %s to %s", name, from, to)
		}
	}
}

func FuzzTime(f *testing.F) {
	f.Add("2021-04-13T20:58:00.746609046Z+2")
	f.Add("16106675848346317630")
	f.Fuzz(func(t *testing.T, s string) {
		got := Time(s, received)
		if got.After(received.Add(tolerance)) || got.Year() < 1980 {
			t.Errorf("Time(%q) = %s", s, got)
		}
	})
}
