package story

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// Remediations lists the tenant's remediations.
func (w *World) Remediations(ctx context.Context) ([]v1alpha1.Remediation, error) {
	var list v1alpha1.RemediationList
	err := w.Client.List(ctx, &list, client.InNamespace(Tenant))
	return list.Items, err
}

// remediation finds the remediation of a pod by an action.
func (w *World) remediation(ctx context.Context, action v1alpha1.RemediationAction, pod string) (*v1alpha1.Remediation, error) {
	list, err := w.Remediations(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Spec.Action == action && list[i].Spec.Target.Name == pod {
			return &list[i], nil
		}
	}
	return nil, fmt.Errorf("there is no remediation %s of pod %s", action, pod)
}

// awaitState waits until the remediation of a pod by an action is in a state.
func (w *World) awaitState(ctx context.Context, action v1alpha1.RemediationAction, pod string, state v1alpha1.RemediationState) (found *v1alpha1.Remediation, err error) {
	err = Every(ctx, fmt.Sprintf("%s of pod %s to be %s", action, pod, state), func(ctx context.Context) (err error) {
		if found, err = w.remediation(ctx, action, pod); err != nil {
			return err
		}
		if found.Status.State != state || state == v1alpha1.RemediationPendingApproval && found.Status.Digest == "" {
			return fmt.Errorf("it is %q", found.Status.State)
		}
		return nil
	})
	return found, err
}

// isolation waits until the pods are cut off, and proves it.
func isolation(ctx context.Context, w *World) error {
	for _, pod := range []string{w.Pod, w.Intruder} {
		if _, err := w.awaitState(ctx, v1alpha1.ActionIsolatePod, pod, v1alpha1.RemediationSucceeded); err != nil {
			return err
		}
	}
	if err := w.show(ctx, "-n", Shop, "get", "networkpolicies"); err != nil {
		return err
	}
	after, err := w.customer(ctx, "customer-after", w.PodIP)
	if err != nil {
		return err
	}
	if after.ok {
		return errors.New("the pod still answers: " + after.said + ". Does the cluster's network plug-in enforce NetworkPolicies?")
	}
	w.say("\nThe customer, who was served before, asks pod %s again and is told: %s", w.Pod, after.said)
	return nil
}
