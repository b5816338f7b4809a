package rollup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var start = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

// few are limits that a test reaches quickly.
var few = Limits{Distinct: 3, PerHour: 20, Rules: map[string]int{"quiet": 1, "loud": 8}}

func workload(name string) model.Key { return model.Key{Kind: model.KindWorkload, Name: name} }

// fire are events of one rule with n new fingerprints.
func fire(rule, place string, from, n int) []Signal {
	var out []Signal
	for i := range n {
		s := Signal{Rule: rule, Fingerprint: fmt.Sprint(rule, place, from+i), At: start, Now: start}
		if place != "" {
			s.Place = workload(place)
		}
		out = append(out, s)
	}
	return out
}

func at(after time.Duration, signals []Signal) []Signal {
	for i := range signals {
		signals[i].At = start.Add(after)
		signals[i].Now = signals[i].At
	}
	return signals
}

// waited are signals that were received early and are decided about now.
func waited(early time.Duration, signals []Signal) []Signal {
	for i := range signals {
		signals[i].At = signals[i].At.Add(-early)
	}
	return signals
}

func severe(signals []Signal) []Signal {
	for i := range signals {
		signals[i].Severity = model.SeverityHigh
	}
	return signals
}

func levels(l *Limiter, limits Limits, signals ...[]Signal) map[Level]int {
	out := map[Level]int{}
	for _, s := range slices.Concat(signals...) {
		out[l.Decide(limits, s)]++
	}
	return out
}

func TestDecide(t *testing.T) {
	for name, test := range map[string]struct {
		reason  string
		signals [][]Signal
		want    map[Level]int
	}{
		"below the limit":   {"all are kept", [][]Signal{fire("r", "web", 0, 3)}, map[Level]int{Single: 3}},
		"above it":          {"the rest is folded", [][]Signal{fire("r", "web", 0, 10)}, map[Level]int{Single: 3, Place: 7}},
		"repetitions":       {"they are one alert", [][]Signal{fire("r", "web", 0, 3), fire("r", "web", 0, 3), fire("r", "web", 0, 3)}, map[Level]int{Single: 9}},
		"an attack":         {"it spreads: each place counts for itself", [][]Signal{fire("r", "a", 0, 2), fire("r", "b", 0, 2), fire("r", "c", 0, 2), fire("r", "d", 0, 2)}, map[Level]int{Single: 8}},
		"limits of its own": {"they hold instead", [][]Signal{fire("quiet", "web", 0, 10), fire("loud", "web", 0, 10)}, map[Level]int{Single: 9, Place: 11}},
		"another rule":      {"each rule counts for itself", [][]Signal{fire("r", "web", 0, 5), fire("s", "web", 0, 2)}, map[Level]int{Single: 5, Place: 2}},
		"another severity":  {"noise does not hide what is severe", [][]Signal{fire("r", "web", 0, 5), severe(fire("r", "web", 5, 2))}, map[Level]int{Single: 5, Place: 2}},
		"no place":          {"the rule counts alone", [][]Signal{fire("r", "", 0, 5)}, map[Level]int{Single: 3, Rule: 2}},
		"an hour later":     {"it begins anew", [][]Signal{fire("r", "web", 0, 5), at(Hour, fire("r", "web", 5, 2))}, map[Level]int{Single: 5, Place: 2}},
		"just before":       {"the hour is not over", [][]Signal{fire("r", "web", 0, 5), at(Hour-1, fire("r", "web", 5, 2))}, map[Level]int{Single: 3, Place: 4}},
		"goes on": {"what has an alert keeps it as long as it goes on",
			[][]Signal{fire("r", "web", 0, 3), at(40*time.Minute, fire("r", "web", 0, 3)), at(80*time.Minute, fire("r", "web", 0, 4))}, map[Level]int{Single: 9, Place: 1}},
		"a clock that was wrong": {"what is from the future is forgotten",
			[][]Signal{at(1000*Hour, fire("r", "web", 0, 5)), fire("r", "web", 5, 2)}, map[Level]int{Single: 5, Place: 2}},
		"what waited": {"what came since is not forgotten for it",
			[][]Signal{fire("r", "web", 0, 3), waited(3*Hour, fire("r", "web", 3, 2)), fire("r", "web", 0, 4)}, map[Level]int{Single: 6, Place: 3}},
		"everywhere": {"a rule that floods everywhere takes half of the source's, the others have the rest",
			[][]Signal{everywhere("r", 13), everywhere("s", 3)}, map[Level]int{Single: 13, Place: 3}},
		"places are made up": {"some are rolled up by themselves, then the rule",
			[][]Signal{everywhere("r", 10+4+7)}, map[Level]int{Single: 10, Place: 4, Rule: 7}},
		"rules are made up": {"all that the source may raise is used up; then some rules, then the source",
			[][]Signal{madeUp(20 + maxRules + 7)}, map[Level]int{Single: 20, Rule: maxRules, Source: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, levels(NewLimiter(), few, test.signals...)); diff != "" {
				t.Errorf("%s: %s", test.reason, diff)
			}
		})
	}
}

