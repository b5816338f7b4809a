package correlation

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// status is what the alert's status is to be, as far as this controller writes it.
func (c *Controller) status(s *scope) *v1alpha1.AlertStatus {
	out := owned(s.alert.Status.DeepCopy())
	out.ObservedEntities = s.enrichment
	if s.moved {
		out.IncidentName = v1alpha1.LocalName(s.decision.Incident)
		out.Links, out.LinkTotal = convert.Links(s.decision.Links), linkTotal(s.decision)
		out.Similar = convert.Similar(s.decision.Similar)
		out.SurpriseMillibits = convert.Surprise(s.decision)
		out.Routine = ptr.To(s.decision.Routine)
	}
	if s.moved && !s.stays || s.refusal != "" {
		kube.SetCondition(&out.Conditions, conditionOf(s), c.Clock.Now())
	}
	out.State = v1alpha1.AlertState(incident.AlertState(convert.Said(s.alert), s.state, convert.Ended(s.alert)))
	switch {
	case s.investigation != nil:
		out.InvestigationState = s.investigation.Status.State
	case out.InvestigationState == v1alpha1.InvestigationSuppressedAlert: // it was hidden
		out.InvestigationState = ""
	}
	return out
}

// linkTotal is how many links there are, where that is more than are kept.
func linkTotal(d engine.Decision) *int32 {
	if d.LinkTotal <= len(d.Links) {
		return nil
	}
	return ptr.To(int32(d.LinkTotal))
}

// eventMoved tells that a person's word was followed. What correlation does by
// itself is told by the condition: an event for each alert would double the
// writes of a storm.
func (c *Controller) eventMoved(s *scope) {
	c.Recorder.Eventf(s.alert, nil, corev1.EventTypeNormal, s.decision.Reason, "Correlate",
		"The alert was moved to incident %s", s.decision.Incident)
}
