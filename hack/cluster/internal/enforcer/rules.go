package enforcer

import (
	"slices"

	"sigs.k8s.io/knftables"
)

// Table is the nftables table with the rules.
const Table = "tocsin-network-policy"

// hooks are the places where a pod's packets pass, and how they find the
// chains of the pods concerned.
var hooks = []struct {
	name  string
	hook  knftables.BaseChainHook
	rules []string
}{
	// From pod to pod, and between a pod and the machine.
	{"forward", knftables.ForwardHook, []string{
		"ct direction reply goto answers",
		"ip saddr vmap @egress",
		"ip daddr vmap @ingress",
	}},
	// From a pod to the node, which is also where the API server is. What
	// answers the node was asked by the node.
	{"input", knftables.InputHook, []string{
		"ct direction reply accept",
		"ip saddr vmap @egress",
	}},
	// From the node to a pod: only its answers are judged.
	{"output", knftables.OutputHook, []string{
		"ct direction reply ip daddr vmap @egress-answer",
	}},
}

// Rules adds to a transaction what replaces all rules by those that follow
// from the snapshot.
func Rules(tx *knftables.Transaction, snapshot Snapshot) {
	// Adding first lets the deletion succeed when there is no table yet.
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("network policies of the local cluster")})
	for _, f := range flows {
		tx.Add(&knftables.Map{Name: f.name, Type: "ipv4_addr : verdict"})
	}
	addHooks(tx)
	sorted := snapshot.sorted()
	for _, f := range flows {
		addPods(tx, f, sorted)
	}
}

func addHooks(tx *knftables.Transaction) {
	tx.Add(&knftables.Chain{Name: "answers"})
	for _, rule := range []string{"ip daddr vmap @egress-answer", "ip saddr vmap @ingress-answer"} {
		tx.Add(&knftables.Rule{Chain: "answers", Rule: rule})
	}
	for _, h := range hooks {
		tx.Add(&knftables.Chain{
			Name: h.name, Type: knftables.PtrTo(knftables.FilterType),
			Hook: knftables.PtrTo(h.hook), Priority: knftables.PtrTo(knftables.FilterPriority),
		})
		for _, rule := range h.rules {
			tx.Add(&knftables.Rule{Chain: h.name, Rule: rule})
		}
	}
}

// addPods adds a chain for each selected pod, which returns for what is
// allowed, as the peer's chain must allow it too, and drops everything else.
func addPods(tx *knftables.Transaction, f flow, snapshot Snapshot) {
	for _, pod := range snapshot.Pods {
		policies := snapshot.selecting(pod, f.direction)
		if len(policies) == 0 {
			continue
		}
		chain := f.name + "-" + pod.Status.PodIP
		tx.Add(&knftables.Chain{Name: chain, Comment: comment(pod.Namespace + "/" + pod.Name)})
		matches := f.allowed(snapshot, pod, policies)
		slices.Sort(matches)
		for _, match := range slices.Compact(matches) {
			tx.Add(&knftables.Rule{Chain: chain, Rule: join(match, "return")})
		}
		tx.Add(&knftables.Rule{Chain: chain, Rule: "counter drop"})
		tx.Add(&knftables.Element{Map: f.name, Key: []string{pod.Status.PodIP}, Value: []string{"jump " + chain}})
	}
}

// comment shortens a comment to what nftables takes.
func comment(text string) *string {
	const limit = 120
	if len(text) > limit {
		text = text[:limit]
	}
	return &text
}
