package admission_test

import (
	"testing"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// Objects from before the policies stay usable, and what they say stays as it is.
func TestOldObjectsStayValid(t *testing.T) {
	incident := builders.Incident(namespace, uniqueName("old"), func(i *v1alpha1.Incident) {
		i.Spec.Comments = []v1alpha1.Comment{{Text: "unsigned"}, forged("signed by hand")}
	})
	remediation := builders.Remediation(namespace, uniqueName("old"), requestedBy(alice), func(r *v1alpha1.Remediation) {
		r.Spec.Approvals = []v1alpha1.Approval{{Decision: approve, Digest: builders.OtherDigest}}
	})
	withoutPolicies(t, func() {
		create(t, bob, incident)
		create(t, bob, remediation)
	})
	inState(t, remediation, v1alpha1.RemediationPendingApproval, builders.Digest)

	incident.Labels = map[string]string{"touched": "yes"}
	wantTaken(t, as(t, alice).Update(t.Context(), incident))
	incident.Spec.Comments = append(incident.Spec.Comments, v1alpha1.Comment{Text: "new"})
	wantTaken(t, as(t, alice).Update(t.Context(), incident))
	if got := incident.Spec.Comments; got[0].Author != "" || got[1].Author != "mallory" || got[2].Author != alice {
		t.Errorf("comments are %v", got)
	}

	remediation.Labels = map[string]string{"touched": "yes"}
	wantTaken(t, as(t, alice).Update(t.Context(), remediation))
	add(builders.Approval(approve, builders.Digest))(remediation)
	wantTaken(t, as(t, carol).Update(t.Context(), remediation))
	if got := remediation.Spec.Approvals; got[0].Approver != "" || got[1].Approver != carol {
		t.Errorf("approvals are %v", got)
	}
}
