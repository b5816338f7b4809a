package convert

import (
	"cmp"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

// defaultRank is the API's default.
const defaultRank = 100

// Playbook is the engine's view of a Playbook.
func Playbook(p *v1alpha1.Playbook) playbook.Playbook {
	out := playbook.Playbook{
		Name: p.Name, Created: p.CreationTimestamp.UTC(), Rank: ptr.Deref(p.Spec.Rank, defaultRank),
		Match:      playbookMatch(p.Spec.Match),
		Automation: automation(p.Spec.Automation), Monitor: p.Spec.Mode == v1alpha1.PlaybookMonitor,
		Suspended: ptr.Deref(p.Spec.Suspend, false), Responses: responses(p.Spec.Responses),
	}
	out.Invalid = len(problems(p, out)) > 0
	return out
}

// PlaybookProblems names what makes no sense in a Playbook.
func PlaybookProblems(p *v1alpha1.Playbook) []string { return problems(p, Playbook(p)) }

func problems(p *v1alpha1.Playbook, view playbook.Playbook) []string {
	out := playbook.Problems(view)
	for _, step := range p.Spec.Steps {
		out = append(out, workload.Problems(step)...)
	}
	return out
}

// Policy is what a plan says about remediation.
func Policy(plan *v1alpha1.InvestigationPlan, protectedNamespaces []string) playbook.Policy {
	return playbook.Policy{
		Automation: automation(plan.Automation), Monitor: plan.Mode == v1alpha1.PlaybookMonitor,
		Responses: responses(plan.Responses), ProtectedNamespaces: protectedNamespaces,
	}
}

func automation(level v1alpha1.AutomationLevel) playbook.Automation {
	return playbook.Automation(cmp.Or(level, v1alpha1.AutomationSemi))
}

func playbookMatch(m v1alpha1.PlaybookMatch) playbook.Match {
	out := playbook.Match{
		MinimumSeverity: model.ParseSeverity(string(m.MinimumSeverity)), Services: m.Services, Rules: m.Rules,
	}
	for _, t := range m.Tactics {
		out.Tactics = append(out.Tactics, model.Tactic(t))
	}
	for _, k := range m.EntityKinds {
		out.EntityKinds = append(out.EntityKinds, model.EntityKind(k))
	}
	return out
}

func responses(in []v1alpha1.PlaybookResponse) []playbook.Response {
	var out []playbook.Response
	for _, r := range in {
		out = append(out, playbook.Response{
			Name: r.Name, Action: string(r.Action),
			MinimumVerdict: model.Verdict(cmp.Or(r.MinimumVerdict, v1alpha1.VerdictSuspicious)),
			AlwaysApprove:  r.Approval == v1alpha1.ResponseRequired,
			TTLSeconds:     ptr.Deref(r.TTLSeconds, 0),
		})
	}
	return out
}