func everywhere(rule string, places int) []Signal {
	var out []Signal
	for i := range places {
		out = append(out, fire(rule, fmt.Sprint("place", i), 0, 1)...)
	}
	return out
}

func madeUp(rules int) []Signal {
	var out []Signal
	for i := range rules {
		out = append(out, fire(fmt.Sprint("rule", i), "", 0, 1)...)
	}
	return out
}

// TestBounded: whatever is sent, in whatever order of times, no more is kept than
// the limits say, and what is counted is what is there.
func TestBounded(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l := NewLimiter()
	for range 100_000 {
		l.Decide(few, Signal{
			Rule: fmt.Sprint(random.IntN(300)), Place: workload(fmt.Sprint(random.IntN(5))), Fingerprint: fmt.Sprint(random.IntN(1000)),
			At: start.Add(time.Duration(random.Int64N(int64(5 * Hour)))), Now: start.Add(time.Duration(random.Int64N(int64(5 * Hour)))),
		})
		if l.single.size() > few.PerHour || l.rules.size() > maxRules || l.places.size() > few.PerHour/placeShare || len(l.atPlace) > l.single.size() || len(l.ofRule) > l.single.size() {
			t.Fatalf("%d alerts, %d rules, %d places", l.single.size(), l.rules.size(), len(l.atPlace))
		}
	}
	sum := 0
	for place, n := range l.atPlace {
		if n < 1 || n > few.Distinct {
			t.Errorf("place %x counts %d", place, n)
		}
		sum += n
	}
	if sum != l.single.size() {
		t.Errorf("%d are counted, %d there", sum, l.single.size())
	}
	l.expire(start.Add(100*Hour), start.Add(100*Hour))
	if l.single.size()+l.places.size()+l.rules.size()+len(l.atPlace)+len(l.ofRule) > 0 {
		t.Error("something is left after days")
	}
}

// TestSignalOf: what is near its receipt counts by its fingerprint; what is far off
// by the hour of its own time too; nothing is seen ahead of now.
func TestSignalOf(t *testing.T) {
	for name, test := range map[string]struct {
		happened, received time.Duration
		fingerprint        string
		at                 time.Duration
	}{
		"now":          {0, 0, "f", 0},
		"nearly":       {-59 * time.Minute, 0, "f", 0},
		"an hour ago":  {-Hour, 0, "f 2026-05-04T07", 0},
		"long ago":     {-300 * Hour, 0, "f 2026-04-21T20", 0},
		"in an hour":   {Hour, 0, "f 2026-05-04T09", 0},
		"it waited":    {-3 * Hour, -3 * Hour, "f", -3 * Hour},
		"wrong clock":  {0, 5 * Hour, "f 2026-05-04T08", 0},
		"within hours": {-3*Hour + 10*time.Minute, 0, "f 2026-05-04T05", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := SignalOf(model.Alert{Fingerprint: "f", Last: start.Add(test.happened)}, start.Add(test.received), start)
			if want := (Signal{Fingerprint: test.fingerprint, At: start.Add(test.at), Now: start}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestRestore: a limiter that was told of the alerts that there are goes on as the
// one that made them.
func TestRestore(t *testing.T) {
	before := slices.Concat(fire("r", "web", 0, 5), everywhere("s", 10), madeUp(30))
	live, again := NewLimiter(), NewLimiter()
	for _, s := range before {
		again.Restore(few, live.Decide(few, s), s)
	}
	after := slices.Concat(fire("r", "web", 0, 8), everywhere("s", 12), madeUp(50), at(90*time.Minute, fire("r", "web", 0, 8)))
	for _, s := range after {
		if got, want := again.Decide(few, s), live.Decide(few, s); got != want {
			t.Errorf("%+v: level %d, without the restart %d", s, got, want)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for name, place := range map[string]string{"at one place": "web", "without a place": ""} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			l, limits := NewLimiter(), DefaultLimits()
			signals := fire("r", place, 0, 100_000)
			for i := 0; b.Loop(); i++ {
				l.Decide(limits, signals[i%len(signals)])
			}
		})
	}
}
