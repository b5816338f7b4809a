// Package world stands in for what a bare API server lacks: whoever runs Jobs,
// and the people.
package world

import (
	"context"
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// retryTimeout bounds how long a Job is tried to be run.
const retryTimeout = 30 * time.Second

// RunJobs runs every Job of the log's namespace: its pod ends at once with the
// answer as its termination message. It ends with the context.
func RunJobs(ctx context.Context, c client.Client, log *history.Log, answer func(*batchv1.Job) string) error {
	for ctx.Err() == nil {
		var job *batchv1.Job
		// It fails only when the run is over.
		_ = log.Await(ctx, func(v history.View) error {
			for _, candidate := range history.List[*batchv1.Job](v) {
				if candidate.Status.CompletionTime == nil && candidate.DeletionTimestamp == nil {
					job = candidate
					return nil
				}
			}
			return errors.New("no Job to run")
		})
		if job == nil {
			continue
		}
		var last error
		err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, retryTimeout, true, func(ctx context.Context) (bool, error) {
			last = runJob(ctx, c, job.DeepCopy(), answer(job))
			return last == nil, nil
		})
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("running job %s: %w", job.Name, last)
		}
	}
	return nil
}

// runJob does what the Job controller and a kubelet do together.
func runJob(ctx context.Context, c client.Client, job *batchv1.Job, message string) error {
	now := metav1.NewTime(clock.RealClock{}.Now())
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: job.Name + "-0",
			Labels: map[string]string{}, Annotations: job.Spec.Template.Annotations,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
		},
		Spec: job.Spec.Template.Spec,
	}
	for label, value := range job.Spec.Template.Labels { // the API server has added its own to them
		pod.Labels[label] = value
	}
	if err := c.Create(ctx, pod); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
		return err
	}
	pod.Status.Phase = corev1.PodSucceeded
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name:  pod.Spec.Containers[0].Name,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", Message: message, StartedAt: now, FinishedAt: now}},
	}}
	if err := c.Status().Update(ctx, pod); err != nil {
		return err
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
		return client.IgnoreNotFound(err)
	}
	if job.Status.CompletionTime != nil {
		return nil // the log had not seen it yet
	}
	job.Status.StartTime, job.Status.CompletionTime, job.Status.Succeeded = &now, &now, 1
	for _, condition := range []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete} {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: condition, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonCompletionsReached, LastTransitionTime: now, LastProbeTime: now,
		})
	}
	return c.Status().Update(ctx, job)
}
