package enrich

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// entitiesOf is what a pod says of where it belongs: its workload, node, service
// account and images. job is the Job that owns it, where that was read.
func entitiesOf(pod *corev1.Pod, job *metav1.PartialObjectMetadata) []model.Entity {
	list := &entity.List{}
	if kind, name, ok := workloadOf(pod, job); ok {
		list.Asset(model.RoleContextual)(entity.Workload(pod.Namespace, kind, name))
	}
	list.Asset(model.RoleContextual)(entity.Node(pod.Spec.NodeName))
	if account := pod.Spec.ServiceAccountName; account != "default" { // Every pod without one has "default".
		list.Asset(model.RoleContextual)(entity.ServiceAccount(pod.Namespace, account))
	}
	for _, reference := range imagesOf(pod) {
		list.Evidence(model.RoleContextual)(entity.ImageReference(reference))
	}
	return list.Items()
}

// workloadOf is the topmost owner that is known.
func workloadOf(pod *corev1.Pod, job *metav1.PartialObjectMetadata) (kind, name string, ok bool) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind == "Node" { // a static pod
		return "", "", false
	}
	if job != nil {
		if cron := metav1.GetControllerOf(job); cron != nil {
			owner = cron
		}
	}
	// A ReplicaSet of a Deployment is named after it, with this hash behind.
	if hash := pod.Labels["pod-template-hash"]; owner.Kind == "ReplicaSet" && hash != "" {
		if deployment, found := strings.CutSuffix(owner.Name, "-"+hash); found {
			return "Deployment", deployment, true
		}
	}
	return owner.Kind, owner.Name, true
}

// imagesOf are the images of a pod's containers: what runs, by its digest, where
// that is known, or else what was asked for.
func imagesOf(pod *corev1.Pod) []string {
	running := map[string]string{}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		if strings.Contains(s.ImageID, "@sha256:") {
			running[s.Name] = s.ImageID
		}
	}
	var out []string
	add := func(container, image string) {
		if digest := running[container]; digest != "" {
			image = digest
		}
		out = append(out, image)
	}
	for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		add(c.Name, c.Image)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		add(c.Name, c.Image)
	}
	return out
}
