package workload

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const (
	// keepSeconds is how long an ended Job stays, for its logs, and so that a
	// stale view cannot start it again under the same name. Its result is read
	// within seconds.
	keepSeconds = 3600
	// nobody is the user and group that steps run as.
	nobody = 65532
	// defaultTimeoutSeconds is the API's default.
	defaultTimeoutSeconds = 300
)

// Builder builds the workloads of investigations.
type Builder struct {
	// Image is the image of the built-in analyzers.
	Image string
}

// Job is the Job of an attempt at a step of the investigation.
func (b Builder) Job(inv *v1alpha1.Investigation, serviceAccount string, step v1alpha1.PlaybookStep, attempt int) (*batchv1.Job, error) {
	container, err := b.container(step)
	if err != nil {
		return nil, fmt.Errorf("step %s: %w", step.Name, err)
	}
	labels := Labels(inv)
	labels[LabelStep] = step.Name
	labels[LabelAttempt] = fmt.Sprint(attempt)
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: inv.Namespace, Name: JobName(inv.UID, step.Name, attempt), Labels: labels,
			OwnerReferences: []metav1.OwnerReference{owner(inv)},
		},
		Spec: batchv1.JobSpec{
			ActiveDeadlineSeconds:   ptr.To(int64(ptr.Deref(step.TimeoutSeconds, defaultTimeoutSeconds))),
			BackoffLimit:            ptr.To(int32(0)),
			TTLSecondsAfterFinished: ptr.To(int32(keepSeconds)),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{AnnotationInvestigation: inv.Name}},
				Spec:       podSpec(inv, serviceAccount, container, wantsToken(step), ptr.Deref(step.TimeoutSeconds, defaultTimeoutSeconds)),
			},
		},
	}, nil
}

// Labels are on everything that the investigation runs.
func Labels(inv *v1alpha1.Investigation) map[string]string {
	return map[string]string{kube.LabelManagedBy: kube.ManagedBy, LabelInvestigation: string(inv.UID)}
}

// owner does not block the investigation's deletion: that would need one more
// permission, and nothing has to outlive it.
func owner(inv *v1alpha1.Investigation) metav1.OwnerReference {
	ref := *metav1.NewControllerRef(inv, v1alpha1.GroupVersion.WithKind("Investigation"))
	ref.BlockOwnerDeletion = nil
	return ref
}

func podSpec(inv *v1alpha1.Investigation, serviceAccount string, container corev1.Container, token bool, timeout int32) corev1.PodSpec {
	spec := corev1.PodSpec{
		RestartPolicy:                corev1.RestartPolicyNever,
		ServiceAccountName:           serviceAccount,
		AutomountServiceAccountToken: ptr.To(false),
		EnableServiceLinks:           ptr.To(false),
		// An investigator has nothing to finish that outlives its Job.
		TerminationGracePeriodSeconds: ptr.To(int64(5)),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(nobody)), RunAsGroup: ptr.To(int64(nobody)), FSGroup: ptr.To(int64(nobody)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{container},
		Volumes:    []corev1.Volume{inputVolume(inv), scratchVolume()},
	}
	if token {
		spec.Volumes = append(spec.Volumes, tokenVolume(timeout))
		spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, tokenMount())
	}
	return spec
}

// wantsToken reports whether the step gets a token: analyzers always do.
func wantsToken(step v1alpha1.PlaybookStep) bool {
	return step.Analyzer != "" || step.Token == v1alpha1.TokenMounted
}
