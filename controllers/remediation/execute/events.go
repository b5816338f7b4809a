package execute

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// publish tells what has changed since the reconciliation began. It is called
// after the write.
func (c *Controller) publish(s *scope) {
	if s.first.State != s.written.State {
		c.eventState(s)
		return
	}
	if f := s.decision.Effective; f.Reason != "" && !said(s.first, f) {
		c.eventEffect(s, f)
	}
}

// eventState tells of a new state, in the words of the condition that explains it.
func (c *Controller) eventState(s *scope) {
	switch s.written.State {
	case v1alpha1.RemediationPendingApproval:
		c.event(s, corev1.EventTypeNormal, string(s.written.State), s.written.Plan)
	case v1alpha1.RemediationSucceeded, v1alpha1.RemediationUndone, v1alpha1.RemediationCancelled, v1alpha1.RemediationRejected:
		c.event(s, corev1.EventTypeNormal, string(s.written.State), s.decision.Effective.Message)
	default:
		c.event(s, severity(s.decision.Effective), string(s.written.State), s.decision.Effective.Message)
	}
}

// eventEffect tells that something else is true of the effect.
func (c *Controller) eventEffect(s *scope, f lifecycle.Finding) {
	c.event(s, severity(f), f.Reason, f.Message)
}

// maxNote is the longest text that the API server takes for an event.
const maxNote = 1000

func (c *Controller) event(s *scope, eventType, reason, message string) {
	for i := range message {
		if i > maxNote {
			message = message[:i]
			break
		}
	}
	c.Recorder.Eventf(s.rem, nil, eventType, reason, string(s.rem.Spec.Action), "%s", message)
}

func severity(f lifecycle.Finding) string {
	switch f.Reason {
	case lifecycle.ReasonVerified, lifecycle.ReasonNotYet, lifecycle.ReasonUndone, lifecycle.ReasonPending:
		return corev1.EventTypeNormal
	default:
		return corev1.EventTypeWarning
	}
}

// said reports whether the status already told the same of the effect.
func said(status *v1alpha1.RemediationStatus, f lifecycle.Finding) bool {
	for _, condition := range status.Conditions {
		if condition.Type == v1alpha1.RemediationConditionEffective {
			return condition.Reason == f.Reason && condition.Message == f.Message
		}
	}
	return false
}
