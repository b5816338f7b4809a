package story

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// settle starts the shop and makes the tenant that looks after it.
func settle(ctx context.Context, w *World) error {
	manifest, err := w.file("shop.yaml")
	if err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, manifest, "apply", "-f", "-"); err != nil {
		return err
	}
	pod, err := w.webPod(ctx, "")
	if err != nil {
		return err
	}
	w.Pod, w.PodIP = pod.Name, pod.Status.PodIP
	served, err := w.customer(ctx, "customer-before", w.PodIP)
	if err != nil || !served.ok {
		return errors.Join(err, fmt.Errorf("the shop does not serve: %s", served.said))
	}
	if err := w.makeTenant(ctx); err != nil {
		return err
	}
	if err := w.show(ctx, "-n", Shop, "get", "pods"); err != nil {
		return err
	}
	w.say("The customer was told: %s\n", served.said)
	return w.show(ctx, "-n", Tenant, "get", "alertsources,playbooks")
}

// makeTenant applies config/samples, and waits until it is in use.
func (w *World) makeTenant(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Until(w.settled)):
	}
	w.gateway.token = rand.Text()
	if _, err := w.kubectl(ctx, "", "apply", "-f", w.samples()+"/tenant.yaml"); err != nil {
		return err
	}
	for name, token := range map[string]string{"falco-token": w.gateway.token, "kubernetes-audit-token": w.gateway.identity.auditToken} {
		if err := w.secret(ctx, Tenant, name, corev1.SecretTypeOpaque, map[string]string{"token": token}); err != nil {
			return err
		}
	}
	if _, err := w.kubectl(ctx, "", "apply", "-k", w.samples()); err != nil {
		return err
	}
	return Every(ctx, "the readiness of the alert sources", func(ctx context.Context) error {
		var list v1alpha1.AlertSourceList
		if err := w.Client.List(ctx, &list, client.InNamespace(Tenant)); err != nil {
			return err
		}
		for i := range list.Items {
			ready := meta.FindStatusCondition(list.Items[i].Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Status != "True" {
				return fmt.Errorf("%s: %+v", list.Items[i].Name, ready)
			}
		}
		return nil
	})
}

// webPod waits for the shop's pod that serves, other than the one named.
func (w *World) webPod(ctx context.Context, other string) (*corev1.Pod, error) {
	var found *corev1.Pod
	err := Every(ctx, "a pod of the shop that serves", func(ctx context.Context) error {
		var pods corev1.PodList
		if err := w.Client.List(ctx, &pods, client.InNamespace(Shop), client.MatchingLabels{"app": "web"}); err != nil {
			return err
		}
		for i := range pods.Items {
			if pod := &pods.Items[i]; pod.Name != other && pod.DeletionTimestamp == nil && ready(pod) {
				found = pod
				return nil
			}
		}
		return fmt.Errorf("none of %d is ready", len(pods.Items))
	})
	return found, err
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// visit is what came of a customer's request.
type visit struct {
	ok   bool
	said string
}

// customer asks the address for the shop's page, from a pod of its own. Nobody
// enters a pod for it: that would be an alert.
func (w *World) customer(ctx context.Context, name, address string) (visit, error) {
	manifest, err := w.file("customer.yaml", "CUSTOMER", name, "ADDRESS", address)
	if err != nil {
		return visit{}, err
	}
	if _, err := w.kubectl(ctx, manifest, "apply", "-f", "-"); err != nil {
		return visit{}, err
	}
	var v visit
	err = Every(ctx, "the answer to "+name, func(ctx context.Context) error {
		var pod corev1.Pod
		if err := w.get(ctx, Shop, name, &pod); err != nil {
			return err
		}
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			return fmt.Errorf("its pod is %s", pod.Status.Phase)
		}
		v.ok = pod.Status.Phase == corev1.PodSucceeded
		return nil
	})
	if err != nil {
		return visit{}, err
	}
	out, err := w.kubectl(ctx, "", "-n", Shop, "logs", name)
	v.said = strings.TrimSpace(out)
	return v, err
}
