package run

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
)

// scope is what one reconciliation gathers, decides and reports.
type scope struct {
	// inv is as it was read. What it says was written; it is not changed.
	inv *v1alpha1.Investigation
	now time.Time
	// status is what is to be written.
	status *v1alpha1.InvestigationStatus

	jobs         map[string]*batchv1.Job
	pods         []corev1.Pod
	remediations map[string]*v1alpha1.Remediation

	// blocked says why the investigation cannot be started yet.
	blocked string
	// launches are the attempts to start, stops the Jobs to end, by step name.
	launches map[string]int
	stops    []string
	// proposed says that the remediations are decided and exist.
	proposed bool
	// notes say what was left out.
	notes []string

	recheck time.Duration
	events  []announcement
}

func newScope(inv *v1alpha1.Investigation, now time.Time) *scope {
	return &scope{inv: inv, now: now.UTC().Truncate(time.Second), status: inv.Status.DeepCopy(), launches: map[string]int{}}
}

// ended reports whether the investigation has come to its end, which is final.
func ended(inv *v1alpha1.Investigation) bool { return convert.InvestigationState(inv).Final() }

// cancelled reports whether a person ended the investigation.
func (s *scope) cancelled() bool { return s.inv.Spec.Cancel != nil }

// fail takes note of what went wrong. What goes wrong each time must not keep an
// investigation for ever: it ends when its time is up, and when a person ended
// it and the API server refuses what is left to do. Else the status says what is
// not permitted: waiting for it looks like progress otherwise.
func (s *scope) fail(err error) error {
	forbidden := apierrors.IsForbidden(err)
	if forbidden {
		s.eventForbidden(err)
	}
	outcome, over := verdict.Over(s.facts(), s.now)
	switch {
	case over && (forbidden || outcome.State != verdict.TerminatedByUser):
		s.settleAs(outcome)
		return nil
	case forbidden:
		s.condition(verdict.Outcome{State: currentState(s.inv), Message: "Tocsin lacks a permission, or a quota is used up: see the events"})
	}
	return err
}

func currentState(inv *v1alpha1.Investigation) verdict.State {
	if state := convert.InvestigationState(inv); state != "" {
		return state
	}
	return verdict.Queued
}
