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

// fail makes the status say what the API server does not permit: waiting for it
// looks like progress otherwise.
func (s *scope) fail(err error) error {
	if apierrors.IsForbidden(err) {
		s.condition(verdict.Outcome{State: currentState(s.inv), Message: "Tocsin lacks a permission, or a quota is used up: see the events"})
		s.eventForbidden(err)
	}
	return err
}

func currentState(inv *v1alpha1.Investigation) verdict.State {
	if state := convert.InvestigationState(inv); state != "" {
		return state
	}
	return verdict.Queued
}
