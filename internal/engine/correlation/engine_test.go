package correlation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func asset(kind model.EntityKind, name string) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Category: model.CategoryAsset}
}

func evidence(kind model.EntityKind, name string) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Category: model.CategoryEvidence}
}

func alertAt(name string, after time.Duration, rule string, entities ...model.Entity) model.Alert {
	return model.Alert{Name: name, Rule: rule, First: start.Add(after), Last: start.Add(after), Entities: entities, Occurrences: 1}
}

func TestAssign(t *testing.T) {
	pod, other := asset(model.KindPod, "shop/web-1"), asset(model.KindPod, "shop/db-1")
	file := evidence(model.KindFile, "/tmp/x")
	disabled := alertAt("b", time.Minute, "r2", pod)
	disabled.CorrelationDisabled = true
	for name, tc := range map[string]struct {
		reason string
		alerts []model.Alert
		facts  map[int]IncidentFacts // said before the alert of that index
		want   []string
		merges []Merge
	}{
		"same pod": {
			reason: "two new signatures on one pod within a minute are no coincidence",
			alerts: []model.Alert{alertAt("a", 0, "r1", pod), alertAt("b", time.Minute, "r2", pod)},
			want:   []string{"a", "a"},
		},
		"other pod": {
			reason: "nothing is shared",
			alerts: []model.Alert{alertAt("a", 0, "r1", pod), alertAt("b", time.Minute, "r2", other)},
			want:   []string{"a", "b"},
		},
		"window": {
			reason: "after the window an incident takes nothing",
			alerts: []model.Alert{alertAt("a", 0, "r1", pod), alertAt("b", 25*time.Hour, "r2", pod)},
			want:   []string{"a", "b"},
		},
		"merge": {
			reason: "a file seen in two incidents unites them, the older one survives",
			alerts: []model.Alert{alertAt("a", 0, "r1", pod, file), alertAt("b", time.Minute, "r2", other), alertAt("c", 2*time.Minute, "r3", other, file)},
			want:   []string{"a", "b", "a"},
			merges: []Merge{{"b", "a", MergeSharedEvidence}},
		},
		"merge refused": {
			reason: "two people work on them",
			alerts: []model.Alert{alertAt("a", 0, "r1", pod, file), alertAt("b", time.Minute, "r2", other), alertAt("c", 2*time.Minute, "r3", other, file)},
			facts:  map[int]IncidentFacts{1: {Name: "a", AssignedTo: "ann"}, 2: {Name: "b", AssignedTo: "bob"}},
			want:   []string{"a", "b", "a"},
		},
		"resolved": {
			reason: "a resolved incident takes nothing",
			alerts: []model.Alert{alertAt("a", 0, "r1", pod), alertAt("b", time.Minute, "r2", pod)},
			facts:  map[int]IncidentFacts{1: {Name: "a", Resolved: true}},
			want:   []string{"a", "b"},
		},
		"disabled": {
			reason: "an alert that opted out stays alone, and draws none",
			alerts: []model.Alert{alertAt("a", 0, "r1", pod), disabled, alertAt("c", 2*time.Minute, "r3", pod)},
			want:   []string{"a", "b", "a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(DefaultPolicy())
			var got []string
			var merges []Merge
			for i, a := range tc.alerts {
				if f, ok := tc.facts[i]; ok {
					e.SetIncident(f)
				}
				d := e.Assign(a)
				got, merges = append(got, d.Incident), append(merges, d.Merges...)
				if again := e.Assign(a); again.Incident != d.Incident || len(again.Merges) > 0 {
					t.Errorf("not idempotent: %v after %v", again, d)
				}
			}
			if !slices.Equal(tc.want, got) {
				t.Errorf("%s: got %v, want %v", tc.reason, got, tc.want)
			}
			if !slices.Equal(tc.merges, merges) {
				t.Errorf("%s: merges %v, want %v", tc.reason, merges, tc.merges)
			}
		})
	}
}

func TestRoutineDoesNotJoin(t *testing.T) {
	host := asset(model.KindDevice, "h1")
	e := New(DefaultPolicy())
	var last Decision
	for i := range 200 {
		last = e.Assign(alertAt(fmt.Sprintf("n%03d", i), time.Duration(i)*10*time.Minute, "noise", host))
	}
	attack := e.Assign(alertAt("x1", 33*time.Hour+25*time.Minute, "new", host))
	noise := e.Assign(alertAt("x2", 33*time.Hour+30*time.Minute, "noise", host))
	if noise.Incident == attack.Incident && attack.New {
		t.Errorf("noise joined the attack: %+v", noise)
	}
	_ = last
}

func TestContinuation(t *testing.T) {
	p := DefaultPolicy()
	p.MaxAlerts = 3
	e, pod := New(p), asset(model.KindPod, "shop/web-1")
	var got []string
	for i := range 5 {
		got = append(got, e.Assign(alertAt(fmt.Sprint("a", i), time.Duration(i)*time.Second, fmt.Sprint("r", i), pod)).Incident)
	}
	if want := []string{"a0", "a0", "a0", "a3", "a3"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
