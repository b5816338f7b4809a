package workload

import (
	"cmp"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// Observe adds to the facts of a step what is seen of its Job and its pods. Job
// is nil when there is none.
func Observe(facts verdict.StepFacts, job *batchv1.Job, pods []corev1.Pod) verdict.StepFacts {
	if job == nil {
		facts.Job = verdict.JobAbsent
		return facts
	}
	facts.Job, facts.JobTimedOut = jobPhase(job)
	pod := podOf(job, pods)
	if pod == nil {
		facts.Pod = verdict.PodAbsent
		if facts.JobTimedOut && job.Status.Failed == 0 && facts.Waiting == "" {
			facts.Waiting = "its pod was never created"
		}
		return facts
	}
	return observePod(facts, pod)
}

func jobPhase(job *batchv1.Job) (phase verdict.JobPhase, timedOut bool) {
	phase = verdict.JobActive
	for _, c := range job.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			phase = verdict.JobComplete
		case batchv1.JobFailed:
			phase = verdict.JobFailed
			timedOut = timedOut || c.Reason == batchv1.JobReasonDeadlineExceeded
		case batchv1.JobFailureTarget:
			timedOut = timedOut || c.Reason == batchv1.JobReasonDeadlineExceeded
		}
	}
	return phase, timedOut
}

// podOf is the pod that the Job made: the one that succeeded, else the newest.
// Labels alone prove nothing, anybody can write them.
func podOf(job *batchv1.Job, pods []corev1.Pod) *corev1.Pod {
	var own []*corev1.Pod
	for i := range pods {
		if ref := metav1.GetControllerOf(&pods[i]); ref != nil && ref.UID == job.UID {
			own = append(own, &pods[i])
		}
	}
	if len(own) == 0 {
		return nil
	}
	return slices.MaxFunc(own, func(a, b *corev1.Pod) int {
		return cmp.Or(
			cmp.Compare(succeeded(a), succeeded(b)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Name, b.Name),
		)
	})
}

func succeeded(pod *corev1.Pod) int {
	if pod.Status.Phase == corev1.PodSucceeded {
		return 1
	}
	return 0
}

func observePod(facts verdict.StepFacts, pod *corev1.Pod) verdict.StepFacts {
	container := containerStatus(pod)
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		facts.Pod, facts.Waiting = verdict.PodSucceeded, ""
	case corev1.PodFailed:
		facts.Pod, facts.Disrupted = verdict.PodFailed, disrupted(pod, container)
		facts.JobTimedOut = facts.JobTimedOut || pod.Status.Reason == batchv1.JobReasonDeadlineExceeded
	case corev1.PodRunning:
		facts.Pod, facts.Waiting = verdict.PodRunning, ""
	default:
		facts.Pod, facts.Waiting = verdict.PodWaiting, waiting(pod, container)
	}
	if end := container.State.Terminated; end != nil {
		facts.OutOfMemory = end.Reason == "OOMKilled"
		facts.ExitCode = end.ExitCode
		facts.Result = result(end.Message)
	} else if facts.Pod == verdict.PodSucceeded {
		facts.Result = verdict.Result{Err: "the kubelet did not keep it"}
	}
	return facts
}

func containerStatus(pod *corev1.Pod) corev1.ContainerStatus {
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == ContainerName {
			return s
		}
	}
	return corev1.ContainerStatus{}
}

// disrupted says how the cluster took the pod away; empty when it did not.
func disrupted(pod *corev1.Pod, container corev1.ContainerStatus) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return cmp.Or(document.Truncate(document.Printable(c.Reason), 64), "Disrupted")
		}
	}
	end := container.State.Terminated
	switch {
	case end != nil && end.Reason == "OOMKilled":
		return ""
	case pod.DeletionTimestamp != nil:
		return "Deleted"
	case end != nil && end.Reason == "ContainerStatusUnknown":
		return "ContainerStatusUnknown"
	case end == nil && pod.Status.Reason != "" && pod.Status.Reason != batchv1.JobReasonDeadlineExceeded:
		// Evicted, NodeShutdown, OutOfcpu, ...: the container never ended by itself.
		return document.Truncate(document.Printable(pod.Status.Reason), 64)
	case pod.Status.Reason == "Evicted":
		return "Evicted"
	}
	return ""
}

// waiting says why the pod does not run yet, where that is remarkable. The
// texts are fixed, so that a status does not change with every retry.
func waiting(pod *corev1.Pod, container corev1.ContainerStatus) string {
	if w := container.State.Waiting; w != nil {
		switch w.Reason {
		case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable":
			return "its image cannot be pulled"
		case "InvalidImageName":
			return "its image has no valid name"
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return "its container cannot be created"
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return "its pod was never scheduled"
		}
	}
	return ""
}

// result reads the answer of a container.
func result(message string) verdict.Result {
	decoded, err := document.DecodeResult(message)
	if err != nil {
		return verdict.Result{Err: err.Error()}
	}
	out := verdict.Result{Message: decoded.Message}
	for _, v := range decoded.Verdicts {
		out.Findings = append(out.Findings, verdict.Finding{
			Key:     model.Key{Kind: model.EntityKind(v.Kind), Name: v.Name},
			Verdict: model.Verdict(v.Verdict), Reason: v.Reason, UID: v.UID,
		})
	}
	return out
}
