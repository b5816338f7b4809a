package run

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

// gather reads what the investigation has started so far.
func (c *Controller) gather(ctx context.Context, s *scope) error {
	inNamespace, ours := client.InNamespace(s.inv.Namespace), client.MatchingLabels(workload.Labels(s.inv))
	var jobs batchv1.JobList
	if err := c.Client.List(ctx, &jobs, inNamespace, ours); err != nil {
		return fmt.Errorf("listing jobs: %w", err)
	}
	s.jobs = map[string]*batchv1.Job{}
	for i := range jobs.Items {
		if metav1.IsControlledBy(&jobs.Items[i], s.inv) {
			s.jobs[jobs.Items[i].Name] = &jobs.Items[i]
		}
	}
	var pods corev1.PodList
	if err := c.Client.List(ctx, &pods, inNamespace, ours); err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	s.pods = pods.Items

	return c.gatherRemediations(ctx, s)
}

// gatherRemediations lists those of the incident, under whatever name it had
// when they were made.
func (c *Controller) gatherRemediations(ctx context.Context, s *scope) error {
	incident := types.NamespacedName{Namespace: s.inv.Namespace, Name: string(s.inv.Spec.IncidentName)}
	survivor, err := kube.Survivor(ctx, c.Client, incident)
	if err != nil {
		return err
	}
	names, err := kube.WithMerged(ctx, c.Client, survivor)
	if err != nil {
		return err
	}
	s.remediations = map[string]*v1alpha1.Remediation{}
	for _, name := range names {
		var list v1alpha1.RemediationList
		if err := c.Client.List(ctx, &list, client.InNamespace(incident.Namespace), client.MatchingFields{kube.IndexRemediationIncident: name}); err != nil {
			return fmt.Errorf("listing remediations: %w", err)
		}
		for i := range list.Items {
			s.remediations[list.Items[i].Name] = &list.Items[i]
		}
	}
	return nil
}

// jobOf is the Job of that name. That it is gone is believed only of the API
// server: to start it again for a cache that lags would run it twice.
func (c *Controller) jobOf(ctx context.Context, s *scope, name string) (*batchv1.Job, error) {
	if job, ok := s.jobs[name]; ok {
		return job, nil
	}
	job := &batchv1.Job{}
	err := c.Live.Get(ctx, client.ObjectKey{Namespace: s.inv.Namespace, Name: name}, job)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading job: %w", err)
	case !metav1.IsControlledBy(job, s.inv):
		return nil, nil
	}
	return job, nil
}

// podsOf are the pods of a Job. A Job that ended without one is looked at again
// in the API server, before its result is given up.
func (c *Controller) podsOf(ctx context.Context, s *scope, job *batchv1.Job) ([]corev1.Pod, error) {
	for i := range s.pods {
		if metav1.IsControlledBy(&s.pods[i], job) {
			return s.pods, nil
		}
	}
	if !over(job) {
		return nil, nil
	}
	var pods corev1.PodList
	err := c.Live.List(ctx, &pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name})
	if err != nil {
		return nil, fmt.Errorf("listing pods of a job: %w", err)
	}
	return pods.Items, nil
}

// over reports whether the Job has ended.
func over(job *batchv1.Job) bool {
	for _, c := range job.Status.Conditions {
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			return true
		}
	}
	return false
}
