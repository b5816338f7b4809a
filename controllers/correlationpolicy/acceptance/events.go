package acceptance

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// maxNote is the longest text that the API server takes for an event.
const maxNote = 1000

// publish tells what a write has changed: what is in force, what was refused,
// and which policy is in use.
func (c *Controller) publish(p *v1alpha1.CorrelationPolicy, before, after *v1alpha1.CorrelationPolicyStatus) {
	if !equality.Semantic.DeepEqual(before.InForce, after.InForce) {
		c.eventAccepted(p, after)
	}
	if refused := meta.FindStatusCondition(after.Conditions, v1alpha1.CorrelationPolicyConditionAccepted); refused.Reason == reasonInvalid && news(before, after, refused.Type) {
		c.event(p, corev1.EventTypeWarning, refused.Reason, refused.Message)
	}
	used := meta.FindStatusCondition(after.Conditions, v1alpha1.CorrelationPolicyConditionInUse)
	if news(before, after, used.Type) && used.Reason != reasonNeverValid {
		c.event(p, corev1.EventTypeNormal, used.Reason, used.Message)
	}
}

// news reports whether a condition says something else than it did.
func news(before, after *v1alpha1.CorrelationPolicyStatus, conditionType string) bool {
	was, is := meta.FindStatusCondition(before.Conditions, conditionType), meta.FindStatusCondition(after.Conditions, conditionType)
	return was == nil || was.Reason != is.Reason || was.Message != is.Message
}

func (c *Controller) eventAccepted(p *v1alpha1.CorrelationPolicy, after *v1alpha1.CorrelationPolicyStatus) {
	c.event(p, corev1.EventTypeNormal, "Accepted", fmt.Sprintf("Generation %d is accepted", *after.InForce.Generation))
}

// event tells the text as an argument, never as the format.
func (c *Controller) event(p *v1alpha1.CorrelationPolicy, eventType, reason, message string) {
	c.Recorder.Eventf(p, nil, eventType, reason, "Accept", "%s", text.Line(message, maxNote))
}
