package workload

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// ContainerName is the name of the one container of a step's pod.
const ContainerName = "step"

// analyzers are the arguments of the built-in analyzers.
var analyzers = map[v1alpha1.Analyzer]string{
	v1alpha1.AnalyzerPod:    "pod",
	v1alpha1.AnalyzerAccess: "access",
}

func (b Builder) container(step v1alpha1.PlaybookStep) (corev1.Container, error) {
	switch {
	case step.Container != nil && step.Analyzer == "":
		return restricted(corev1.Container{
			Image: step.Container.Image, Command: step.Container.Command, Args: step.Container.Args,
			Resources: resources(step.Container.Resources),
		}), nil
	case step.Container == nil && analyzers[step.Analyzer] != "":
		return restricted(corev1.Container{
			Image: b.Image, Command: []string{"/investigator", analyzers[step.Analyzer]}, Resources: resources(nil),
		}), nil
	}
	return corev1.Container{}, errors.New("exactly one of analyzer and container must be set")
}

// restricted adds what every step has in common: the narrowest rights that Pod
// security knows, the input, and where the answer goes.
func restricted(c corev1.Container) corev1.Container {
	c.Name = ContainerName
	c.TerminationMessagePath = corev1.TerminationMessagePathDefault
	// Not the log: whatever else a step prints is no answer.
	c.TerminationMessagePolicy = corev1.TerminationMessageReadFile
	c.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		Privileged:               ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		RunAsNonRoot:             ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	c.VolumeMounts = []corev1.VolumeMount{
		{Name: inputVolumeName, MountPath: "/tocsin", ReadOnly: true},
		{Name: scratchVolumeName, MountPath: "/tmp"},
	}
	return c
}

// resources fills in what the step leaves out.
func resources(given *corev1.ResourceRequirements) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	if given != nil {
		given.DeepCopyInto(&out)
	}
	if out.Requests == nil {
		out.Requests = corev1.ResourceList{}
	}
	if out.Limits == nil {
		out.Limits = corev1.ResourceList{}
	}
	fill(out.Limits, corev1.ResourceMemory, resource.MustParse("256Mi"), out.Requests)
	request(out.Requests, corev1.ResourceCPU, resource.MustParse("50m"), out.Limits)
	request(out.Requests, corev1.ResourceMemory, resource.MustParse("64Mi"), out.Limits)
	return out
}

// fill sets a limit that is left out, not below what is requested.
func fill(limits corev1.ResourceList, name corev1.ResourceName, value resource.Quantity, requests corev1.ResourceList) {
	if _, given := limits[name]; given {
		return
	}
	if requested, ok := requests[name]; ok && requested.Cmp(value) > 0 {
		value = requested
	}
	limits[name] = value
}

// request sets a request that is left out, not above the limit.
func request(requests corev1.ResourceList, name corev1.ResourceName, value resource.Quantity, limits corev1.ResourceList) {
	if _, given := requests[name]; given {
		return
	}
	if limit, ok := limits[name]; ok && limit.Cmp(value) < 0 {
		value = limit
	}
	requests[name] = value
}

// Problems names what makes no sense in a step's container settings, which the
// API cannot check by itself.
func Problems(step v1alpha1.PlaybookStep) []string {
	if step.Container == nil || step.Container.Resources == nil {
		return nil
	}
	var out []string
	r := step.Container.Resources
	if len(r.Claims) > 0 {
		out = append(out, fmt.Sprintf("steps[%s].container.resources.claims: are not supported", step.Name))
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		requested, limit := r.Requests[name], r.Limits[name]
		if !limit.IsZero() && requested.Cmp(limit) > 0 {
			out = append(out, fmt.Sprintf("steps[%s].container.resources.requests.%s: is above the limit", step.Name, name))
		}
	}
	return out
}
