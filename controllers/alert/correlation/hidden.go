package correlation

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// reasonHidden is why an alert belongs to no incident.
const reasonHidden = "Hidden"

// hide writes that the alert belongs to no incident. Correlation does not learn of
// it: once it is released it is as a new one.
func (c *Controller) hide(ctx context.Context, s *scope) error {
	out := owned(s.alert.Status.DeepCopy())
	out.State = v1alpha1.AlertState(incident.AlertState(convert.Said(s.alert), "", false))
	out.InvestigationState = v1alpha1.InvestigationSuppressedAlert
	kube.SetCondition(&out.Conditions, metav1.Condition{
		Type: v1alpha1.AlertConditionCorrelated, Status: metav1.ConditionFalse, Reason: reasonHidden,
		Message: hiddenMessage(s.alert), ObservedGeneration: s.alert.Generation,
	}, c.Clock.Now())
	_, err := kube.ApplyStatus(ctx, c.Client, owner, s.alert, s.before, out)
	return err
}

func hiddenMessage(a *v1alpha1.Alert) string {
	message := fmt.Sprintf("Tuning rule %s hides the alert", convert.Hidden(a))
	if wanted := kube.Wanted(a); wanted != "" {
		message += fmt.Sprintf("; not moved to incident %s: only an alert that is not hidden can be in one", wanted)
	}
	return message
}
