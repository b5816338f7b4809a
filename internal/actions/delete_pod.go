package actions

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// deletePod deletes a pod. Whatever owns the pod may replace it by a fresh one.
type deletePod struct{}

func (deletePod) steps(r Request) []Step {
	return []Step{{Verb: "delete", Kind: "Pod", Namespace: r.Target.Namespace, Name: r.Target.Name}}
}

func (deletePod) words(r Request) string {
	return fmt.Sprintf("Delete pod %s/%s", r.Target.Namespace, r.Target.Name)
}

func (deletePod) look(ctx context.Context, c client.Client, p Plan) (Sight, error) {
	pod, err := targetPod(ctx, c, p)
	if err != nil {
		return Sight{}, err
	}
	s := Sight{Observation: lifecycle.Observation{Target: lifecycle.TargetPresent, Effect: lifecycle.EffectAbsent}}
	switch {
	case pod == nil:
		s.Target, s.Effect, s.Note = lifecycle.TargetGone, lifecycle.EffectInPlace, "The pod is gone"
		s.Effects = []Effect{{"Pod/" + p.Target.Namespace + "/" + p.Target.Name, "Deleted", "The pod was deleted; that cannot be undone"}}
		return s, nil
	case !pod.DeletionTimestamp.IsZero():
		s.Effect = lifecycle.EffectUnderway
	}
	s.TargetUID = string(pod.UID)
	return s, nil
}

// act deletes exactly the pod that was meant, in whatever state it is by now.
func (deletePod) act(ctx context.Context, c client.Client, p Plan) error {
	pod, err := targetPod(ctx, c, p)
	if pod == nil || err != nil {
		return err
	}
	err = c.Delete(ctx, pod, client.Preconditions{UID: &pod.UID})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // It is gone, or another pod has its name.
	}
	return requesting("delete", "pods", p.Target.Namespace, err)
}

func (deletePod) undo(context.Context, client.Client, Plan) error { return nil }

// targetPod reads the pod that is meant; nil if it is gone, or another one has its name.
func targetPod(ctx context.Context, c client.Client, p Plan) (*corev1.Pod, error) {
	var pod corev1.Pod
	err := c.Get(ctx, types.NamespacedName{Namespace: p.Target.Namespace, Name: p.Target.Name}, &pod)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, requesting("get", "pods", p.Target.Namespace, err)
	case !p.meant(string(pod.UID)):
		return nil, nil
	}
	return &pod, nil
}
