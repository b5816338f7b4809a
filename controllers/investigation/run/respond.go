package run

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// maxReason is what the API takes for a remediation's reason.
const maxReason = 1024

// respond proposes the remediations that follow from the evidence, once that is
// written. That pendingApprovals is set says that it was done.
func (c *Controller) respond(ctx context.Context, s *scope) error {
	if s.inv.Status.PendingApprovals != nil {
		s.proposed = true
		return nil
	}
	if s.cancelled() || !examinedEverything(s.inv) {
		return nil
	}
	subjects, err := c.subjects(ctx, s)
	if err != nil {
		return err
	}
	proposals, dropped := playbook.Respond(convert.Policy(s.inv.Status.Plan, c.ProtectedNamespaces), subjects)
	if dropped > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d remediations too many were left out", dropped))
	}
	if s.inv.Status.Plan.Mode == v1alpha1.PlaybookMonitor {
		s.notes = append(s.notes, "the playbook only monitors")
	}
	for _, p := range proposals {
		if err := c.propose(ctx, s, p); err != nil {
			return err
		}
	}
	s.proposed = true
	return nil
}

// examinedEverything reports whether the written status has every step ended.
func examinedEverything(inv *v1alpha1.Investigation) bool {
	if inv.Status.Plan == nil {
		return false
	}
	return !slices.ContainsFunc(inv.Status.Steps, func(step v1alpha1.InvestigationStep) bool {
		return !verdict.StepState(step.State).Final()
	})
}

// subjects are the entities with a verdict, and what a decision must know of
// them beside it.
func (c *Controller) subjects(ctx context.Context, s *scope) ([]playbook.Subject, error) {
	asked := map[v1alpha1.EntityKey]bool{}
	for _, e := range s.inv.Spec.Entities {
		asked[e.EntityKey] = true
	}
	var out []playbook.Subject
	for _, v := range s.inv.Status.Evidence {
		subject := playbook.Subject{
			Key: convert.Key(v.EntityKey), Verdict: model.Verdict(v.Verdict), Reason: v.Reason, UID: v.UID, Foreign: !asked[v.EntityKey],
		}
		if subject.Verdict.Worse(model.VerdictNoThreatsFound) {
			critical, err := c.critical(ctx, subject.Key)
			if err != nil {
				return nil, err
			}
			subject.Critical = critical
		}
		out = append(out, subject)
	}
	return out, nil
}

// propose brings a remediation into being, or adopts one that an earlier
// investigation of the incident made of the same kind.
func (c *Controller) propose(ctx context.Context, s *scope, p playbook.Proposal) error {
	if twin := s.twin(p); twin != "" {
		s.remember(twin)
		return nil
	}
	rem := s.remediation(p)
	if known := s.remediations[rem.Name]; known != nil && answers(known, rem) {
		s.remember(rem.Name)
		return nil
	}
	err := c.Client.Create(ctx, rem)
	switch {
	case apierrors.IsInvalid(err):
		s.notes = append(s.notes, "a remediation was refused as invalid")
		s.eventRefused(p.Response, err)
		return nil
	case apierrors.IsAlreadyExists(err):
		if err := c.checkRemediation(ctx, s, rem); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("creating remediation: %w", err)
	default:
		s.eventProposed(rem)
	}
	if s.remediations[rem.Name] == nil {
		s.remediations[rem.Name] = rem
	}
	s.remember(rem.Name)
	return nil
}

// checkRemediation accepts one that is there already, if it is ours.
func (c *Controller) checkRemediation(ctx context.Context, s *scope, meant *v1alpha1.Remediation) error {
	existing := &v1alpha1.Remediation{}
	if err := c.Live.Get(ctx, client.ObjectKeyFromObject(meant), existing); err != nil {
		return fmt.Errorf("reading remediation: %w", err)
	}
	if !answers(existing, meant) {
		return fmt.Errorf("remediation %s exists already and is not of this investigation", meant.Name)
	}
	s.remediations[existing.Name] = existing
	return nil
}

// answers reports whether a remediation is the one that is meant.
func answers(existing, meant *v1alpha1.Remediation) bool {
	return existing.Spec.InvestigationName == meant.Spec.InvestigationName &&
		existing.Spec.Target == meant.Spec.Target && existing.Spec.Action == meant.Spec.Action
}

func (s *scope) remember(name string) {
	if !slices.Contains(s.status.Remediations, v1alpha1.LocalName(name)) {
		s.status.Remediations = append(s.status.Remediations, v1alpha1.LocalName(name))
	}
}

// remediation is what a proposal looks like.
func (s *scope) remediation(p playbook.Proposal) *v1alpha1.Remediation {
	namespace, name, _ := playbook.Pod(p.Target)
	rem := &v1alpha1.Remediation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.inv.Namespace, Name: workload.RemediationName(s.inv.UID, p.Response, p.Action, p.Target.Name),
		},
		Spec: v1alpha1.RemediationSpec{
			Action:       v1alpha1.RemediationAction(p.Action),
			Target:       v1alpha1.RemediationTarget{Kind: v1alpha1.EntityKind(p.Target.Kind), Namespace: namespace, Name: name, UID: p.UID},
			IncidentName: s.inv.Spec.IncidentName, InvestigationName: v1alpha1.LocalName(s.inv.Name),
			Reason:             document.Truncate(p.Message, maxReason),
			ServiceAccountName: s.inv.Status.Plan.ServiceAccountName,
			Approval:           v1alpha1.ApprovalRequired,
		},
	}
	if p.Automatic {
		rem.Spec.Approval = v1alpha1.ApprovalAutomatic
	}
	if p.TTLSeconds > 0 {
		rem.Spec.TTLSeconds = ptr.To(p.TTLSeconds)
	}
	return rem
}
