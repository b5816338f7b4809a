package invariant

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// effect finds the remediation whose effect the revision is: the network policy
// that appears, or the pod that is made to go.
func effect(before history.View, r history.Revision) *v1alpha1.Remediation {
	switch o := r.Object.(type) {
	case *networkingv1.NetworkPolicy:
		if r.Event != watch.Added {
			return nil
		}
		return find(before, func(rem *v1alpha1.Remediation) bool {
			return rem.Spec.Action == v1alpha1.ActionIsolatePod && names(o, rem)
		})
	case *corev1.Pod:
		old, _ := before.Before(o).(*corev1.Pod)
		going := o.DeletionTimestamp != nil || r.Event == watch.Deleted
		if !going || old == nil || old.DeletionTimestamp != nil {
			return nil
		}
		return find(before, func(rem *v1alpha1.Remediation) bool {
			target := rem.Spec.Target
			return rem.Spec.Action == v1alpha1.ActionDeletePod && target.Name == o.Name &&
				(target.UID == "" || target.UID == string(o.UID))
		})
	}
	return nil
}

// names tells whether the policy says that it is of that remediation.
func names(o *networkingv1.NetworkPolicy, rem *v1alpha1.Remediation) bool {
	for _, owner := range o.OwnerReferences {
		if owner.UID == rem.UID {
			return true
		}
	}
	return labelled(o.Labels, "remediation") == rem.Name || labelled(o.Labels, "remediation-uid") == string(rem.UID)
}

func find(v history.View, wanted func(*v1alpha1.Remediation) bool) *v1alpha1.Remediation {
	for _, rem := range history.List[*v1alpha1.Remediation](v) {
		if wanted(rem) {
			return rem
		}
	}
	return nil
}

// oneEffectAnAttempt: what was done is not done again.
func oneEffectAnAttempt() Invariant {
	type attempt struct {
		remediation types.UID
		number      int32
	}
	done := map[attempt]history.Revision{}
	return Invariant{Name: "I5 one effect an attempt", Revision: func(before history.View, r history.Revision) error {
		rem := effect(before, r)
		if rem == nil {
			return nil
		}
		this := attempt{rem.UID, ptr.Deref(rem.Status.Attempts, 0)}
		if first, ok := done[this]; ok {
			return fmt.Errorf("attempt %d of remediation %s had its effect already: %s", this.number, rem.Name, first)
		}
		done[this] = r
		return nil
	}}
}

// noEffectBeforeApproval: nothing is done that nobody allowed, nor after it was
// refused, cancelled or taken back.
func noEffectBeforeApproval() Invariant {
	return Invariant{Name: "I5 approved first", Revision: func(before history.View, r history.Revision) error {
		rem := effect(before, r)
		if rem == nil {
			return nil
		}
		switch {
		case rem.Status.State == v1alpha1.RemediationRejected, rem.Status.State == v1alpha1.RemediationExpired,
			rem.Status.State == v1alpha1.RemediationCancelled, rem.Status.State == v1alpha1.RemediationUndone:
			return fmt.Errorf("remediation %s is %s", rem.Name, rem.Status.State)
		case rem.Spec.Approval != v1alpha1.ApprovalAutomatic && !approved(rem):
			return fmt.Errorf("remediation %s has no approval of %q: %+v", rem.Name, rem.Status.Digest, rem.Spec.Approvals)
		}
		return nil
	}}
}

// approved tells whether one person other than the requester approved exactly
// this, and none rejected it.
func approved(rem *v1alpha1.Remediation) bool {
	yes := false
	for _, approval := range rem.Spec.Approvals {
		switch approval.Decision {
		case v1alpha1.DecisionReject:
			return false
		case v1alpha1.DecisionApprove:
			yes = yes || approval.Digest == rem.Status.Digest && approval.Approver != rem.Spec.RequestedBy
		}
	}
	return yes
}

// digestStands: what is to be done is not changed once people may have approved it.
func digestStands() Invariant {
	return Invariant{Name: "I6 digest", Revision: func(before history.View, r history.Revision) error {
		rem, ok := r.Object.(*v1alpha1.Remediation)
		old, _ := before.Before(r.Object).(*v1alpha1.Remediation)
		if !ok || old == nil || old.Status.Digest == "" || old.Status.Digest == rem.Status.Digest {
			return nil
		}
		return fmt.Errorf("changed from %s to %s", old.Status.Digest, rem.Status.Digest)
	}}
}

// approverIsNotRequester: nobody lets his own request act.
func approverIsNotRequester() Invariant {
	return Invariant{Name: "I7 approver", Revision: func(_ history.View, r history.Revision) error {
		rem, ok := r.Object.(*v1alpha1.Remediation)
		if ok && rem.Spec.Approval == v1alpha1.ApprovalRequired && rem.Status.ApprovedBy != "" && rem.Status.ApprovedBy == rem.Spec.RequestedBy {
			return fmt.Errorf("%s approved what they requested", rem.Status.ApprovedBy)
		}
		return nil
	}}
}
