package workload

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// Input is the ConfigMap with the investigation's input. It cannot be changed:
// every step, and every attempt, is asked the same.
func Input(inv *v1alpha1.Investigation, in document.Input) (*corev1.ConfigMap, error) {
	raw, err := document.EncodeInput(in)
	if err != nil {
		return nil, err
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: inv.Namespace, Name: InputName(inv.UID), Labels: Labels(inv),
			OwnerReferences: []metav1.OwnerReference{owner(inv)},
		},
		Immutable: ptr.To(true),
		Data:      map[string]string{document.InputFile: string(raw)},
	}, nil
}
