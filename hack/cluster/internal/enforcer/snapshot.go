// Package enforcer makes a node keep to the cluster's network policies, with
// nftables. It is as small as a local cluster with one node allows: whenever a
// policy, pod or namespace changes, it writes all rules anew, in one atomic
// step.
//
// A selected pod's packets are dropped but for those that a policy allows, in
// both directions. Every packet is judged, not only the first of a
// connection: what a policy cuts is cut at once. Packets that answer are
// judged by who asked.
//
// As in most implementations, traffic that the node itself starts (the
// kubelet's probes, the API server) always reaches a pod. Pods in the node's
// network are not subject to policies, and a pod that was just started is
// subject to them from the moment that its address is known.
package enforcer

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Snapshot is what the rules follow from.
type Snapshot struct {
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
}

// sorted returns the snapshot without pods that no rule concerns, in an order
// that does not depend on chance.
func (s Snapshot) sorted() Snapshot {
	pods := slices.DeleteFunc(slices.Clone(s.Pods), func(p *corev1.Pod) bool {
		ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
		return p.Status.PodIP == "" || p.Spec.HostNetwork || ended // an ended pod's address may be another's by now
	})
	slices.SortFunc(pods, byName)
	policies := slices.Clone(s.Policies)
	slices.SortFunc(policies, byName)
	return Snapshot{Pods: pods, Namespaces: s.Namespaces, Policies: policies}
}

func byName[T metav1.Object](a, b T) int {
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}

// selecting returns the policies that select a pod, for one direction.
func (s Snapshot) selecting(pod *corev1.Pod, direction networkingv1.PolicyType) []*networkingv1.NetworkPolicy {
	var selecting []*networkingv1.NetworkPolicy
	for _, policy := range s.Policies {
		if policy.Namespace == pod.Namespace && governs(policy, direction) && matches(&policy.Spec.PodSelector, pod.Labels) {
			selecting = append(selecting, policy)
		}
	}
	return selecting
}

// governs says whether a policy speaks of a direction. The API server fills
// in the types of every policy.
func governs(policy *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) bool {
	return slices.Contains(policy.Spec.PolicyTypes, direction)
}

// peers are those that a rule of a policy is about.
type peers struct {
	anyone bool
	pods   []*corev1.Pod
	blocks []*networkingv1.IPBlock
}

func (s Snapshot) peers(namespace string, list []networkingv1.NetworkPolicyPeer) peers {
	if len(list) == 0 {
		return peers{anyone: true, pods: s.Pods}
	}
	var found peers
	for _, peer := range list {
		if peer.IPBlock != nil {
			found.blocks = append(found.blocks, peer.IPBlock)
		}
	}
	for _, pod := range s.Pods {
		if slices.ContainsFunc(list, func(peer networkingv1.NetworkPolicyPeer) bool { return s.isPeer(pod, namespace, peer) }) {
			found.pods = append(found.pods, pod)
		}
	}
	return found
}

func (s Snapshot) isPeer(pod *corev1.Pod, namespace string, peer networkingv1.NetworkPolicyPeer) bool {
	if peer.IPBlock != nil {
		return false
	}
	if peer.NamespaceSelector == nil {
		return pod.Namespace == namespace && matches(peer.PodSelector, pod.Labels)
	}
	inNamespace := slices.ContainsFunc(s.Namespaces, func(n *corev1.Namespace) bool {
		return n.Name == pod.Namespace && matches(peer.NamespaceSelector, n.Labels)
	})
	return inNamespace && (peer.PodSelector == nil || matches(peer.PodSelector, pod.Labels))
}

// matches treats a selector that cannot be read as one that selects nothing;
// the API server lets none through.
func matches(selector *metav1.LabelSelector, set map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}
