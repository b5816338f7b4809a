package summary

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
)

// eventState tells that the incident's state has changed.
func (c *Controller) eventState(was *v1alpha1.Incident, is incident.Summary) {
	if string(was.Status.State) == string(is.State) {
		return
	}
	c.Recorder.Eventf(was, nil, corev1.EventTypeNormal, string(is.State), "Summarize", "%s", is.StateMessage)
}
