package incident

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Evidence is what is known of one entity.
type Evidence struct {
	model.Key
	Verdict       model.Verdict
	Status        model.RemediationStatus
	Reason        string
	Investigation string
}

// open says whether the evidence still calls for an answer.
func (e Evidence) open() bool {
	if !e.Verdict.Worse(model.VerdictNoThreatsFound) {
		return false
	}
	switch e.Status {
	case model.RemediationRemediated, model.RemediationPrevented, model.RemediationBlocked,
		model.RemediationNotFound, model.RemediationDeclined, model.RemediationNone:
		return false
	default:
		return true
	}
}

// gatherEvidence takes the worst verdict on each entity, and the furthest
// answer to it. Worst first.
func gatherEvidence(investigations []Investigation, all []Remediation) []Evidence {
	found := map[model.Key]Evidence{}
	for _, inv := range sortedInvestigations(investigations) {
		for _, f := range inv.Findings {
			known, ok := found[f.Key]
			if !ok || f.Verdict.Worse(known.Verdict) {
				found[f.Key] = Evidence{Key: f.Key, Verdict: f.Verdict, Reason: f.Reason, Investigation: inv.Name, Status: model.RemediationNone}
			}
		}
	}
	for _, r := range all {
		e, ok := found[r.Target]
		if !ok {
			e = Evidence{Key: r.Target, Verdict: model.VerdictUnknown, Status: model.RemediationNone}
		}
		if status := remediationStatus[r.State]; rank(status) > rank(e.Status) {
			e.Status = status
		}
		found[r.Target] = e
	}
	out := slices.Collect(maps.Values(found))
	slices.SortFunc(out, func(a, b Evidence) int {
		return cmp.Or(-cmp.Compare(severityOf[a.Verdict], severityOf[b.Verdict]), a.Compare(b.Key))
	})
	return out
}

var severityOf = map[model.Verdict]int{model.VerdictNoThreatsFound: 1, model.VerdictSuspicious: 2, model.VerdictMalicious: 3}

// remediationStatus says what the state of a remediation means for its target.
var remediationStatus = map[string]model.RemediationStatus{
	"PendingApproval": model.RemediationPendingApproval,
	"InProgress":      model.RemediationRunning,
	"Succeeded":       model.RemediationRemediated,
	"Failed":          model.RemediationActive,
	"TimeOut":         model.RemediationActive,
	"Cancelled":       model.RemediationDeclined,
	"Rejected":        model.RemediationDeclined,
	"Expired":         model.RemediationDeclined,
	"Undone":          model.RemediationUnremediated,
}

// progress orders the statuses of several remediations of one target: what
// still waits outranks what was declined, and what is done outranks all.
var progress = []model.RemediationStatus{
	model.RemediationNone, model.RemediationDeclined, model.RemediationUnremediated, model.RemediationActive,
	model.RemediationPendingApproval, model.RemediationRunning, model.RemediationRemediated,
}

func rank(s model.RemediationStatus) int { return slices.Index(progress, s) }

func sortedInvestigations(in []Investigation) []Investigation {
	out := slices.Clone(in)
	slices.SortFunc(out, func(a, b Investigation) int {
		return cmp.Or(-a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// investigations lists the newest, and the state of the very newest.
func investigations(in []Investigation) ([]Investigation, string) {
	out := sortedInvestigations(in)
	if len(out) == 0 {
		return nil, ""
	}
	return out[:min(len(out), maxInvestigations)], out[0].State
}

// remediations lists the newest.
func remediations(in []Remediation) []Remediation {
	out := sortedRemediations(in)
	return out[:min(len(out), maxRemediations)]
}

func sortedRemediations(in []Remediation) []Remediation {
	out := slices.Clone(in)
	slices.SortFunc(out, func(a, b Remediation) int {
		return cmp.Or(-a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	return out
}
