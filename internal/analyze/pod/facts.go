package pod

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/internal/engine/assess"
)

// maxWarnings is how many reasons of events count.
const maxWarnings = 5

// Facts are what counts of a pod.
func Facts(pod *corev1.Pod) assess.Pod {
	controller := metav1.GetControllerOf(pod)
	out := assess.Pod{
		Namespace: pod.Namespace,
		Bare:      controller == nil,
		Static:    pod.Annotations[corev1.MirrorPodAnnotationKey] != "",
		HostPID:   pod.Spec.HostPID, HostNetwork: pod.Spec.HostNetwork, HostIPC: pod.Spec.HostIPC,
		TokenMounted: tokenMounted(pod),
	}
	for _, v := range pod.Spec.Volumes {
		if v.HostPath != nil {
			out.HostPaths = append(out.HostPaths, v.HostPath.Path)
		}
	}
	for _, c := range containers(pod) {
		out = container(out, pod.Spec.SecurityContext, c)
	}
	slices.Sort(out.Capabilities)
	out.Capabilities = slices.Compact(out.Capabilities)
	return out
}

// seen is what counts of a container, of whichever sort it is.
type seen struct {
	image    string
	security *corev1.SecurityContext
}

func containers(pod *corev1.Pod) []seen {
	var out []seen
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		out = append(out, seen{c.Image, c.SecurityContext})
	}
	for _, c := range pod.Spec.EphemeralContainers {
		out = append(out, seen{c.Image, c.SecurityContext})
	}
	return out
}

func container(out assess.Pod, podWide *corev1.PodSecurityContext, c seen) assess.Pod {
	out.Images = append(out.Images, c.image)
	security := ptr.Deref(c.security, corev1.SecurityContext{})
	out.Privileged = out.Privileged || ptr.Deref(security.Privileged, false)
	// Left out, it is allowed.
	out.PrivilegeEscalation = out.PrivilegeEscalation || ptr.Deref(security.AllowPrivilegeEscalation, true)
	out.RunsAsRoot = out.RunsAsRoot || runsAsRoot(security, ptr.Deref(podWide, corev1.PodSecurityContext{}))
	if security.Capabilities != nil {
		for _, capability := range security.Capabilities.Add {
			out.Capabilities = append(out.Capabilities, strings.TrimPrefix(strings.ToUpper(string(capability)), "CAP_"))
		}
	}
	return out
}

// runsAsRoot reports whether nothing keeps the container from running as root.
func runsAsRoot(c corev1.SecurityContext, podWide corev1.PodSecurityContext) bool {
	if user := cmp.Or(c.RunAsUser, podWide.RunAsUser); user != nil {
		return *user == 0
	}
	return !ptr.Deref(cmp.Or(c.RunAsNonRoot, podWide.RunAsNonRoot), false)
}

// tokenMounted reports whether a token of the service account is in the pod.
func tokenMounted(pod *corev1.Pod) bool {
	for _, v := range pod.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.ServiceAccountToken != nil {
				return true
			}
		}
	}
	return false
}

// reasons are the reasons of events, each once, in order.
func reasons(events []corev1.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Reason)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxWarnings)]
}
