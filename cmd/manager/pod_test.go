package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOwnPod(t *testing.T) {
	for name, tc := range map[string]struct {
		namespace, name string
		want            *corev1.Pod
	}{
		"in a cluster":      {"tocsin-system", "tocsin-0", &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "tocsin-system", Name: "tocsin-0", UID: "1"}}},
		"outside":           {},
		"without namespace": {"", "tocsin-0", nil},
		"without name":      {"tocsin-system", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", tc.namespace)
			t.Setenv("POD_NAME", tc.name)
			t.Setenv("POD_UID", "1")
			if diff := cmp.Diff(tc.want, ownPod()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
