package enforcer

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/knftables"
)

const (
	ingress = networkingv1.PolicyTypeIngress
	egress  = networkingv1.PolicyTypeEgress
)

// The world of these tests: a shop with a web server (10.244.0.1) and its
// database (10.244.0.2), and a customer (10.244.0.3) in another namespace.
func world(policies ...*networkingv1.NetworkPolicy) Snapshot {
	ended := pod("shop", "job", "10.244.0.1", nil) // its address is web's by now
	ended.Status.Phase = corev1.PodSucceeded
	host := pod("shop", "agent", "10.213.0.2", map[string]string{"app": "web"})
	host.Spec.HostNetwork = true
	return Snapshot{
		Namespaces: []*corev1.Namespace{namespace("shop"), namespace("street")},
		Pods: []*corev1.Pod{
			pod("street", "customer", "10.244.0.3", map[string]string{"app": "customer"}),
			pod("shop", "db", "10.244.0.2", map[string]string{"app": "db"}, port("sql", 5432)),
			pod("shop", "web", "10.244.0.1", map[string]string{"app": "web"}, port("http", 8080)),
			ended, host,
		},
		Policies: policies,
	}
}

func TestRules(t *testing.T) {
	web := selector("app", "web")
	for name, c := range map[string]struct {
		reason string
		policy *networkingv1.NetworkPolicy
		want   map[string][]string
	}{
		"isolated": {
			reason: "a policy without rules cuts the pod off in both directions, answers too",
			policy: policy(web, []networkingv1.PolicyType{ingress, egress}, nil, nil),
			want: map[string][]string{
				"ingress-10.244.0.1": {"counter drop"}, "ingress-answer-10.244.0.1": {"counter drop"},
				"egress-10.244.0.1": {"counter drop"}, "egress-answer-10.244.0.1": {"counter drop"},
			},
		},
		"one direction": {
			reason: "a policy says nothing of a direction that it does not name",
			policy: policy(web, []networkingv1.PolicyType{egress}, nil, nil),
			want: map[string][]string{
				"egress-10.244.0.1": {"counter drop"}, "egress-answer-10.244.0.1": {"counter drop"},
			},
		},
		"everyone may come in": {
			reason: "a rule without peers and ports allows everything",
			policy: policy(web, []networkingv1.PolicyType{ingress}, []networkingv1.NetworkPolicyIngressRule{{}}, nil),
			want: map[string][]string{
				"ingress-10.244.0.1":        {"return", "counter drop"},
				"ingress-answer-10.244.0.1": {"return", "counter drop"},
			},
		},
		"pods of this namespace": {
			reason: "a pod selector alone stays in the policy's namespace",
			policy: policy(web, []networkingv1.PolicyType{ingress}, []networkingv1.NetworkPolicyIngressRule{{
				From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}},
			}}, nil),
			want: map[string][]string{
				"ingress-10.244.0.1":        {"ip saddr { 10.244.0.2, 10.244.0.1 } return", "counter drop"},
				"ingress-answer-10.244.0.1": {"ip daddr { 10.244.0.2, 10.244.0.1 } return", "counter drop"},
			},
		},
		"some pods of another namespace, by a port's name": {
			reason: "what comes in is looked up at the pod; an answer comes from that port",
			policy: policy(web, []networkingv1.PolicyType{ingress}, []networkingv1.NetworkPolicyIngressRule{{
				From: []networkingv1.NetworkPolicyPeer{{
					NamespaceSelector: selectorOf("kubernetes.io/metadata.name", "street"),
					PodSelector:       selectorOf("app", "customer"),
				}},
				Ports: []networkingv1.NetworkPolicyPort{{Port: ptr(intstr.FromString("http"))}},
			}}, nil),
			want: map[string][]string{
				"ingress-10.244.0.1":        {"ip saddr { 10.244.0.3 } tcp dport 8080 return", "counter drop"},
				"ingress-answer-10.244.0.1": {"ip daddr { 10.244.0.3 } tcp sport 8080 return", "counter drop"},
			},
		},
		"out to a named port": {
			reason: "what goes out is looked up at each peer",
			policy: policy(web, []networkingv1.PolicyType{egress}, nil, []networkingv1.NetworkPolicyEgressRule{{
				Ports: []networkingv1.NetworkPolicyPort{{Port: ptr(intstr.FromString("sql"))}},
			}}),
			want: map[string][]string{
				"egress-10.244.0.1":        {"ip daddr { 10.244.0.2 } tcp dport 5432 return", "counter drop"},
				"egress-answer-10.244.0.1": {"ip saddr { 10.244.0.2 } tcp sport 5432 return", "counter drop"},
			},
		},
		"blocks and ranges": {
			reason: "blocks keep their exceptions, and each meets each port",
			policy: policy(web, []networkingv1.PolicyType{egress}, nil, []networkingv1.NetworkPolicyEgressRule{{
				To: []networkingv1.NetworkPolicyPeer{
					{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}},
					{IPBlock: &networkingv1.IPBlock{CIDR: "fd00::/8"}},
				},
				Ports: []networkingv1.NetworkPolicyPort{
					{Port: ptr(intstr.FromInt32(8000)), EndPort: ptr(int32(8100))},
					{Protocol: ptr(corev1.ProtocolUDP)},
				},
			}}),
			want: map[string][]string{
				"egress-10.244.0.1": {
					"ip daddr 10.0.0.0/8 ip daddr != { 10.1.0.0/16 } meta l4proto udp return",
					"ip daddr 10.0.0.0/8 ip daddr != { 10.1.0.0/16 } tcp dport 8000-8100 return",
					"counter drop",
				},
				"egress-answer-10.244.0.1": {
					"ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } meta l4proto udp return",
					"ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } tcp sport 8000-8100 return",
					"counter drop",
				},
			},
		},
		"peers that do not exist": {
			reason: "a rule whose peers are nobody allows nothing, not everything",
			policy: policy(web, []networkingv1.PolicyType{ingress}, []networkingv1.NetworkPolicyIngressRule{{
				From: []networkingv1.NetworkPolicyPeer{{PodSelector: selectorOf("app", "nobody")}},
			}}, nil),
			want: map[string][]string{
				"ingress-10.244.0.1": {"counter drop"}, "ingress-answer-10.244.0.1": {"counter drop"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := chains(t, world(c.policy))
			for chain, want := range c.want {
				if !slices.Equal(got[chain], want) {
					t.Errorf("%s: chain %s is %q, want %q", c.reason, chain, got[chain], want)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%s: got chains %v", c.reason, got)
			}
		})
	}
}

