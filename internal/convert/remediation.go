package convert

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// RemediationRequest is what people ask of a Remediation. The permissions of
// the approvers, and what came of the incident, are not known from it.
func RemediationRequest(rem *v1alpha1.Remediation) lifecycle.Request {
	r := lifecycle.Request{
		Automatic: rem.Spec.Approval == v1alpha1.ApprovalAutomatic,
		Requester: rem.Spec.RequestedBy,
		Cancelled: rem.Spec.Cancel != nil,
		DeletedAt: utc(rem.DeletionTimestamp),
		TTL:       time.Duration(ptr.Deref(rem.Spec.TTLSeconds, 0)) * time.Second,
	}
	if rem.Spec.Undo != nil {
		r.UndoBecause = rem.Spec.Undo.Reason
	}
	for _, a := range rem.Spec.Approvals {
		r.Approvals = append(r.Approvals, lifecycle.Approval{
			Approver: a.Approver, Digest: a.Digest, Reject: a.Decision != v1alpha1.DecisionApprove,
		})
	}
	return r
}

// RemediationRecord is what the status remembers of a Remediation.
func RemediationRecord(rem *v1alpha1.Remediation) lifecycle.Record {
	s := &rem.Status
	effective := meta.FindStatusCondition(s.Conditions, v1alpha1.RemediationConditionEffective)
	return lifecycle.Record{
		State:   lifecycle.State(s.State),
		Digest:  s.Digest,
		Started: utc(s.StartTime), Acted: utc(s.ActionTime), Completed: utc(s.CompletionTime),
		Undoing: utc(s.UndoTime), LastAttempt: utc(s.LastAttemptTime),
		Attempts: int(ptr.Deref(s.Attempts, 0)), UndoAttempts: int(ptr.Deref(s.UndoAttempts, 0)),
		Gone: effective != nil && effective.Status == metav1.ConditionFalse && effective.Reason == lifecycle.ReasonTargetNotFound,
	}
}
