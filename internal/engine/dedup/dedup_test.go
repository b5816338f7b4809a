package dedup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

type step struct {
	after  time.Duration
	n      int64
	want   Reason
	repeat int
	// ends says that the sender's word comes before the event: the signal was
	// over that long after the event before it.
	ends time.Duration
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
		"ended": {
			reason: "what comes after the end is a new fact, and goes on as any other",
			steps: []step{
				{n: 1, want: ReasonFirst}, steady,
				{ends: time.Minute, after: time.Minute + time.Microsecond, n: 1, want: ReasonEnded}, steady,
				{after: time.Hour, n: 1, want: ReasonQuiet},
			},
		},
		"late for an end": {
			reason: "what happened before the end belongs to what ended, however long that lasted",
			steps: []step{
				{n: 1, want: ReasonFirst},
				{ends: 30 * time.Hour, after: 29 * time.Hour, n: 1, want: ReasonDuplicate},
				{after: time.Hour, n: 1, want: ReasonDuplicate},
				{after: time.Nanosecond, n: 1, want: ReasonDuplicate},
				{after: time.Second, n: 1, want: ReasonEnded},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, now := DefaultPolicy(), State{}, start
			for i, st := range tc.steps {
				for range max(st.repeat, 1) {
					if st.ends > 0 {
						s, _ = s.End(start, now.Add(st.ends))
					}
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

func TestEnd(t *testing.T) {
	open := State{Opened: start, Last: start.Add(time.Minute), Count: 3, BinStart: start, BinCount: 2, BaseMilli: 1000}
	ended := open
	ended.Ended = start.Add(time.Minute)
	for name, tc := range map[string]struct {
		reason string
		state  State
		at     time.Time
		want   time.Time
	}{
		"open":               {"the open alert ends, and nothing else of it changes", open, start.Add(time.Hour), start.Add(time.Hour)},
		"clock that is late": {"the sender's clock may be behind that of the events", open, start.Add(-time.Second), start.Add(-time.Second)},
		"in the microsecond": {"what the API keeps is what is compared with", open, start.Add(time.Hour + 1), start.Add(time.Hour)},
		"never seen":         {"there is nothing to end", State{}, start, time.Time{}},
		"ended already":      {"the first word stands", ended, start.Add(time.Hour), ended.Ended},
		"of something older": {"it ended before what is open began", open, start.Add(-time.Hour), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			want := tc.state
			want.Ended = tc.want
			got, ends := tc.state.End(start.Add(-time.Minute), tc.at)
			if diff := cmp.Diff(want, got); diff != "" || ends != (tc.want != tc.state.Ended) {
				t.Errorf("%s: ends %t: %s", tc.reason, ends, diff)
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

// What is to be seen does not count in an alert that is hidden; what would open
// another one anyway does so for the reason that it has.
func TestReveal(t *testing.T) {
	p := DefaultPolicy()
	s, _, _ := p.Observe(State{}, start, 3)
	for name, tc := range map[string]struct {
		after time.Duration
		want  Reason
	}{
		"in the window": {time.Minute, ReasonTuningChanged},
		"late":          {-time.Hour, ReasonTuningChanged},
		"after it":      {2 * time.Hour, ReasonQuiet},
	} {
		t.Run(name, func(t *testing.T) {
			at := start.Add(tc.after)
			got, reason := p.Reveal(s, at, 1)
			if reason != tc.want || got.Count != 1 || !got.Opened.Equal(at) || got.Surge {
				t.Errorf("%s: %+v; want %s and a new alert", reason, got, tc.want)
			}
		})
	}
	if got, reason := p.Reveal(State{}, start, 1); reason != ReasonFirst || got.Count != 1 {
		t.Errorf("first: %s, %+v", reason, got)
	}
	base, _ := p.Reveal(State{Opened: start, Last: start, Count: 9, BinStart: start, BinCount: 9, BaseMilli: 7000, Surge: true, Ended: start}, start, 1)
	want := State{Opened: start, Last: start, Count: 1, BinStart: start, BinCount: 10, BaseMilli: 7000}
	if diff := cmp.Diff(want, base); diff != "" {
		t.Errorf("the rate of the fingerprint goes on: %s", diff)
	}
}
