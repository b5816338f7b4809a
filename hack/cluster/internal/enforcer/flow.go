package enforcer

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// flow is one kind of packet of a pod that policies select: of a direction,
// and either asking or answering. A packet that answers has both ends swapped.
type flow struct {
	// name names the map from the pod's address to its chain.
	name      string
	direction networkingv1.PolicyType
	// pod, peer and port are the fields of the packet with the selected pod's
	// address, the other's address and the port that was asked for.
	pod, peer, port string
}

var flows = []flow{
	{"egress", networkingv1.PolicyTypeEgress, "ip saddr", "ip daddr", "dport"},
	{"egress-answer", networkingv1.PolicyTypeEgress, "ip daddr", "ip saddr", "sport"},
	{"ingress", networkingv1.PolicyTypeIngress, "ip daddr", "ip saddr", "dport"},
	{"ingress-answer", networkingv1.PolicyTypeIngress, "ip saddr", "ip daddr", "sport"},
}

// allowed returns what nftables must match to let a pod's packets through,
// one string for each alternative.
func (f flow) allowed(s Snapshot, pod *corev1.Pod, policies []*networkingv1.NetworkPolicy) []string {
	var matches []string
	for _, policy := range policies {
		if f.direction == networkingv1.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				matches = append(matches, f.matches(pod, s.peers(policy.Namespace, rule.From), rule.Ports)...)
			}
			continue
		}
		for _, rule := range policy.Spec.Egress {
			matches = append(matches, f.matches(pod, s.peers(policy.Namespace, rule.To), rule.Ports)...)
		}
	}
	return matches
}

func (f flow) matches(pod *corev1.Pod, who peers, ports []networkingv1.NetworkPolicyPort) []string {
	if len(ports) == 0 {
		return f.peerMatches(who)
	}
	var matches []string
	for _, port := range ports {
		if port.Port == nil || port.Port.Type == intstr.Int {
			for _, peer := range f.peerMatches(who) {
				matches = append(matches, join(peer, f.portMatch(port)))
			}
			continue
		}
		matches = append(matches, f.namedPort(pod, who, port)...)
	}
	return matches
}

// peerMatches matches the peers' addresses; an empty match is everyone.
func (f flow) peerMatches(who peers) []string {
	if who.anyone {
		return []string{""}
	}
	var matches []string
	if len(who.pods) > 0 {
		addresses := make([]string, 0, len(who.pods))
		for _, pod := range who.pods {
			addresses = append(addresses, pod.Status.PodIP)
		}
		matches = append(matches, fmt.Sprintf("%s { %s }", f.peer, strings.Join(addresses, ", ")))
	}
	for _, block := range who.blocks {
		if strings.Contains(block.CIDR, ":") {
			continue // pods here have IPv4 addresses only
		}
		match := f.peer + " " + block.CIDR
		if len(block.Except) > 0 {
			match += fmt.Sprintf(" %s != { %s }", f.peer, strings.Join(block.Except, ", "))
		}
		matches = append(matches, match)
	}
	return matches
}

func (f flow) portMatch(port networkingv1.NetworkPolicyPort) string {
	switch {
	case port.Port == nil:
		return "meta l4proto " + protocol(port)
	case port.EndPort != nil:
		return fmt.Sprintf("%s %s %d-%d", protocol(port), f.port, port.Port.IntVal, *port.EndPort)
	default:
		return fmt.Sprintf("%s %s %d", protocol(port), f.port, port.Port.IntVal)
	}
}

// namedPort looks a port's name up where the packets go: at the pod itself for
// what comes in, at each peer for what goes out.
func (f flow) namedPort(pod *corev1.Pod, who peers, port networkingv1.NetworkPolicyPort) []string {
	if f.direction == networkingv1.PolicyTypeIngress {
		return f.numberedMatches(pod, who, port)
	}
	var matches []string
	for _, peer := range who.pods {
		matches = append(matches, f.numberedMatches(peer, peers{pods: []*corev1.Pod{peer}}, port)...)
	}
	return matches
}

// numberedMatches matches a named port by the number that it has at a pod.
func (f flow) numberedMatches(at *corev1.Pod, who peers, port networkingv1.NetworkPolicyPort) []string {
	var matches []string
	for _, container := range at.Spec.Containers {
		for _, declared := range container.Ports {
			if declared.Name != port.Port.StrVal || strings.ToLower(string(declared.Protocol)) != protocol(port) {
				continue
			}
			for _, peer := range f.peerMatches(who) {
				matches = append(matches, join(peer, fmt.Sprintf("%s %s %d", protocol(port), f.port, declared.ContainerPort)))
			}
		}
	}
	return matches
}

func protocol(port networkingv1.NetworkPolicyPort) string {
	if port.Protocol == nil {
		return "tcp"
	}
	return strings.ToLower(string(*port.Protocol))
}

func join(matches ...string) string { return strings.TrimSpace(strings.Join(matches, " ")) }
