package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
)

const (
	// queueRecheck is how often an investigation that waits for others is looked
	// at again. Theirs may end at any moment; a few seconds are not missed.
	queueRecheck = 5 * time.Second
	// maxQueueRecheck is the same where very many wait: each look reads them all.
	maxQueueRecheck = time.Minute
)

// plan pins the playbook as it is now. Nothing is started before that is
// written: a Job must not run what a later playbook says.
func (c *Controller) plan(ctx context.Context, s *scope) error {
	if s.inv.Status.Plan != nil || s.cancelled() {
		return nil
	}
	playbook := &v1alpha1.Playbook{}
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: s.inv.Namespace, Name: string(s.inv.Spec.PlaybookName)}, playbook)
	switch {
	case apierrors.IsNotFound(err):
		s.blocked = "The playbook does not exist"
		return nil
	case err != nil:
		return fmt.Errorf("reading playbook: %w", err)
	}
	if s.blocked = unusable(playbook); s.blocked != "" {
		return nil
	}
	busy, waiting, err := c.others(ctx, s)
	if err != nil {
		return err
	}
	if busy >= maxRunning {
		s.blocked = "Waiting for other investigations to end"
		s.soonest(min(queueRecheck*time.Duration(1+waiting/maxRunning), maxQueueRecheck))
		return nil
	}
	s.status.Plan = planOf(playbook)
	s.status.StartTime = ptr.To(metav1.NewTime(s.now))
	s.status.Steps = nil
	for _, step := range playbook.Spec.Steps {
		s.status.Steps = append(s.status.Steps, v1alpha1.InvestigationStep{Name: step.Name, State: v1alpha1.StepQueued})
	}
	s.eventStarted()
	return nil
}

// unusable says why the playbook starts nothing; empty when it does.
func unusable(p *v1alpha1.Playbook) string {
	if ptr.Deref(p.Spec.Suspend, false) {
		return "The playbook is suspended"
	}
	if problems := convert.PlaybookProblems(p); len(problems) > 0 {
		return "The playbook is invalid: " + strings.Join(problems, "; ")
	}
	return ""
}

// others counts the tenant's investigations that have steps under way, and
// those that wait to be started.
func (c *Controller) others(ctx context.Context, s *scope) (busy, waiting int, err error) {
	var list v1alpha1.InvestigationList
	if err := c.Client.List(ctx, &list, client.InNamespace(s.inv.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return 0, 0, fmt.Errorf("listing investigations: %w", err)
	}
	for i := range list.Items {
		switch inv := &list.Items[i]; {
		case !convert.Former(inv).Examining:
		case inv.Status.Plan != nil:
			busy++
		default:
			waiting++
		}
	}
	return busy, waiting, nil
}

func planOf(p *v1alpha1.Playbook) *v1alpha1.InvestigationPlan {
	spec := p.Spec.DeepCopy()
	return &v1alpha1.InvestigationPlan{
		PlaybookGeneration: ptr.To(p.Generation), Automation: spec.Automation, Mode: spec.Mode,
		ServiceAccountName: spec.ServiceAccountName, Steps: spec.Steps, Responses: spec.Responses,
	}
}

// planned is the step of that name in the plan.
func (s *scope) planned(name string) (v1alpha1.PlaybookStep, bool) {
	for _, step := range s.inv.Status.Plan.Steps {
		if step.Name == name {
			return step, true
		}
	}
	return v1alpha1.PlaybookStep{}, false
}
