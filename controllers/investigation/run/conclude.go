package run

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// conclude decides where the investigation stands.
func (c *Controller) conclude(ctx context.Context, s *scope) error {
	states, err := c.remediationStates(ctx, s)
	if err != nil {
		return err
	}
	facts := s.facts()
	facts.Remediations = states
	outcome := verdict.Investigation(facts, s.now)
	s.soonest(outcome.RecheckAfter)
	s.settleAs(outcome)
	return nil
}

// facts are what is known of the investigation, but for its remediations.
func (s *scope) facts() verdict.Facts {
	facts := verdict.Facts{
		Current: convert.InvestigationState(s.inv), Cancelled: s.cancelled(), Created: s.inv.CreationTimestamp.UTC(),
		Planned: s.status.Plan != nil, Blocked: s.blocked,
		Evidence: convert.VerdictFindings(s.status.Evidence),
		Proposed: s.proposed, Note: strings.Join(s.notes, "; "),
	}
	for _, step := range s.status.Steps {
		facts.Steps = append(facts.Steps, verdict.StepState(step.State))
	}
	return facts
}

// settleAs makes the status say where the investigation stands, and that it has
// ended if so.
func (s *scope) settleAs(outcome verdict.Outcome) {
	s.condition(outcome)
	s.status.ObservedGeneration = ptr.To(s.inv.Generation)
	if outcome.State.Final() {
		s.recheck = 0
		s.status.CompletionTime = ptr.To(metav1.NewTime(s.now))
		s.eventEnded(outcome)
	}
}

// remediationStates are the states of the investigation's remediations, and
// their number that waits for people.
func (c *Controller) remediationStates(ctx context.Context, s *scope) ([]verdict.RemediationState, error) {
	var out []verdict.RemediationState
	pending := int32(0)
	for _, name := range s.status.Remediations {
		r, err := c.remediationOf(ctx, s, string(name))
		if err != nil {
			return nil, err
		}
		state := convert.RemediationState(r)
		if state == verdict.RemediationPending {
			pending++
		}
		out = append(out, state)
	}
	if s.proposed {
		s.status.PendingApprovals = ptr.To(pending)
	}
	return out, nil
}

// remediationOf is the remediation of that name; that it is gone is believed
// only of the API server.
func (c *Controller) remediationOf(ctx context.Context, s *scope, name string) (*v1alpha1.Remediation, error) {
	if r, ok := s.remediations[name]; ok {
		return r, nil
	}
	r := &v1alpha1.Remediation{}
	err := c.Live.Get(ctx, client.ObjectKey{Namespace: s.inv.Namespace, Name: name}, r)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading remediation: %w", err)
	}
	return r, nil
}

// condition makes the status say where the investigation stands.
func (s *scope) condition(outcome verdict.Outcome) {
	s.status.State = v1alpha1.InvestigationState(outcome.State)
	status := metav1.ConditionFalse
	if outcome.State.Final() {
		status = metav1.ConditionTrue
	}
	kube.SetCondition(&s.status.Conditions, metav1.Condition{
		Type: v1alpha1.InvestigationConditionCompleted, Status: status, Reason: string(outcome.State),
		Message: outcome.Message, ObservedGeneration: s.inv.Generation,
	}, s.now)
}

// report writes the status, then tells the events.
func (c *Controller) report(ctx context.Context, s *scope) error {
	wrote, err := kube.ApplyStatus(ctx, c.Client, owner, s.inv, &s.inv.Status, s.status)
	if err != nil {
		return err
	}
	if wrote {
		count(&s.inv.Status, s.status)
		c.emit(s)
	}
	return nil
}
