package launch

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// eventStarted tells that an investigation of the incident was started, and why.
func (c *Controller) eventStarted(incident *v1alpha1.Incident, inv *v1alpha1.Investigation, why string) {
	c.Recorder.Eventf(incident, inv, corev1.EventTypeNormal, "InvestigationStarted", "Investigate",
		"Investigation %s examines %d entities. %s", inv.Name, len(inv.Spec.Entities), why)
}
