package correlation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// provided is an alert that its sender has put into an incident.
func provided(name, source, incident string, after time.Duration, entities ...model.Entity) model.Alert {
	a := alertAt(name, threeDays+after, "rule of "+name, entities...)
	a.Source, a.ProviderIncident = source, incident
	return a
}

func TestProviderIncident(t *testing.T) {
	h1, h2 := asset(model.KindDevice, "h1"), asset(model.KindDevice, "h2")
	first := provided("a", "defender", "42", 0, h1)
	for name, tc := range map[string]struct {
		reason string
		next   model.Alert
		facts  IncidentFacts // of the first alert's incident
		want   string
	}{
		"the same":        {reason: "hours later on another host", next: provided("b", "defender", "42", 9*time.Hour, h2), want: "a"},
		"nothing else":    {reason: "not an entity is named", next: provided("b", "defender", "42", 9*time.Hour), want: "a"},
		"another":         {reason: "another id says nothing", next: provided("b", "defender", "43", 9*time.Hour, h2), want: "b"},
		"of another":      {reason: "another source's ids are others", next: provided("b", "guard", "42", 9*time.Hour, h2), want: "b"},
		"by hand":         {reason: "nobody's ids are nobody's", next: provided("b", "", "42", 9*time.Hour, h2), want: "b"},
		"none":            {reason: "no id is not the same as no id", next: provided("b", "defender", "", 9*time.Hour, h2), want: "b"},
		"long after":      {reason: "the window holds for it too", next: provided("b", "defender", "42", 25*time.Hour, h2), want: "b"},
		"opted out":       {reason: "correlation is disabled", next: model.Alert{Name: "b", Source: "defender", ProviderIncident: "42", CorrelationDisabled: true}, want: "b"},
		"resolved":        {reason: "takes no alerts", next: provided("b", "defender", "42", 9*time.Hour, h2), facts: IncidentFacts{Name: "a", Resolved: true}, want: "b"},
		"somebody's work": {reason: "an assignee keeps merges out, not alerts", next: provided("b", "defender", "42", 9*time.Hour, h2), facts: IncidentFacts{Name: "a", AssignedTo: "ann"}, want: "a"},
		"a made-up kind": {
			reason: "no entity is a sender's incident",
			next:   alertAt("b", threeDays+9*time.Hour, "r", h2, evidence(kindProviderIncident, "defender/42")), want: "b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := watched("h1", "h2")
			e.Assign(first)
			if tc.facts.Name != "" {
				e.SetIncident(tc.facts)
			}
			d := e.Assign(tc.next)
			if d.Incident != tc.want {
				t.Fatalf("%s: it is in %s: %s", tc.reason, d.Incident, d.Message)
			}
			if tc.want != "a" {
				return
			}
			if l := d.Links[0]; l.Reason != LinkSameProviderIncident || l.Peer != "a" || l.Entity.String() != "ProviderIncident/defender/42" ||
				d.Message != "the sender has it in the same incident as alert a: defender/42" {
				t.Errorf("%q: %+v", d.Message, l)
			}
			check(t, e, []Decision{d})
		})
	}
}

// What the sender grouped unites what was apart, unless people have said otherwise.
func TestProviderIncidentMerges(t *testing.T) {
	h1, h2, h3 := asset(model.KindDevice, "h1"), asset(model.KindDevice, "h2"), asset(model.KindDevice, "h3")
	file := evidence(model.KindFile, "sha256:1")
	for assignee, want := range map[string]int{"": 1, "bob": 0} {
		e := watched("h1", "h2", "h3")
		e.Assign(provided("a", "defender", "42", 0, h1))
		e.Assign(provided("b", "defender", "", time.Hour, h2, file))
		e.SetIncident(IncidentFacts{Name: "a", AssignedTo: "ann"})
		e.SetIncident(IncidentFacts{Name: "b", AssignedTo: assignee})
		if d := e.Assign(provided("c", "defender", "42", time.Hour+time.Minute, h3, file)); len(d.Merges) != want {
			t.Errorf("assigned to %q: %+v", assignee, d)
		}
	}
}

// TestProviderIncidentOfAll: a sender that puts all it has into one incident joins
// the first of it, and later alerts cost no more for it.
func TestProviderIncidentOfAll(t *testing.T) {
	e := New(DefaultPolicy())
	assign := func(i int) Decision {
		a := alertAt(fmt.Sprint("a", i), time.Duration(i)*20*time.Minute, fmt.Sprint("r", i), asset(model.KindDevice, fmt.Sprint("h", i)))
		a.Source, a.ProviderIncident = "siem", "0"
		return e.Assign(a)
	}
	joined := 0
	for i := range 100_000 {
		if d := assign(i); d.Incident == "a0" {
			joined++
		}
	}
	if joined != maxProvided {
		t.Errorf("%d alerts are in the incident that the sender made of all", joined)
	}
	for i := range e.entities.rows {
		if n := len(e.entities.rows[i].postings.kept); n > 2*e.policy.HubIncidents {
			t.Errorf("%s is listed for %d incidents", e.entities.keys[i], n)
		}
	}
	i := 100_000
	if n := testing.AllocsPerRun(100, func() { assign(i); e.Forget(fmt.Sprint("a", i)); i++ }); n > 50 {
		t.Errorf("%v allocations for an alert in an incident of all", n)
	}
	check(t, e, nil)
}

// A rebuilt engine knows what the sender grouped.
func TestProviderIncidentIsRestored(t *testing.T) {
	before, after := watched("h1", "h2"), watched("h1", "h2")
	a := provided("a", "defender", strings.Repeat("4", 128), 0, asset(model.KindDevice, "h1"))
	b := provided("b", "defender", a.ProviderIncident, time.Hour, asset(model.KindDevice, "h2"))
	first := before.Assign(a)
	second := before.Assign(b)
	after.Restore(b, second)
	after.Restore(a, first)
	if d, ok := after.Recall("b"); !ok || len(d.Links) != 1 || d.Links[0] != second.Links[0] {
		t.Errorf("%+v, want the link %+v", d, second.Links[0])
	}
	c := provided("c", "defender", a.ProviderIncident, 2*time.Hour)
	if got, want := after.Assign(c), before.Assign(c); got.Incident != "a" || got.Message != want.Message {
		t.Errorf("%+v, want %+v", got, want)
	}
}
