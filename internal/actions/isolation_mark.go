package actions

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// isolatedByLabel marks an isolated pod with whose isolation it is.
const isolatedByLabel = "tocsin.dev/isolated-by"

// markPattern is what a mark looks like. Anybody who may label pods can write
// something else there.
var markPattern = regexp.MustCompile(`^[0-9a-f]{16}$`)

// marked reports whether the pod has the mark of this remediation.
func marked(p Plan, pod *corev1.Pod) bool {
	return pod != nil && pod.Labels[isolatedByLabel] == mark(p.Request)
}

// isolatedByAnother is an error if another remediation isolates the pod. A mark
// without its policy isolates nothing, and is overwritten: a pod's own
// template must not keep it from being isolated.
func isolatedByAnother(ctx context.Context, c client.Client, p Plan, pod *corev1.Pod) error {
	other := pod.Labels[isolatedByLabel]
	if !markPattern.MatchString(other) || marked(p, pod) {
		return nil
	}
	policy, err := policyNamed(ctx, c, pod.Namespace, policyPrefix+other)
	if err != nil || policy == nil {
		return err
	}
	return inTheWayError(fmt.Sprintf("The pod is already isolated by NetworkPolicy %s, of another remediation", policy.Name))
}

// markPod labels exactly the pod that was read: the UID in the patch makes the
// API server refuse it for another of the same name.
func markPod(ctx context.Context, c client.Client, p Plan, pod *corev1.Pod) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": pod.UID, "labels": map[string]string{isolatedByLabel: mark(p.Request)},
	}})
	if err != nil {
		return fmt.Errorf("encoding patch: %w", err)
	}
	err = c.Patch(ctx, shell(pod), client.RawPatch(types.MergePatchType, patch))
	return requesting("patch", "pods", pod.Namespace, err)
}

// unmarkPod removes the label if it still is the mark of this remediation.
func unmarkPod(ctx context.Context, c client.Client, p Plan, pod *corev1.Pod) error {
	path := "/metadata/labels/" + strings.ReplaceAll(isolatedByLabel, "/", "~1")
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": pod.UID},
		{"op": "test", "path": path, "value": mark(p.Request)},
		{"op": "remove", "path": path},
	})
	if err != nil {
		return fmt.Errorf("encoding patch: %w", err)
	}
	err = c.Patch(ctx, shell(pod), client.RawPatch(types.JSONPatchType, patch))
	if apierrors.IsNotFound(err) {
		return nil
	}
	return requesting("patch", "pods", pod.Namespace, err)
}

// shell names a pod; a patch overwrites the object it is given.
func shell(pod *corev1.Pod) *corev1.Pod {
	named := &corev1.Pod{}
	named.Namespace, named.Name = pod.Namespace, pod.Name
	return named
}
