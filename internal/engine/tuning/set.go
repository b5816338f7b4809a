package tuning

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// MaxRules bounds the rules of a tenant that are looked at: with as many, each
// with the costliest expression, an alert is decided about in a quarter of a second.
const MaxRules = 256

// maxMonitored is how many monitoring rules a decision names.
const maxMonitored = 8

// Set is the rules of a tenant. A nil one is empty.
type Set struct{ rules []*Ready }

// NewSet makes a set of rules whose names differ.
func NewSet(rules []*Ready) *Set {
	rules = slices.Clone(rules)
	slices.SortFunc(rules, func(a, b *Ready) int {
		return cmp.Or(cmp.Compare(slices.Index(strongest, a.Action), slices.Index(strongest, b.Action)), cmp.Compare(a.Name, b.Name))
	})
	return &Set{rules}
}

// Rules are those of the set, in the order in which they go before each other.
func (s *Set) Rules() []Rule {
	if s == nil {
		return nil
	}
	out := make([]Rule, len(s.rules))
	for i, r := range s.rules {
		out[i] = r.Rule
	}
	return out
}

// Decision is what becomes of a new alert.
type Decision struct {
	// Rule is the name of the rule that acts; empty where none does.
	Rule   string
	Action Action
	// Severity is that of the alert from now on.
	Severity model.Severity
	// Monitored are the rules that match and only monitor, in the order of their
	// names; the first 8.
	Monitored []string
}

// Decide says what becomes of an alert that is received at a time. Of the rules
// that match one acts: one that hides before one that resolves before one that
// rescores, and the first by name among these. The error tells which rules failed
// on the alert; they count as not matching it.
func (s *Set) Decide(a model.Alert, at time.Time) (Decision, error) {
	out := Decision{Severity: a.Severity}
	if s == nil {
		return out, nil
	}
	var failed []error
	for _, r := range s.rules {
		if !r.Monitor && out.Rule != "" {
			continue
		}
		means, err := r.matches(a, at)
		switch {
		case err != nil:
			failed = append(failed, err)
		case !means:
		case r.Monitor:
			out.Monitored = append(out.Monitored, r.Name)
		default:
			out.Rule, out.Action = r.Name, r.Action
			if r.Action == Rescore {
				out.Severity = r.Severity
			}
		}
	}
	slices.Sort(out.Monitored)
	out.Monitored = out.Monitored[:min(len(out.Monitored), maxMonitored)]
	return out, errors.Join(failed...)
}

// Hides reports whether the named rule hides an alert, or an event, that is
// received at a time. One on which it fails it does not hide; the error says why.
func (s *Set) Hides(rule string, a model.Alert, at time.Time) (bool, error) {
	return s.does(rule, Hide, a, at)
}

// Covers reports whether an event that is received at a time may count in an open
// alert of which rules made this. It may where the rule does the same to the event,
// and where others leave as little of it: else one alert after the other would open
// where events of two rules take turns. A rule that fails on the event does nothing
// to it; the error says which did.
func (s *Set) Covers(alert Decision, event model.Alert, at time.Time) (bool, error) {
	if alert.Rule == "" {
		return true, nil
	}
	same, err := s.does(alert.Rule, alert.Action, event, at)
	if same || err != nil {
		return same, err
	}
	now, err := s.Decide(event, at)
	return now.compare(alert) <= 0, err
}

// compare orders decisions by how much is left of an alert. With each alert that is
// opened more is left, so that they come to an end.
func (d Decision) compare(other Decision) int {
	rank := func(d Decision) int {
		if d.Rule == "" {
			return len(strongest)
		}
		return slices.Index(strongest, d.Action)
	}
	by := cmp.Compare(rank(d), rank(other))
	if by == 0 && d.Action == Rescore {
		by = cmp.Compare(d.Severity, other.Severity)
	}
	return by
}

// does reports whether the named rule does this to an alert, or an event, that is
// received at a time.
func (s *Set) does(rule string, action Action, a model.Alert, at time.Time) (bool, error) {
	if s == nil {
		return false, nil
	}
	i := slices.IndexFunc(s.rules, func(r *Ready) bool { return r.Name == rule })
	if i < 0 || s.rules[i].Action != action || s.rules[i].Monitor {
		return false, nil
	}
	return s.rules[i].matches(a, at)
}
