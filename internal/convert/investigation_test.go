package convert

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

func TestFormer(t *testing.T) {
	cases := map[string]struct {
		reason   string
		state    v1alpha1.InvestigationState
		approval *int32
		want     bool
	}{
		"new":                     {"nothing is known yet", "", nil, true},
		"steps are under way":     {"verdicts are still to come", v1alpha1.InvestigationRunning, nil, true},
		"waits for people":        {"people may take a week", v1alpha1.InvestigationPendingApproval, ptr.To(int32(1)), false},
		"an action lacks a right": {"a remediation may be tried for three days", v1alpha1.InvestigationRunning, ptr.To(int32(0)), false},
		"ended":                   {"it is over", v1alpha1.InvestigationFailed, nil, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inv := &v1alpha1.Investigation{Status: v1alpha1.InvestigationStatus{PendingApprovals: tc.approval}}
			if tc.state != "" {
				inv.Status.Conditions = []metav1.Condition{{Type: v1alpha1.InvestigationConditionCompleted, Status: "False", Reason: string(tc.state)}}
			}
			if got := Former(inv).Examining; got != tc.want {
				t.Errorf("%s: examining is %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}
