package run

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// maxNote is how much of a text that others wrote an event repeats.
const maxNote = 256

// announcement is an event that is told once the status is written.
type announcement struct {
	kind, reason, action, note string
	related                    *v1alpha1.Remediation
}

func (s *scope) announce(a announcement) {
	a.note = document.Truncate(document.Printable(a.note), maxNote)
	s.events = append(s.events, a)
}

func (s *scope) eventStarted() {
	s.announce(announcement{kind: corev1.EventTypeNormal, reason: "Started", action: "Plan",
		note: "The plan follows playbook " + string(s.inv.Spec.PlaybookName)})
}

func (s *scope) eventStepEnded(step v1alpha1.InvestigationStep) {
	a := announcement{kind: corev1.EventTypeNormal, reason: "Step" + string(step.State), action: "Examine",
		note: "Step " + step.Name + " has ended. " + step.Message}
	if step.State != v1alpha1.StepSucceeded {
		a.kind = corev1.EventTypeWarning
	}
	s.announce(a)
}

func (s *scope) eventProposed(rem *v1alpha1.Remediation) {
	s.announce(announcement{kind: corev1.EventTypeNormal, reason: "RemediationProposed", action: "Respond",
		note: string(rem.Spec.Action) + ": " + rem.Spec.Reason, related: rem})
}

func (s *scope) eventEnded(outcome verdict.Outcome) {
	s.announce(announcement{kind: corev1.EventTypeNormal, reason: string(outcome.State), action: "Conclude", note: outcome.Message})
}

func (s *scope) eventRefused(what string, err error) {
	s.announce(announcement{kind: corev1.EventTypeWarning, reason: "Refused", action: "Create", note: what + ": " + err.Error()})
}

func (s *scope) eventForbidden(err error) {
	s.announce(announcement{kind: corev1.EventTypeWarning, reason: "Forbidden", action: "Reconcile", note: err.Error()})
}

// emit tells the events. Their text is an argument, never the format.
func (c *Controller) emit(s *scope) {
	for _, a := range s.events {
		if a.related != nil {
			c.Recorder.Eventf(s.inv, a.related, a.kind, a.reason, a.action, "%s", a.note)
			continue
		}
		c.Recorder.Eventf(s.inv, nil, a.kind, a.reason, a.action, "%s", a.note)
	}
}
