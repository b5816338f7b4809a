package dedup

import (
	"testing"
	"time"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

type step struct {
	after  time.Duration
	n      int64
	want   Reason
	repeat int
}

func TestObserve(t *testing.T) {
	steady := step{after: 10 * time.Minute, n: 1, want: ReasonDuplicate, repeat: 20}
	for name, tc := range map[string]struct {
		reason string
		steps  []step
	}{
		"first": {
			reason: "a fingerprint never seen opens an alert",
			steps:  []step{{n: 1, want: ReasonFirst}},
		},
		"repetition": {
			reason: "repetitions within the quiet time fold",
			steps:  []step{{n: 1, want: ReasonFirst}, steady},
		},
		"quiet": {
			reason: "after the quiet time it is a new fact",
			steps:  []step{{n: 1, want: ReasonFirst}, {after: time.Hour, n: 1, want: ReasonQuiet}},
		},
		"age": {
			reason: "steady noise shows up once a day",
			steps: []step{
				{n: 1, want: ReasonFirst},
				{after: 30 * time.Minute, n: 1, want: ReasonDuplicate, repeat: 47},
				{after: 30 * time.Minute, n: 1, want: ReasonAge},
			},
		},
		"surge": {
			reason: "an attack is not swallowed by the noise alert, the noise does not follow it",
			steps: []step{
				{n: 1, want: ReasonFirst}, steady,
				{after: 10 * time.Minute, n: 15, want: ReasonDuplicate},
				{after: time.Second, n: 1, want: ReasonSurge},
				{after: time.Second, n: 50, want: ReasonDuplicate, repeat: 100},
				{after: 10 * time.Minute, n: 1, want: ReasonSurgeOver},
				{after: 10 * time.Minute, n: 1, want: ReasonDuplicate},
			},
		},
		"first burst": {
			reason: "a burst at the very beginning is no surge: nothing is known of its base",
			steps:  []step{{n: 1, want: ReasonFirst}, {after: time.Second, n: 100, want: ReasonDuplicate, repeat: 30}},
		},
		"late": {
			reason: "an event from before the window belongs to what is open",
			steps:  []step{{n: 1, want: ReasonFirst}, {after: -72 * time.Hour, n: 1, want: ReasonDuplicate}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, now := DefaultPolicy(), State{}, start
			for i, st := range tc.steps {
				for range max(st.repeat, 1) {
					now = now.Add(st.after)
					var got Reason
					var opened bool
					s, opened, got = p.Observe(s, now, st.n)
					if got != st.want || opened == (got == ReasonDuplicate) {
						t.Fatalf("%s: step %d: got %s (new %v), want %s", tc.reason, i, got, opened, st.want)
					}
				}
			}
		})
	}
}

func TestValidate(t *testing.T) {
	if err := DefaultPolicy().Validate(); err != nil {
		t.Fatal(err)
	}
	p := DefaultPolicy()
	p.MaxAge = time.Second
	if p.Validate() == nil {
		t.Fatal("a maximal age below the quiet time was accepted")
	}
}
