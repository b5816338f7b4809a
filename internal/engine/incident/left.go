package incident

import (
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// maxMessage bounds what a state's message quotes.
const maxMessage = 512

// left says what is left to do; empty when every investigation came to a good
// end, every threat that one found was answered, and every alert was examined.
func (in Input) left(evidence []Evidence) string {
	resolved := in.Previous.State == Resolved && in.Previous.StateReason == ReasonAllRemediatedOrClean
	if len(in.Investigations) == 0 && !resolved {
		return "it was not investigated"
	}
	for _, inv := range sortedInvestigations(in.Investigations) {
		if inv.State != "Benign" && inv.State != "SuccessfullyRemediated" {
			return fmt.Sprintf("investigation %s is %s", inv.Name, orNew(inv.State))
		}
	}
	for _, r := range sortedRemediations(in.Remediations) {
		if r.State == "PendingApproval" || r.State == "InProgress" {
			return fmt.Sprintf("%s of %s is %s", r.Action, r.Target, r.State)
		}
	}
	for _, e := range evidence {
		// What was undone after the end was meant to be: its time was over, or
		// people took it back.
		if e.open() && (!resolved || e.Status != model.RemediationUnremediated) {
			return fmt.Sprintf("%s is %s, and its remediation is %s", e.Key, e.Verdict, e.Status)
		}
	}
	if len(in.Investigations) == 0 {
		return "" // resolved before they were deleted
	}
	return in.unexamined()
}

// onlyTuned reports whether tuning rules resolved all that is in the incident, and
// nothing was investigated or done all the same.
func (in Input) onlyTuned() bool {
	others := slices.ContainsFunc(in.Alerts, func(a Member) bool { return !a.ResolvedByTuning })
	return len(in.Alerts) > 0 && !others && len(in.Investigations)+len(in.Remediations) == 0
}

// unexamined names an alert that no investigation has examined: none of what it
// names, or not each of its pods and service accounts.
func (in Input) unexamined() string {
	examined := map[model.Key]bool{}
	for _, inv := range in.Investigations {
		for _, key := range inv.Examined {
			examined[key] = true
		}
	}
	var names []string
	for _, a := range in.Alerts {
		if !a.Settled && !covered(a, examined) {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("no investigation examined all of alert %s", slices.Min(names))
}

func covered(a Member, examined map[model.Key]bool) bool {
	some := false
	for _, e := range a.Entities {
		if !examined[e.Key] && (e.Kind == model.KindPod || e.Kind == model.KindServiceAccount) {
			return false
		}
		some = some || examined[e.Key]
	}
	return some
}

func orNew(state string) string {
	if state == "" {
		return "new"
	}
	return state
}
