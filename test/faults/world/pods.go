package world

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// CollectPods does what the pod garbage collector does for pods of no node: it
// finishes their deletion. The API server does that itself, but for a request
// that is cut off between the two writes a deletion takes in etcd. It ends with
// the context.
func CollectPods(ctx context.Context, c client.Client, log *history.Log) error {
	for ctx.Err() == nil {
		var pod *corev1.Pod
		// It fails only when the run is over.
		_ = log.Await(ctx, func(v history.View) error {
			pod = terminating(v)
			if pod == nil {
				return errors.New("no pod to collect")
			}
			return nil
		})
		if pod == nil {
			continue
		}
		err := c.Delete(ctx, pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})
		if client.IgnoreNotFound(err) != nil && ctx.Err() == nil {
			return fmt.Errorf("collecting pod %s: %w", pod.Name, err)
		}
		_ = log.Await(ctx, func(v history.View) error {
			if _, there := history.Get[*corev1.Pod](v, pod.Name); there {
				return errors.New("the pod is still there")
			}
			return nil
		})
	}
	return nil
}

func terminating(v history.View) *corev1.Pod {
	for _, pod := range history.List[*corev1.Pod](v) {
		if pod.DeletionTimestamp != nil && pod.Spec.NodeName == "" {
			return pod
		}
	}
	return nil
}
