package correlation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// TestTimes: whatever a sender's clock says, the alert is kept in an incident,
// and what comes after it is decided as if it had not come.
func TestTimes(t *testing.T) {
	h1, h2 := asset(model.KindDevice, "h1"), asset(model.KindDevice, "h2")
	odd := func(at time.Time) model.Alert {
		a := alertAt("odd", 0, "odd", h2)
		a.First, a.Last = at, at
		return a
	}
	for name, at := range map[string]time.Time{
		"no time":        {},
		"before 1970":    time.Unix(-1<<40, 0),
		"an hour ahead":  start.Add(threeDays + time.Hour),
		"a year ahead":   start.AddDate(1, 0, 0),
		"after 2106":     start.AddDate(500, 0, 0),
		"end of numbers": time.Unix(math.MaxInt64, 0),
		"years ago":      start.AddDate(-29, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			e := watched("h1", "h2")
			d := e.Assign(odd(at))
			if now, ok := e.Recall("odd"); !ok || d.Incident == "" || now.Incident != d.Incident {
				t.Errorf("the alert is lost: %+v, then %+v", d, now)
			}
			later := []model.Alert{
				alertAt("a", threeDays, "r1", h1), alertAt("b", threeDays+time.Minute, "r2", h1),
				alertAt("c", threeDays+5*time.Minute, "heartbeat", h1), alertAt("d", threeDays+6*time.Minute, "heartbeat", h2),
			}
			without := watched("h1", "h2")
			for _, a := range later {
				got, want := e.Assign(a), without.Assign(a)
				if got.Incident != want.Incident || got.Routine != want.Routine {
					t.Errorf("it changes what is decided of %s: %s, not %s", a.Name, got.Incident, want.Incident)
				}
			}
			check(t, e, []Decision{d})
		})
	}
}

// TestEndBeforeBeginning: an alert that ends before it begins is of the moment it began.
func TestEndBeforeBeginning(t *testing.T) {
	e := watched("h1")
	a := alertAt("a", threeDays, "r1", asset(model.KindDevice, "h1"))
	a.Last, a.Occurrences = a.First.AddDate(-1, 0, 0), math.MinInt64
	e.Assign(a)
	e.Observe("a", a.First.AddDate(-2, 0, 0), -1)
	if d := e.Assign(alertAt("b", threeDays+10*time.Minute, "r2", asset(model.KindDevice, "h1"))); d.Incident != "a" {
		t.Errorf("b is in %s", d.Incident)
	}
	check(t, e, nil)
}

// TestClockSkew: two detectors tell of the same intrusion, one with a clock
// that is minutes off. What they share ties it together nevertheless.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, -lag * time.Second, 0, lag * time.Second, 10 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			e := watched("h1", "h2")
			h1 := asset(model.KindDevice, "h1")
			for i := range 6 {
				at := threeDays + time.Duration(i)*time.Minute
				if i%2 == 1 {
					at += skew
				}
				if d := e.Assign(alertAt(fmt.Sprint("a", i), at, fmt.Sprint("step", i), h1)); d.Incident != "a0" {
					t.Errorf("step %d is in %s", i, d.Incident)
				}
			}
		})
	}
}

// TestOutOfOrder: the same alerts of an intrusion in any order end in one incident.
func TestOutOfOrder(t *testing.T) {
	for seed := range uint64(20) {
		e := watched("h1")
		h1 := asset(model.KindDevice, "h1")
		for _, i := range rand.New(rand.NewPCG(seed, 1)).Perm(8) {
			e.Assign(alertAt(fmt.Sprint("a", i), threeDays+time.Duration(i)*2*time.Minute, fmt.Sprint("step", i), h1))
		}
		first, _ := e.Recall("a0")
		for i := range 8 {
			if d, _ := e.Recall(fmt.Sprint("a", i)); d.Incident != first.Incident {
				t.Errorf("seed %d: a0 is in %s, a%d in %s", seed, first.Incident, i, d.Incident)
			}
		}
	}
}

// TestTenThousandEntities: the weightiest 64 count, the same ones in whatever
// order they are named, and what is found by them is found.
func TestTenThousandEntities(t *testing.T) {
	flood := alertAt("a", 0, "r1")
	for i := range 5_000 {
		flood.Entities = append(flood.Entities, evidence(model.KindProcess, fmt.Sprint("p", i)), evidence(model.KindIP, fmt.Sprint("198.51.100.", i)))
	}
	flood.Entities = append(flood.Entities, evidence(model.KindFile, "sha256:1"))
	var want Decision
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(flood.Entities), func(i, j int) {
			flood.Entities[i], flood.Entities[j] = flood.Entities[j], flood.Entities[i]
		})
		e := New(DefaultPolicy())
		e.Assign(flood)
		if kept := e.entities.len(); kept > e.policy.MaxEntities+1 {
			t.Fatalf("%d entities are kept", kept)
		}
		got := e.Assign(alertAt("b", time.Hour, "r2", asset(model.KindDevice, "h2"), evidence(model.KindFile, "sha256:1")))
		if got.Incident != "a" || seed > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		want = got
		e.Forget("a")
		e.Forget("b")
		if e.entities.len() != 0 {
			t.Errorf("%d entities are left", e.entities.len())
		}
	}
}

