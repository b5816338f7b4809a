package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

const (
	inputVolumeName   = "input"
	scratchVolumeName = "scratch"
	tokenVolumeName   = "token"

	// minTokenSeconds is the shortest life that the API server gives a token.
	minTokenSeconds = 600
	// readOnlyForAll lets a step read its files whatever user its image needs.
	readOnlyForAll = 0o444
)

func inputVolume(inv *v1alpha1.Investigation) corev1.Volume {
	return corev1.Volume{Name: inputVolumeName, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: InputName(inv.UID)},
		Items:                []corev1.KeyToPath{{Key: document.InputFile, Path: document.InputFile}},
		DefaultMode:          ptr.To(int32(readOnlyForAll)),
	}}}
}

// scratchVolume is all that a step can write to.
func scratchVolume() corev1.Volume {
	return corev1.Volume{Name: scratchVolumeName, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
		SizeLimit: ptr.To(resource.MustParse("64Mi")),
	}}}
}

// tokenVolume is a token that lives hardly longer than the step.
func tokenVolume(timeoutSeconds int32) corev1.Volume {
	return corev1.Volume{Name: tokenVolumeName, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		DefaultMode: ptr.To(int32(readOnlyForAll)),
		Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: ptr.To(max(int64(timeoutSeconds)+60, minTokenSeconds))}},
			{ConfigMap: &corev1.ConfigMapProjection{
				LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"},
				Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
			}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{
				{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"}},
			}}},
		},
	}}}
}

func tokenMount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: tokenVolumeName, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}
}
