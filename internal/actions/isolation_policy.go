package actions

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	policyPrefix  = "tocsin-isolate-"
	policies      = "networkpolicies.networking.k8s.io"
	madeByLabel   = "tocsin.dev/remediation-uid"
	remediationIn = "tocsin.dev/remediation"
	managedBy     = "app.kubernetes.io/managed-by"
)

// mark is what tells the isolation of one remediation from that of any other.
func mark(r Request) string {
	sum := sha256.Sum256([]byte(r.Remediation.UID))
	return hex.EncodeToString(sum[:8])
}

// isolation is the policy that cuts a pod off: it selects the pod by the mark,
// and has rules for neither direction.
func isolation(r Request) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   r.Target.Namespace,
			Name:        policyPrefix + mark(r),
			Labels:      map[string]string{managedBy: "tocsin", madeByLabel: r.Remediation.UID},
			Annotations: map[string]string{remediationIn: r.Remediation.Namespace + "/" + r.Remediation.Name},
		},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{isolatedByLabel: mark(r)}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		},
	}
}

// made reports whether this remediation made the policy.
func made(p Plan, policy *networkingv1.NetworkPolicy) bool {
	return policy != nil && policy.Labels[madeByLabel] == p.Remediation.UID
}

// readPolicy reads the object with the name of our policy, whoever made it; nil if there is none.
func readPolicy(ctx context.Context, c client.Client, p Plan) (*networkingv1.NetworkPolicy, error) {
	return policyNamed(ctx, c, p.Target.Namespace, policyPrefix+mark(p.Request))
}

func policyNamed(ctx context.Context, c client.Client, namespace, name string) (*networkingv1.NetworkPolicy, error) {
	var policy networkingv1.NetworkPolicy
	err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &policy)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, requesting("get", policies, namespace, err)
	}
	return &policy, nil
}

// ensurePolicy creates the policy, or puts right what somebody changed.
func ensurePolicy(ctx context.Context, c client.Client, p Plan) error {
	want := isolation(p.Request)
	have, err := readPolicy(ctx, c, p)
	switch {
	case err != nil:
		return err
	case have == nil:
		return requesting("create", policies, want.Namespace, c.Create(ctx, want))
	case !made(p, have):
		return inTheWayError(fmt.Sprintf("NetworkPolicy %s in namespace %s was not made by this remediation, and is left alone", want.Name, want.Namespace))
	case equality.Semantic.DeepEqual(have.Spec, want.Spec):
		return nil
	}
	have.Spec = want.Spec
	return requesting("update", policies, want.Namespace, c.Update(ctx, have))
}

// removePolicy deletes the policy that this remediation made, and no other.
func removePolicy(ctx context.Context, c client.Client, p Plan) error {
	have, err := readPolicy(ctx, c, p)
	if err != nil || !made(p, have) {
		return err
	}
	err = c.Delete(ctx, have, client.Preconditions{UID: &have.UID})
	return requesting("delete", policies, have.Namespace, client.IgnoreNotFound(err))
}

// maxNamed bounds how many policies a message names.
const maxNamed = 3

// whatStillPasses says which other policies let traffic of the pod through:
// policies add up, and none can forbid what another allows.
func whatStillPasses(ctx context.Context, c client.Client, pod *corev1.Pod, ours string) (string, error) {
	var list networkingv1.NetworkPolicyList
	err := c.List(ctx, &list, client.InNamespace(pod.Namespace))
	if apierrors.IsForbidden(err) {
		return "The effect is in place. Whether another NetworkPolicy lets traffic through is unknown, as they may not be listed", nil
	}
	if err != nil {
		return "", requesting("list", policies, pod.Namespace, err)
	}
	var names []string
	for i := range list.Items {
		if other := &list.Items[i]; other.Name != ours && allows(other, pod) {
			names = append(names, other.Name)
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	slices.Sort(names)
	return fmt.Sprintf("The effect is in place, but %d other NetworkPolicies let some traffic of the pod through: %s",
		len(names), strings.Join(names[:min(len(names), maxNamed)], ", ")), nil
}

// allows reports whether a policy selects the pod and lets anything through.
func allows(policy *networkingv1.NetworkPolicy, pod *corev1.Pod) bool {
	if len(policy.Spec.Ingress)+len(policy.Spec.Egress) == 0 {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	return err == nil && selector.Matches(labels.Set(pod.Labels))
}
