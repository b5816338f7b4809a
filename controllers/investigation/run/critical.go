package run

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
)

// labelCriticality says on a pod or a namespace how much it matters.
const labelCriticality = "tocsin.dev/criticality"

// critical reports whether the pod, or its namespace, is marked as critical.
// What may not be read counts as critical: a person decides then.
func (c *Controller) critical(ctx context.Context, key model.Key) (bool, error) {
	namespace, name, ok := playbook.Pod(key)
	if !ok {
		return false, nil
	}
	marked, err := c.marked(ctx, "Pod", client.ObjectKey{Namespace: namespace, Name: name})
	if marked || err != nil {
		return marked, err
	}
	return c.marked(ctx, "Namespace", client.ObjectKey{Name: namespace})
}

func (c *Controller) marked(ctx context.Context, kind string, key client.ObjectKey) (bool, error) {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	err := c.Live.Get(ctx, key, meta)
	switch {
	case apierrors.IsForbidden(err):
		return true, nil
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading the %s of a finding: %w", strings.ToLower(kind), err)
	}
	value := strings.ToLower(meta.Labels[labelCriticality])
	return value == "critical" || value == "high", nil
}
