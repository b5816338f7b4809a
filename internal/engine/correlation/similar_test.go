package correlation

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestSimilar(t *testing.T) {
	h1, h2, h3 := asset(model.KindDevice, "h1"), asset(model.KindDevice, "h2"), asset(model.KindDevice, "h3")
	file, user := evidence(model.KindFile, "sha256:1"), evidence(model.KindUser, "ann")
	with := func(a model.Alert, techniques ...string) model.Alert {
		a.Techniques = techniques
		return a
	}
	at := func(name string, after time.Duration, rule string, entities ...model.Entity) model.Alert {
		return alertAt(name, threeDays+after, rule, entities...)
	}
	for name, tc := range map[string]struct {
		reason string
		policy func(*Policy)
		before []model.Alert
		facts  []IncidentFacts
		alert  model.Alert
		want   []Similar
	}{
		"resolved": {
			reason: "it would have joined",
			before: []model.Alert{at("a", 0, "r1", h1, file)},
			facts:  []IncidentFacts{{Name: "a", Resolved: true}},
			alert:  at("x", time.Hour, "r2", h2, file),
			want:   []Similar{{"a", SimilarResolved, "shares File/sha256:1, and is resolved"}},
		},
		"continues": {
			reason: "it would have joined what is full",
			policy: func(p *Policy) { p.MaxAlerts = 2 },
			before: []model.Alert{at("a", 0, "r1", h1, file), at("b", time.Second, "r2", h1, file)},
			alert:  at("x", time.Hour, "r3", h2, file),
			want:   []Similar{{"a", SimilarContinues, "shares File/sha256:1, and is full"}},
		},
		"merge refused": {
			reason: "the alert that joins one belongs to the other as well",
			before: []model.Alert{at("a", 0, "r1", h1), at("b", 10*time.Minute, "r2", h2, file)},
			facts:  []IncidentFacts{{Name: "a", AssignedTo: "ann"}, {Name: "b", AssignedTo: "bob"}},
			alert:  at("x", 11*time.Minute, "r3", h1, file),
			want:   []Similar{{"a", SimilarMergeRefused, "not merged: they are assigned to different people"}},
		},
		"merging is off": {
			reason: "the policy is a reason as well",
			policy: func(p *Policy) { p.Merge = false },
			before: []model.Alert{at("a", 0, "r1", h1), at("b", 10*time.Minute, "r2", h2, file)},
			alert:  at("x", 11*time.Minute, "r3", h1, file),
			want:   []Similar{{"a", SimilarMergeRefused, "not merged: the policy does not merge"}},
		},
		"entities": {
			reason: "a rare account, but days later",
			before: []model.Alert{at("a", 0, "r1", h1, user)},
			alert:  at("x", 48*time.Hour, "r2", h2, user),
			want:   []Similar{{"a", SimilarEntities, "shares User/ann"}},
		},
		"nothing telling": {
			reason: "every machine has a shell",
			before: []model.Alert{at("a", 0, "r1", h1, evidence(model.KindProcess, "nc"), evidence(model.KindIP, "127.0.0.1"))},
			alert:  at("x", 48*time.Hour, "r2", h2, evidence(model.KindProcess, "nc"), evidence(model.KindIP, "127.0.0.1")),
		},
		"techniques": {
			reason: "three of five, but not two of them",
			before: []model.Alert{
				with(at("a", 0, "r1", h1), "T1110", "T1078.004", "T1110"),
				with(at("b", time.Hour, "r2", h3), "T1078", "T1110"),
				with(at("c", 2*time.Hour, "r3", h2), "T1110", "T1078.004", "T1003", "T1003"),
			},
			alert: with(at("x", 48*time.Hour, "r4", asset(model.KindDevice, "h4")), "T1110", "T1078.004", "T1486", "T1003", "T1490"),
			want:  []Similar{{"c", SimilarTechniques, "same techniques T1003, T1078.004, T1110"}},
		},
		"one technique": {
			reason: "one alone says little",
			before: []model.Alert{with(at("a", 0, "r1", h1), "T1110", "T1078")},
			alert:  with(at("x", 48*time.Hour, "r4", h2), "T1110"),
		},
		"strongest first": {
			reason: "what would have joined, then entities, then techniques; each incident once",
			before: []model.Alert{
				with(at("t", 0, "r1", asset(model.KindDevice, "h5")), "T1110", "T1078"),
				with(at("e", time.Hour, "r2", h1, user), "T1110", "T1078"),
				at("r", 47*time.Hour, "r3", h2, file),
			},
			facts: []IncidentFacts{{Name: "r", Resolved: true}},
			alert: with(at("x", 48*time.Hour, "r4", h3, user, file), "T1110", "T1078"),
			want: []Similar{
				{"r", SimilarResolved, "shares File/sha256:1, and is resolved"},
				{"e", SimilarEntities, "shares User/ann"},
				{"t", SimilarTechniques, "same techniques T1078, T1110"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := watched("h1", "h2")
			if tc.policy != nil {
				tc.policy(&e.policy)
			}
			for _, a := range tc.before {
				e.Assign(a)
			}
			for _, f := range tc.facts {
				e.SetIncident(f)
			}
			d := e.Assign(tc.alert)
			if diff := cmp.Diff(tc.want, d.Similar); diff != "" {
				t.Errorf("%s (%s %s): want(-) got(+)\n%s", tc.reason, d.Reason, d.Message, diff)
			}
		})
	}
}

// TestSimilarIsBounded: five are named, however many there are, and none after
// their alerts are forgotten.
func TestSimilarIsBounded(t *testing.T) {
	e := watched("h1")
	same := func(i int) model.Alert {
		a := alertAt(fmt.Sprintf("a%03d", i), threeDays+time.Duration(i)*time.Hour, fmt.Sprint("r", i), asset(model.KindDevice, fmt.Sprint("x", i)))
		a.Techniques = []string{"T1078", "T1110"}
		return a
	}
	for i := range 100 {
		e.Assign(same(i))
	}
	if d := e.Assign(same(100)); len(d.Similar) != maxSimilar {
		t.Errorf("named %v", d.Similar)
	}
	for i := range 101 {
		e.Forget(same(i).Name)
	}
	if d := e.Assign(same(101)); len(d.Similar) != 0 || e.entities.len() != 4 {
		t.Errorf("forgotten incidents are named: %v, %d entities", d.Similar, e.entities.len())
	}
}
