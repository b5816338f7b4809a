package playbook_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
)

var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func candidate(name string, after time.Duration, entities ...model.Entity) playbook.Candidate {
	a := shell()
	a.Name, a.Entities = name, entities
	return playbook.Candidate{Alert: a, Created: start.Add(after)}
}

func TestDecide(t *testing.T) {
	pod := entity(model.KindPod, "web/web-0", model.RoleAttacked)
	account := entity(model.KindServiceAccount, "web/default", model.RoleAttacker)
	address := entity(model.KindIP, "203.0.113.7", model.RoleSource)
	book := []playbook.Playbook{{Name: "contain", Rank: 100, Created: start}}
	former := func(examining bool, entities ...model.Entity) playbook.Former {
		return playbook.Former{Playbook: "contain", Examining: examining, Entities: entities}
	}

	for name, tc := range map[string]struct {
		reason string
		facts  playbook.LaunchFacts
		want   playbook.Launch // Message is not compared
	}{
		"first alert": {
			reason: "the first alert that matches starts one",
			facts:  playbook.LaunchFacts{Playbooks: book, Alerts: []playbook.Candidate{candidate("b", time.Second, pod), candidate("a", 0, pod, address)}},
			want:   playbook.Launch{Playbook: "contain", Alert: "a", Entities: []model.Entity{pod, address}, Reason: playbook.ReasonMatched},
		},
		"whole incident": {
			reason: "what the incident's other alerts name is examined, too",
			facts:  playbook.LaunchFacts{Playbooks: book, Alerts: []playbook.Candidate{candidate("a", 0, pod), candidate("b", time.Second, account)}},
			want:   playbook.Launch{Playbook: "contain", Alert: "a", Entities: []model.Entity{pod, account}, Reason: playbook.ReasonMatched},
		},
		"examining": {
			reason: "while one examines, further alerts start nothing",
			facts:  playbook.LaunchFacts{Playbooks: book, Alerts: []playbook.Candidate{candidate("a", 0, account)}, Former: []playbook.Former{former(true, pod)}},
			want:   playbook.Launch{Reason: playbook.ReasonStillExamining},
		},
		"nothing new": {
			reason: "what was examined is not examined again",
			facts:  playbook.LaunchFacts{Playbooks: book, Alerts: []playbook.Candidate{candidate("a", 0, pod, address)}, Former: []playbook.Former{former(false, pod)}},
			want:   playbook.Launch{Reason: playbook.ReasonNothingNew},
		},
		"new service account": {
			reason: "a service account that was not examined starts another one, with what it shares the incident with",
			facts: playbook.LaunchFacts{
				Playbooks: book, Former: []playbook.Former{former(false, pod)},
				Alerts: []playbook.Candidate{candidate("a", 0, pod), candidate("b", time.Minute, account)},
			},
			want: playbook.Launch{Playbook: "contain", Index: 1, Alert: "b", Entities: []model.Entity{pod, account}, Reason: playbook.ReasonMatched},
		},
		"too many": {
			reason: "whoever raises alerts must not start Jobs without end",
			facts: playbook.LaunchFacts{
				Playbooks: book, Alerts: []playbook.Candidate{candidate("a", 0, account)},
				Former: make([]playbook.Former, playbook.MaxInvestigations),
			},
			want: playbook.Launch{Reason: playbook.ReasonTooMany},
		},
		"no entity": {
			reason: "there must be something to examine",
			facts:  playbook.LaunchFacts{Playbooks: book, Alerts: []playbook.Candidate{candidate("a", 0)}},
			want:   playbook.Launch{Reason: playbook.ReasonNoEntity},
		},
		"preexisting": {
			reason: "a new playbook does not go through the past",
			facts:  playbook.LaunchFacts{Playbooks: book, Alerts: []playbook.Candidate{candidate("a", -playbook.Preexisting-time.Second, pod)}},
			want:   playbook.Launch{Reason: playbook.ReasonPreexistingAlert},
		},
		"just before": {
			reason: "an alert shortly before the playbook is meant",
			facts:  playbook.LaunchFacts{Playbooks: book, Alerts: []playbook.Candidate{candidate("a", -playbook.Preexisting, pod)}},
			want:   playbook.Launch{Playbook: "contain", Alert: "a", Entities: []model.Entity{pod}, Reason: playbook.ReasonMatched},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := playbook.Decide(tc.facts)
			if got.Message == "" {
				t.Error("no message for people")
			}
			got.Message = ""
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

// Whatever the order of the alerts, the decision is the same, and bounded.
func TestDecideDoesNotDependOnOrder(t *testing.T) {
	facts := playbook.LaunchFacts{Playbooks: []playbook.Playbook{{Name: "contain", Created: start}}}
	for i := range 40 {
		facts.Alerts = append(facts.Alerts, candidate(fmt.Sprintf("a%02d", i), time.Duration(i%3)*time.Second,
			entity(model.KindPod, fmt.Sprintf("web/web-%d", i), model.RoleAttacked),
			entity(model.KindIP, fmt.Sprintf("203.0.113.%d", i), model.RoleSource),
			entity(model.KindServiceAccount, "web/default", model.RoleAttacker)))
	}
	want := playbook.Decide(facts)
	if len(want.Entities) != playbook.MaxEntities {
		t.Errorf("%d entities", len(want.Entities))
	}
	for range 20 {
		rand.Shuffle(len(facts.Alerts), func(i, k int) { facts.Alerts[i], facts.Alerts[k] = facts.Alerts[k], facts.Alerts[i] })
		if diff := cmp.Diff(want, playbook.Decide(facts)); diff != "" {
			t.Fatalf("another order gives another decision: %s", diff)
		}
	}
}

func TestScopeKeepsTheWorstRole(t *testing.T) {
	a := candidate("a", 0, entity(model.KindPod, "web/web-0", model.RoleAttacked))
	b := candidate("b", 0, entity(model.KindPod, "web/web-0", model.RoleCompromised))
	want := []model.Entity{entity(model.KindPod, "web/web-0", model.RoleCompromised)}
	if diff := cmp.Diff(want, playbook.Scope(a, []playbook.Candidate{a, b})); diff != "" {
		t.Error(diff)
	}
}

func TestHeaviest(t *testing.T) {
	low, high, late := shell(), shell(), shell()
	low.Name, low.Severity = "low", model.SeverityLow
	high.Name, high.Severity = "high", model.SeverityHigh
	late.Name, late.Severity, late.First = "late", model.SeverityHigh, start
	got := playbook.Heaviest([]model.Alert{low, late, high}, 2)
	if len(got) != 2 || got[0].Name != "high" || got[1].Name != "late" {
		t.Errorf("got %v", got)
	}
}
