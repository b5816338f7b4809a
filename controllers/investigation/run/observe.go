package run

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// defaultTimeout is the API's default.
const defaultTimeout = 300

// maxMessage is what the API takes for a step's message.
const maxMessage = 512

// observe looks at every step's Job and decides what becomes of the step.
func (c *Controller) observe(ctx context.Context, s *scope) error {
	if s.inv.Status.Plan == nil {
		return nil
	}
	for i := range s.status.Steps {
		step := &s.status.Steps[i]
		facts, err := c.facts(ctx, s, *step)
		if err != nil {
			return err
		}
		s.settle(step, verdict.Step(facts, s.now))
	}
	var found []verdict.Finding
	for _, step := range s.status.Steps {
		found = append(found, convert.VerdictFindings(step.Verdicts)...)
	}
	evidence, total := verdict.Aggregate(found, verdict.MaxEvidence)
	s.status.Evidence = convert.Verdicts(evidence)
	if total > len(evidence) {
		s.notes = append(s.notes, "only the worst verdicts are kept")
	}
	return nil
}

// facts are what is known of a step.
func (c *Controller) facts(ctx context.Context, s *scope, step v1alpha1.InvestigationStep) (verdict.StepFacts, error) {
	planned, _ := s.planned(step.Name)
	facts := verdict.StepFacts{
		State: verdict.StepState(step.State), Attempt: int(ptr.Deref(step.Attempt, 0)),
		Started:   started(s.inv, step),
		Timeout:   time.Duration(ptr.Deref(planned.TimeoutSeconds, defaultTimeout)) * time.Second,
		Cancelled: s.cancelled(), Waiting: step.Message,
	}
	if facts.State.Final() || step.JobName == "" {
		return facts, nil
	}
	job, err := c.jobOf(ctx, s, step.JobName)
	if err != nil || job == nil {
		return workload.Observe(facts, nil, nil), err
	}
	pods, err := c.podsOf(ctx, s, job)
	if err != nil {
		return facts, err
	}
	return workload.Observe(facts, job, pods), nil
}

// started is when the step's time began: with its first Job, or before it has
// one, with the investigation.
func started(inv *v1alpha1.Investigation, step v1alpha1.InvestigationStep) time.Time {
	switch {
	case step.StartTime != nil:
		return step.StartTime.Time
	case inv.Status.StartTime != nil:
		return inv.Status.StartTime.Time
	}
	return inv.CreationTimestamp.Time
}

// settle puts a decision into the step's status.
func (s *scope) settle(step *v1alpha1.InvestigationStep, d verdict.StepDecision) {
	s.soonest(d.RecheckAfter)
	if d.Stop {
		s.stops = append(s.stops, workload.JobName(s.inv.UID, step.Name, max(int(ptr.Deref(step.Attempt, 0)), 1)))
	}
	if d.Launch > 0 {
		s.launches[step.Name] = d.Launch
	}
	if verdict.StepState(step.State).Final() {
		return
	}
	step.State, step.Message = v1alpha1.StepState(d.State), document.Truncate(d.Message, maxMessage)
	if d.State.Final() {
		step.CompletionTime = ptr.To(metav1.NewTime(s.now))
		step.Verdicts = convert.Verdicts(d.Findings)
		s.eventStepEnded(*step)
	}
}