// TestEntityOfAll: what a hundred thousand alerts share ties nothing together,
// and an alert that names it looks at the newest few incidents only.
func TestEntityOfAll(t *testing.T) {
	e := New(DefaultPolicy())
	nat := evidence(model.KindIP, "192.0.2.1")
	for i := range 100_000 {
		a := alertAt(fmt.Sprint("a", i), time.Duration(i)*time.Second, fmt.Sprint("r", i%50), asset(model.KindDevice, fmt.Sprint("h", i%5000)), nat)
		a.Techniques = []string{"T1078", "T1110"}
		e.Assign(a)
	}
	d := e.Assign(alertAt("x", 100_000*time.Second+5*time.Hour, "new", asset(model.KindDevice, "x"), nat))
	if !d.New {
		t.Errorf("a hub joined %+v", d.Links)
	}
	for i := range e.entities.rows {
		if n := len(e.entities.rows[i].postings.kept); n > 2*e.policy.HubIncidents {
			t.Errorf("%s is listed for %d incidents", e.entities.keys[i], n)
		}
	}
	allocations := testing.AllocsPerRun(100, func() {
		e.Assign(alertAt("y", 100_000*time.Second+6*time.Hour, "new", asset(model.KindDevice, "y"), nat))
		e.Forget("y")
	})
	if allocations > 50 {
		t.Errorf("%v allocations for an alert with a hub", allocations)
	}
	check(t, e, []Decision{d})
}

// TestRedirectsInACircle: incidents that are written as merged into one
// another, in whatever order it is read, still lead somewhere, and their alerts stay.
func TestRedirectsInACircle(t *testing.T) {
	for seed := range uint64(10) {
		e := New(DefaultPolicy())
		for i := range 5 {
			e.Restore(alertAt(fmt.Sprint("a", i), 0, "r", asset(model.KindDevice, fmt.Sprint("h", i))), Decision{Incident: fmt.Sprint("i", i)})
		}
		for _, i := range rand.New(rand.NewPCG(seed, 1)).Perm(5) {
			e.SetIncident(IncidentFacts{Name: fmt.Sprint("i", i), RedirectedTo: fmt.Sprint("i", (i+1)%5)})
		}
		first, _ := e.Recall("a0")
		for i := range 5 {
			d, ok := e.Recall(fmt.Sprint("a", i))
			if !ok || d.Incident != first.Incident || e.Resolve(fmt.Sprint("i", i)) != first.Incident {
				t.Errorf("seed %d: alert %d is in %s, a0 in %s, i%d leads to %s", seed, i, d.Incident, first.Incident, i, e.Resolve(fmt.Sprint("i", i)))
			}
		}
		e.SetIncident(IncidentFacts{Name: "self", RedirectedTo: "self"})
		if e.Resolve("self") != "self" {
			t.Errorf("an incident redirected to itself leads to %s", e.Resolve("self"))
		}
		check(t, e, nil)
	}
}

// TestLongNames: names of ten thousand runes are names like others.
func TestLongNames(t *testing.T) {
	long := func(s string) string { return strings.Repeat("ü", 9_999) + s }
	e := New(DefaultPolicy())
	pod, other := asset(model.KindPod, long("\x00%s\n")), asset(model.KindPod, long("q"))
	for _, a := range []model.Alert{
		alertAt(long("a"), 0, long("r1"), pod), alertAt(long("b"), time.Minute, long("r2"), pod), alertAt(long("c"), time.Minute, long("r2"), other),
	} {
		a.Techniques = []string{long("T1"), long("T2")}
		e.Assign(a)
	}
	b, _ := e.Recall(long("b"))
	c, _ := e.Recall(long("c"))
	if b.Incident != long("a") || c.Incident != long("c") {
		t.Errorf("%d and %d runes", len([]rune(b.Incident)), len([]rune(c.Incident)))
	}
	check(t, e, nil)
}

// TestNothingIsLeft: rules, like entities, go with the last alert that names them.
func TestNothingIsLeft(t *testing.T) {
	e := New(DefaultPolicy())
	for i := range 1000 {
		a := alertAt("a", 0, fmt.Sprint("rule", i), asset(model.KindDevice, fmt.Sprint("h", i)))
		a.Techniques = []string{fmt.Sprint("T", i)}
		e.Assign(a)
		e.Forget("a")
	}
	if n := len(e.rules.rows) + len(e.onAssets.rows) + len(e.entities.rows) + len(e.alerts.rows) + len(e.marks.ids); n > 10 {
		t.Errorf("%d places are held for alerts that are gone", n)
	}
}
