package convert

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// InvestigationState is how far an Investigation has come, by its condition;
// empty when nothing was decided yet.
func InvestigationState(inv *v1alpha1.Investigation) verdict.State {
	c := meta.FindStatusCondition(inv.Status.Conditions, v1alpha1.InvestigationConditionCompleted)
	if c == nil || c.Status == "Unknown" {
		return ""
	}
	return verdict.State(c.Reason)
}

// Former is an Investigation as the next one's launch sees it. Once its
// remediations are decided, which pendingApprovals says, it has given its
// verdicts: waiting for people, or for a right to act, is no examining.
func Former(inv *v1alpha1.Investigation) playbook.Former {
	return playbook.Former{
		Playbook:  string(inv.Spec.PlaybookName),
		Examining: !InvestigationState(inv).Final() && inv.Status.PendingApprovals == nil,
		Entities:  Entities(inv.Spec.Entities),
	}
}

// Candidate is an Alert as a launch sees it.
func Candidate(a *v1alpha1.Alert) playbook.Candidate {
	return playbook.Candidate{Alert: Reported(a), Created: a.CreationTimestamp.UTC()}
}

// EntitiesOut are the entities as the API keeps them.
func EntitiesOut(in []model.Entity) []v1alpha1.Entity {
	out := make([]v1alpha1.Entity, 0, len(in))
	for _, e := range in {
		out = append(out, v1alpha1.Entity{
			EntityKey: entityKey(e.Key), Role: v1alpha1.EntityRole(e.Role), Category: v1alpha1.EntityCategory(e.Category),
		})
	}
	return out
}

// Verdicts are findings as the API keeps them.
func Verdicts(in []verdict.Finding) []v1alpha1.EntityVerdict {
	var out []v1alpha1.EntityVerdict
	for _, f := range in {
		out = append(out, v1alpha1.EntityVerdict{EntityKey: entityKey(f.Key), Verdict: v1alpha1.Verdict(f.Verdict), Reason: f.Reason, UID: f.UID})
	}
	return out
}

// VerdictFindings are verdicts as the engine sees them.
func VerdictFindings(in []v1alpha1.EntityVerdict) []verdict.Finding {
	var out []verdict.Finding
	for _, v := range in {
		out = append(out, verdict.Finding{Key: Key(v.EntityKey), Verdict: model.Verdict(v.Verdict), Reason: v.Reason, UID: v.UID})
	}
	return out
}

// RemediationState is where a Remediation stands, as its investigation sees it;
// one that is gone is nil.
func RemediationState(r *v1alpha1.Remediation) verdict.RemediationState {
	if r == nil {
		return verdict.RemediationBroken
	}
	switch r.Status.State {
	case v1alpha1.RemediationPendingApproval:
		return verdict.RemediationPending
	case v1alpha1.RemediationSucceeded, v1alpha1.RemediationUndone:
		return verdict.RemediationDone
	case v1alpha1.RemediationRejected:
		return verdict.RemediationRejected
	case v1alpha1.RemediationExpired:
		return verdict.RemediationExpired
	case v1alpha1.RemediationFailed, v1alpha1.RemediationTimeOut, v1alpha1.RemediationCancelled:
		return verdict.RemediationBroken
	}
	return verdict.RemediationOpen
}

// The longest texts of an input: enough to recognise an alert by.
const (
	maxInputTitle = 256
	maxInputRule  = 256
)

// Input is what the steps of an Investigation are asked.
func Input(inv *v1alpha1.Investigation, alerts []model.Alert) document.Input {
	in := document.Input{
		Incident: string(inv.Spec.IncidentName), Investigation: inv.Name, AlertsTotal: len(alerts),
		Entities: make([]document.Entity, 0, len(inv.Spec.Entities)), Alerts: []document.Alert{},
	}
	places := map[model.Key]int{}
	for i, e := range inv.Spec.Entities {
		places[Key(e.EntityKey)] = i
		in.Entities = append(in.Entities, document.Entity{Kind: string(e.Kind), Name: e.Name, Role: string(e.Role), Category: string(e.Category)})
	}
	for _, a := range playbook.Heaviest(alerts, document.MaxAlerts) {
		in.Alerts = append(in.Alerts, inputAlert(a, places))
	}
	return in
}

func inputAlert(a model.Alert, places map[model.Key]int) document.Alert {
	out := document.Alert{
		Rule: document.Truncate(a.Rule, maxInputRule), Title: document.Truncate(a.Title, maxInputTitle),
		Severity: a.Severity.String(), Techniques: a.Techniques,
	}
	for _, t := range a.Tactics {
		out.Tactics = append(out.Tactics, string(t))
	}
	for _, e := range a.Entities {
		if i, ok := places[e.Key]; ok {
			out.Entities = append(out.Entities, i)
		}
	}
	return out
}
