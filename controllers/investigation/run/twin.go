package run

import (
	"slices"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
)

// twin is another investigation's remediation that does the same to the same
// object, or soon will; empty when there is none.
func (s *scope) twin(p playbook.Proposal) string {
	var names []string
	for name, r := range s.remediations {
		if string(r.Spec.InvestigationName) != s.inv.Name && same(r, p) && serves(r, p) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}

func same(r *v1alpha1.Remediation, p playbook.Proposal) bool {
	return string(r.Spec.Action) == p.Action && r.Spec.Target.UID == p.UID &&
		r.Spec.Target.Namespace+"/"+r.Spec.Target.Name == p.Target.Name
}

// serves reports whether the remediation is as good as the proposal. One that
// waits for a person is not, where the proposal acts by itself; nor is one that
// was undone, refused or failed.
func serves(r *v1alpha1.Remediation, p playbook.Proposal) bool {
	switch convert.RemediationState(r) {
	case verdict.RemediationPending:
		return !p.Automatic
	case verdict.RemediationOpen:
		return !p.Automatic || r.Spec.Approval == v1alpha1.ApprovalAutomatic
	case verdict.RemediationDone:
		return r.Status.State == v1alpha1.RemediationSucceeded
	}
	return false
}