func TestSameSnapshotSameRules(t *testing.T) {
	isolate := policy(selector("app", "web"), []networkingv1.PolicyType{ingress, egress}, nil, nil)
	shuffled := world(isolate)
	slices.Reverse(shuffled.Pods)
	if render(world(isolate)) != render(shuffled) {
		t.Error("the rules depend on the order in which pods are listed: they would be written again and again")
	}
}

// TestKernelTakesRules writes rules of every form into a network namespace of
// the test's own.
func TestKernelTakesRules(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and nft")
	}
	runtime.LockOSThread() // never unlocked: the thread and its namespace end with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs the right to make a network namespace: %v", err)
	}
	nft, err := knftables.New(knftables.IPv4Family, Table)
	if err != nil {
		t.Fatal(err)
	}
	everything := policy(metav1.LabelSelector{}, []networkingv1.PolicyType{ingress, egress},
		[]networkingv1.NetworkPolicyIngressRule{{Ports: []networkingv1.NetworkPolicyPort{{Port: ptr(intstr.FromString("http"))}}}},
		[]networkingv1.NetworkPolicyEgressRule{{
			To: []networkingv1.NetworkPolicyPeer{
				{PodSelector: &metav1.LabelSelector{}},
				{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16", "10.2.0.0/16"}}},
			},
			Ports: []networkingv1.NetworkPolicyPort{{Port: ptr(intstr.FromInt32(80)), EndPort: ptr(int32(90))}, {Protocol: ptr(corev1.ProtocolSCTP)}},
		}})
	for range 2 { // the second time replaces the first
		tx := nft.NewTransaction()
		Rules(tx, world(everything))
		if err := nft.Run(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	elements, err := nft.ListElements(t.Context(), "map", "ingress")
	if err != nil {
		t.Fatal(err)
	}
	if len(elements) != 2 {
		t.Errorf("%d pods of the namespace are selected, want 2", len(elements))
	}
}

// chains returns the rules of the pods' chains.
func chains(t *testing.T, snapshot Snapshot) map[string][]string {
	t.Helper()
	fake := knftables.NewFake(knftables.IPv4Family, Table)
	tx := fake.NewTransaction()
	Rules(tx, snapshot)
	if err := fake.Run(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, f := range flows {
		elements, err := fake.ListElements(t.Context(), "map", f.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, element := range elements {
			chain := f.name + "-" + element.Key[0]
			rules, err := fake.ListRules(t.Context(), chain)
			if err != nil {
				t.Fatal(err)
			}
			for _, rule := range rules {
				found[chain] = append(found[chain], rule.Rule)
			}
		}
	}
	return found
}

func render(snapshot Snapshot) string {
	tx := knftables.NewFake(knftables.IPv4Family, Table).NewTransaction()
	Rules(tx, snapshot)
	return tx.String()
}

func policy(selected metav1.LabelSelector, types []networkingv1.PolicyType, in []networkingv1.NetworkPolicyIngressRule, out []networkingv1.NetworkPolicyEgressRule) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "policy"},
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: selected, PolicyTypes: types, Ingress: in, Egress: out},
	}
}

func pod(namespace, name, address string, labels map[string]string, ports ...corev1.ContainerPort) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}},
		Status:     corev1.PodStatus{PodIP: address, Phase: corev1.PodRunning},
	}
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/metadata.name": name}}}
}

func port(name string, number int32) corev1.ContainerPort {
	return corev1.ContainerPort{Name: name, ContainerPort: number, Protocol: corev1.ProtocolTCP}
}

func selector(key, value string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func selectorOf(key, value string) *metav1.LabelSelector {
	return ptr(selector(key, value))
}

func ptr[T any](value T) *T { return &value }
