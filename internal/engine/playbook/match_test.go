package playbook_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
)

func shell() model.Alert {
	return model.Alert{
		Name: "shell", Service: "falco", Rule: "Terminal shell in container", Severity: model.SeverityMedium,
		Tactics:  []model.Tactic{model.TacticExecution},
		Entities: []model.Entity{entity(model.KindPod, "web/web-0", model.RoleAttacked)},
	}
}

func entity(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryAsset}
}

func TestMatches(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		match  playbook.Match
		want   bool
	}{
		"nothing given": {reason: "what is left out matches everything", want: true},
		"severity equal": {
			reason: "the minimum is included",
			match:  playbook.Match{MinimumSeverity: model.SeverityMedium}, want: true,
		},
		"severity too low": {
			reason: "a medium alert is not high",
			match:  playbook.Match{MinimumSeverity: model.SeverityHigh},
		},
		"service": {reason: "one of several is enough", match: playbook.Match{Services: []string{"other", "falco"}}, want: true},
		"other service": {
			reason: "the service must be listed",
			match:  playbook.Match{Services: []string{"kubernetes-audit"}},
		},
		"rule": {reason: "rules are compared whole", match: playbook.Match{Rules: []string{"Terminal shell"}}},
		"tactic": {
			reason: "one tactic in common is enough",
			match:  playbook.Match{Tactics: []model.Tactic{model.TacticImpact, model.TacticExecution}}, want: true,
		},
		"entity kind": {
			reason: "the alert must name such an entity",
			match:  playbook.Match{EntityKinds: []model.EntityKind{model.KindServiceAccount}},
		},
		"all must hold": {
			reason: "one that fails decides",
			match:  playbook.Match{Services: []string{"falco"}, Tactics: []model.Tactic{model.TacticImpact}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.match.Matches(shell()); got != tc.want {
				t.Errorf("%s: got %t", tc.reason, got)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	book := func(name string, rank int32, change ...func(*playbook.Playbook)) playbook.Playbook {
		p := playbook.Playbook{Name: name, Rank: rank, Automation: playbook.AutomationSemi}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	none := func(p *playbook.Playbook) { p.Automation = playbook.AutomationNone }
	suspended := func(p *playbook.Playbook) { p.Suspended = true }
	invalid := func(p *playbook.Playbook) { p.Invalid = true }
	high := func(p *playbook.Playbook) { p.Match.MinimumSeverity = model.SeverityHigh }

	for name, tc := range map[string]struct {
		reason    string
		playbooks []playbook.Playbook
		want      string
		why       string
	}{
		"none":        {reason: "without a playbook nothing runs", why: playbook.ReasonNoMatch},
		"lowest rank": {reason: "the lowest rank runs", playbooks: []playbook.Playbook{book("a", 20), book("b", 10)}, want: "b", why: playbook.ReasonMatched},
		"equal rank":  {reason: "the name breaks the tie", playbooks: []playbook.Playbook{book("b", 10), book("a", 10)}, want: "a", why: playbook.ReasonMatched},
		"suspended":   {reason: "a suspended one takes no part", playbooks: []playbook.Playbook{book("a", 1, suspended), book("b", 2)}, want: "b", why: playbook.ReasonMatched},
		"invalid":     {reason: "an invalid one takes no part", playbooks: []playbook.Playbook{book("a", 1, invalid), book("b", 2)}, want: "b", why: playbook.ReasonMatched},
		"no match":    {reason: "one that does not match takes no part", playbooks: []playbook.Playbook{book("a", 1, high), book("b", 2)}, want: "b", why: playbook.ReasonMatched},
		"no automated response": {
			reason:    "if the best one says so nothing runs, not even the next",
			playbooks: []playbook.Playbook{book("a", 1, none), book("b", 2)}, why: playbook.ReasonNoAutomatedResponse,
		},
		"no automated response, worse rank": {
			reason:    "a worse rank does not decide",
			playbooks: []playbook.Playbook{book("a", 2, none), book("b", 1)}, want: "b", why: playbook.ReasonMatched,
		},
		"no automated response, suspended": {
			reason:    "a suspended one stops nobody",
			playbooks: []playbook.Playbook{book("a", 1, none, suspended), book("b", 2)}, want: "b", why: playbook.ReasonMatched,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := playbook.Select(tc.playbooks, shell())
			if got.Playbook != tc.want || got.Reason != tc.why {
				t.Errorf("%s: got %+v", tc.reason, got)
			}
			if got.Message == "" {
				t.Error("no message for people")
			}
			shuffled := slices.Clone(tc.playbooks)
			rand.Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
			if diff := cmp.Diff(got, playbook.Select(shuffled, shell())); diff != "" {
				t.Errorf("another order gives another decision: %s", diff)
			}
		})
	}
}
