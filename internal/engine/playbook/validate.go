package playbook

import (
	"fmt"
	"slices"
)

// Problems names what makes no sense in a playbook, the field first. A playbook
// with problems starts nothing.
func Problems(p Playbook) []string {
	var out []string
	for i, s := range p.Match.Services {
		if s == "" {
			out = append(out, fmt.Sprintf("match.services[%d]: must not be empty", i))
		}
	}
	for i, r := range p.Match.Rules {
		if r == "" {
			out = append(out, fmt.Sprintf("match.rules[%d]: must not be empty", i))
		}
	}
	for i, t := range p.Match.Tactics {
		if t.Order() < 0 {
			out = append(out, fmt.Sprintf("match.tactics[%d]: is not an ATT&CK tactic", i))
		}
	}
	for i, r := range p.Responses {
		if r.TTLSeconds != 0 && r.Action != ActionIsolatePod {
			out = append(out, fmt.Sprintf("responses[%d].ttlSeconds: only IsolatePod can be undone", i))
		}
		if slices.ContainsFunc(p.Responses[:i], func(other Response) bool { return other.Name == r.Name }) {
			out = append(out, fmt.Sprintf("responses[%d].name: is used twice", i))
		}
	}
	return out
}
