package status

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// maxNote is the longest text that the API server takes for an event.
const maxNote = 1000

// publish tells what a write says for the first time and somebody should look at.
func (c *Controller) publish(rule *v1alpha1.TuningRule, before, after *v1alpha1.TuningRuleStatus) {
	if ready, news := newsOf(before, after, v1alpha1.TuningRuleConditionReady); news && (ready.Reason == reasonInvalid || ready.Reason == reasonTooMany) {
		c.event(rule, corev1.EventTypeWarning, ready.Reason, ready.Message)
	}
	switch expiring, news := newsOf(before, after, v1alpha1.TuningRuleConditionExpiring); {
	case !news:
	case expiring.Reason == reasonExpiresSoon:
		c.event(rule, corev1.EventTypeWarning, expiring.Reason, fmt.Sprintf(
			"The rule ends at %s; if it is to stay, set a later spec.expiresAt", rule.Spec.ExpiresAt.UTC().Format(time.RFC3339)))
	case expiring.Reason == reasonExpired:
		c.event(rule, corev1.EventTypeNormal, expiring.Reason, "The rule has ended; new alerts are left as they are")
	}
}

// newsOf is a condition, and whether it says something else than it did.
func newsOf(before, after *v1alpha1.TuningRuleStatus, conditionType string) (is *metav1.Condition, news bool) {
	was, is := meta.FindStatusCondition(before.Conditions, conditionType), meta.FindStatusCondition(after.Conditions, conditionType)
	return is, was == nil || was.Reason != is.Reason || was.Message != is.Message
}

// event tells the text as an argument, never as the format.
func (c *Controller) event(rule *v1alpha1.TuningRule, eventType, reason, message string) {
	c.Recorder.Eventf(rule, nil, eventType, reason, "Tune", "%s", text.Line(message, maxNote))
}
