package workload_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

func ended(kind batchv1.JobConditionType, reason string) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason})
	}
}

func TestObserve(t *testing.T) {
	job := func(change ...func(*batchv1.Job)) *batchv1.Job {
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "job", UID: "job-uid"}}
		for _, c := range change {
			c(j)
		}
		return j
	}
	pod := func(phase corev1.PodPhase, change ...func(*corev1.Pod)) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod"}, Status: corev1.PodStatus{Phase: phase}}
		p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job(), batchv1.SchemeGroupVersion.WithKind("Job"))}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	state := func(s corev1.ContainerState) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: workload.ContainerName, State: s}}
		}
	}
	terminated := func(code int32, reason, message string) func(*corev1.Pod) {
		return state(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}})
	}
	waiting := func(reason string) func(*corev1.Pod) {
		return state(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}})
	}
	deleted := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
	good := `{"verdicts":[{"kind":"Pod","name":"web/web-0","verdict":"Malicious","uid":"u1"}],"message":"ok"}`
	finding := verdict.Finding{Key: model.Key{Kind: model.KindPod, Name: "web/web-0"}, Verdict: model.VerdictMalicious, UID: "u1"}

	for name, tc := range map[string]struct {
		reason string
		job    *batchv1.Job
		pods   []corev1.Pod
		before verdict.StepFacts
		want   verdict.StepFacts
	}{
		"no job":      {reason: "it was deleted", want: verdict.StepFacts{Job: verdict.JobAbsent}},
		"no pod yet":  {reason: "the Job controller has not come to it", job: job(), want: verdict.StepFacts{Job: verdict.JobActive}},
		"foreign pod": {reason: "a label alone proves nothing", job: job(), want: verdict.StepFacts{Job: verdict.JobActive}, pods: []corev1.Pod{pod(corev1.PodSucceeded, terminated(0, "Completed", good), func(p *corev1.Pod) { p.OwnerReferences[0].UID = "other" })}},
		"answered": {
			reason: "the answer is read", job: job(ended(batchv1.JobComplete, "")), pods: []corev1.Pod{pod(corev1.PodSucceeded, terminated(0, "Completed", good))},
			want: verdict.StepFacts{Job: verdict.JobComplete, Pod: verdict.PodSucceeded, Result: verdict.Result{Message: "ok", Findings: []verdict.Finding{finding}}},
		},
		"garbage": {
			reason: "an error says what is wrong", job: job(), pods: []corev1.Pod{pod(corev1.PodSucceeded, terminated(0, "Completed", "hello"))},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodSucceeded, Result: verdict.Result{Err: "it is not JSON, from byte 1 on"}},
		},
		"no status": {
			reason: "a pod may end without its container's end", job: job(), pods: []corev1.Pod{pod(corev1.PodSucceeded)},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodSucceeded, Result: verdict.Result{Err: "the kubelet did not keep it"}},
		},
		"out of memory": {
			reason: "not a disruption, though the pod is deleted", job: job(), pods: []corev1.Pod{pod(corev1.PodFailed, terminated(137, "OOMKilled", ""), deleted)},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodFailed, OutOfMemory: true, ExitCode: 137, Result: verdict.Result{Err: "it is empty"}},
		},
		"evicted": {
			reason: "the kubelet evicted it", job: job(), pods: []corev1.Pod{pod(corev1.PodFailed, func(p *corev1.Pod) { p.Status.Reason = "Evicted" })},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodFailed, Disrupted: "Evicted"},
		},
		"preempted": {
			reason: "the scheduler needed the place", job: job(), pods: []corev1.Pod{pod(corev1.PodFailed, terminated(143, "Error", ""), func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "PreemptionByScheduler"}}
			})},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodFailed, Disrupted: "PreemptionByScheduler", ExitCode: 143, Result: verdict.Result{Err: "it is empty"}},
		},
		"deleted": {
			reason: "somebody deleted the pod", job: job(), pods: []corev1.Pod{pod(corev1.PodFailed, terminated(143, "Error", ""), deleted)},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodFailed, Disrupted: "Deleted", ExitCode: 143, Result: verdict.Result{Err: "it is empty"}},
		},
		"failed by itself": {
			reason: "the step's own doing", job: job(ended(batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded)), pods: []corev1.Pod{pod(corev1.PodFailed, terminated(2, "Error", good))},
			want: verdict.StepFacts{Job: verdict.JobFailed, Pod: verdict.PodFailed, ExitCode: 2, Result: verdict.Result{Message: "ok", Findings: []verdict.Finding{finding}}},
		},
		"deadline, pod gone": {
			reason: "what was last seen of it is still known", job: job(ended(batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded)),
			before: verdict.StepFacts{Waiting: "its image cannot be pulled"},
			want:   verdict.StepFacts{Job: verdict.JobFailed, JobTimedOut: true, Waiting: "its image cannot be pulled"},
		},
		"deadline, never a pod": {
			reason: "a quota or a missing service account", job: job(ended(batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded)),
			want: verdict.StepFacts{Job: verdict.JobFailed, JobTimedOut: true, Waiting: "its pod was never created"},
		},
		"deadline coming": {
			reason: "the Job controller says so before it takes the pod away", job: job(ended(batchv1.JobFailureTarget, batchv1.JobReasonDeadlineExceeded)), pods: []corev1.Pod{pod(corev1.PodRunning)},
			want: verdict.StepFacts{Job: verdict.JobActive, JobTimedOut: true, Pod: verdict.PodRunning},
		},
		"image": {
			reason: "both reasons say the same", job: job(), pods: []corev1.Pod{pod(corev1.PodPending, waiting("ImagePullBackOff"))},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodWaiting, Waiting: "its image cannot be pulled"},
		},
		"unschedulable": {
			reason: "no node takes it", job: job(), pods: []corev1.Pod{pod(corev1.PodPending, func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
			})},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodWaiting, Waiting: "its pod was never scheduled"},
		},
		"starting": {
			reason: "an ordinary start is not remarkable", job: job(), pods: []corev1.Pod{pod(corev1.PodPending, waiting("ContainerCreating"))},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodWaiting},
		},
		"two pods": {
			reason: "the one that succeeded counts", job: job(),
			pods: []corev1.Pod{pod(corev1.PodSucceeded, terminated(0, "Completed", good)), pod(corev1.PodRunning, func(p *corev1.Pod) { p.CreationTimestamp = metav1.Time{Time: time.Unix(99, 0)} })},
			want: verdict.StepFacts{Job: verdict.JobActive, Pod: verdict.PodSucceeded, Result: verdict.Result{Message: "ok", Findings: []verdict.Finding{finding}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, workload.Observe(tc.before, tc.job, tc.pods)); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}
