package playbook

import (
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Match says which alerts start a playbook. What is left out matches
// everything; what is given must all hold.
type Match struct {
	MinimumSeverity model.Severity
	Services, Rules []string
	Tactics         []model.Tactic
	EntityKinds     []model.EntityKind
}

// Matches reports whether the alert is one of those meant.
func (m Match) Matches(a model.Alert) bool {
	return a.Severity >= m.MinimumSeverity &&
		oneOf(m.Services, a.Service) &&
		oneOf(m.Rules, a.Rule) &&
		overlap(m.Tactics, a.Tactics) &&
		overlap(m.EntityKinds, kinds(a.Entities))
}

func oneOf(wanted []string, have string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, have)
}

func overlap[T comparable](wanted, have []T) bool {
	return len(wanted) == 0 || slices.ContainsFunc(have, func(h T) bool { return slices.Contains(wanted, h) })
}

func kinds(entities []model.Entity) []model.EntityKind {
	out := make([]model.EntityKind, 0, len(entities))
	for _, e := range entities {
		out = append(out, e.Kind)
	}
	return out
}

// Why a playbook was or was not chosen (Selection.Reason).
const (
	ReasonMatched             = "Matched"
	ReasonNoMatch             = "NoPlaybookMatches"
	ReasonNoAutomatedResponse = "NoAutomatedResponse"
)

// Selection is the playbook that an alert starts; none where Playbook is empty.
type Selection struct {
	Playbook        string
	Reason, Message string
}

// Select chooses the playbook for an alert: of those that match, the one with
// the lowest rank, then the first by name. If that one says
// NoAutomatedResponse, nothing runs: the others do not take its place.
func Select(playbooks []Playbook, a model.Alert) Selection {
	var best *Playbook
	for i := range playbooks {
		p := &playbooks[i]
		if p.usable() && p.Match.Matches(a) && (best == nil || p.Compare(*best) < 0) {
			best = p
		}
	}
	switch {
	case best == nil:
		return Selection{Reason: ReasonNoMatch, Message: "No playbook matches the alert"}
	case best.Automation == AutomationNone:
		return Selection{
			Reason:  ReasonNoAutomatedResponse,
			Message: fmt.Sprintf("Playbook %s says NoAutomatedResponse", best.Name),
		}
	}
	return Selection{
		Playbook: best.Name, Reason: ReasonMatched,
		Message: fmt.Sprintf("Playbook %s matches with rank %d", best.Name, best.Rank),
	}
}
