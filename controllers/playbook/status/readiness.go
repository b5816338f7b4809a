package status

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
)

// The reasons of a playbook's Ready condition.
const (
	reasonValid           = "Valid"
	reasonInvalid         = "Invalid"
	reasonSuspended       = "Suspended"
	reasonAccountNotFound = "ServiceAccountNotFound"
)

// readiness says whether the playbook is in use, and why not.
func readiness(s *scope) metav1.Condition {
	out := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	problems := convert.PlaybookProblems(s.playbook)
	switch {
	case len(problems) > 0:
		out.Reason, out.Message = reasonInvalid, strings.Join(problems, "; ")
	case ptr.Deref(s.playbook.Spec.Suspend, false):
		out.Reason, out.Message = reasonSuspended, "It starts no investigation while suspend is set"
	case s.accountMissing:
		out.Reason = reasonAccountNotFound
		out.Message = "serviceAccountName: there is no service account " + string(s.playbook.Spec.ServiceAccountName)
	default:
		out.Status, out.Reason, out.Message = metav1.ConditionTrue, reasonValid, use(s.playbook)
	}
	return out
}

// use says in a sentence what the playbook does.
func use(p *v1alpha1.Playbook) string {
	switch {
	case p.Spec.Automation == v1alpha1.AutomationNone:
		return "Alerts that match are not investigated"
	case p.Spec.Mode == v1alpha1.PlaybookMonitor:
		return "Alerts that match are investigated; nothing is remediated"
	}
	return "Alerts that match are investigated"
}
