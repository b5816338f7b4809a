package run

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

// refusedRecheck is how long to wait after the API server refused a Job: a
// quota or a terminating namespace does not change by the second.
const refusedRecheck = 30 * time.Second

// stop ends the Jobs of steps that are not waited for any more.
func (c *Controller) stop(ctx context.Context, s *scope) error {
	for _, name := range s.stops {
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: s.inv.Namespace, Name: name}}
		if err := c.Client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("stopping job: %w", err)
		}
	}
	return nil
}

// launch starts the Jobs that are due, all side by side.
func (c *Controller) launch(ctx context.Context, s *scope) error {
	if len(s.launches) == 0 {
		return nil
	}
	if err := c.createInput(ctx, s); err != nil {
		return err
	}
	for i := range s.status.Steps {
		step := &s.status.Steps[i]
		if attempt, due := s.launches[step.Name]; due {
			if err := c.launchStep(ctx, s, step, attempt); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Controller) launchStep(ctx context.Context, s *scope, step *v1alpha1.InvestigationStep, attempt int) error {
	planned, _ := s.planned(step.Name)
	job, err := c.Builder.Job(s.inv, string(s.inv.Status.Plan.ServiceAccountName), planned, attempt)
	if err != nil {
		s.giveUp(step, "Its Job cannot be built: "+err.Error())
		return nil //nolint:nilerr // the step's status tells it; trying again would not help
	}
	switch err := c.createOwned(ctx, s.inv, job, &batchv1.Job{}); {
	case apierrors.IsInvalid(err):
		s.giveUp(step, "The API server refuses its Job as invalid")
		s.eventRefused(step.Name, err)
		return nil
	case apierrors.IsForbidden(err):
		step.Message = "The API server refuses its Job; it is tried again"
		s.eventRefused(step.Name, err)
		s.soonest(refusedRecheck)
		return nil
	case err != nil:
		return fmt.Errorf("launching job: %w", err)
	}
	step.State, step.JobName, step.Attempt = v1alpha1.StepRunning, job.Name, ptr.To(int32(attempt))
	if step.StartTime == nil {
		step.Message = ""
		step.StartTime = ptr.To(metav1.NewTime(s.now))
	}
	return nil
}

// giveUp ends a step that can never run.
func (s *scope) giveUp(step *v1alpha1.InvestigationStep, why string) {
	step.State, step.Message, step.CompletionTime = v1alpha1.StepFailed, why, ptr.To(metav1.NewTime(s.now))
}

// createInput brings the steps' input into being. The first one made is kept:
// every attempt is asked the same.
func (c *Controller) createInput(ctx context.Context, s *scope) error {
	var list v1alpha1.AlertList
	err := c.Client.List(ctx, &list, client.InNamespace(s.inv.Namespace),
		client.MatchingFields{kube.IndexAlertIncident: string(s.inv.Spec.IncidentName)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return fmt.Errorf("listing alerts: %w", err)
	}
	alerts := make([]model.Alert, 0, len(list.Items))
	for i := range list.Items {
		alerts = append(alerts, convert.Reported(&list.Items[i]))
	}
	input, err := workload.Input(s.inv, convert.Input(s.inv, alerts))
	if err != nil {
		return err
	}
	if err := c.createOwned(ctx, s.inv, input, &corev1.ConfigMap{}); err != nil {
		return fmt.Errorf("creating input: %w", err)
	}
	return nil
}

// createOwned creates an object. One of that name is as good if it is ours;
// the cache may not know it yet, so the API server is asked.
func (c *Controller) createOwned(ctx context.Context, inv *v1alpha1.Investigation, obj, existing client.Object) error {
	err := c.Client.Create(ctx, obj)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := c.Live.Get(ctx, client.ObjectKeyFromObject(obj), existing); err != nil {
		return err
	}
	if !metav1.IsControlledBy(existing, inv) {
		return fmt.Errorf("%T %s exists already and is not of this investigation", obj, obj.GetName())
	}
	return nil
}
