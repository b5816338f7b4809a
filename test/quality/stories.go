package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// storyStart is when the stories' three days of background begin.
var storyStart = time.Date(2030, 3, 1, 0, 0, 0, 0, time.UTC)

// step is one signal of a story, told the way its detector tells it.
type step struct {
	after    time.Duration
	phase    string
	rule     string
	tactic   model.Tactic
	entities []model.Entity
	times    int
}

func asset(kind model.EntityKind, name string) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Category: model.CategoryAsset}
}

func evidence(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

// inPod is what a runtime detector and enrichment know of a signal in a pod.
func inPod(namespace, workload, pod, node, process string, more ...model.Entity) []model.Entity {
	return append([]model.Entity{
		asset(model.KindPod, namespace+"/"+pod), asset(model.KindWorkload, namespace+"/Deployment/"+workload),
		asset(model.KindNamespace, namespace), asset(model.KindNode, node),
		evidence(model.KindImage, workload+":1", model.RoleContextual),
		evidence(model.KindProcess, process, model.RoleUnknown), evidence(model.KindUser, "root", model.RoleUnknown),
	}, more...)
}

// byAccount is what the audit log knows of a request.
func byAccount(account, namespace, address string, more ...model.Entity) []model.Entity {
	return append([]model.Entity{
		asset(model.KindServiceAccount, account), asset(model.KindNamespace, namespace),
		evidence(model.KindIP, address, model.RoleSource),
	}, more...)
}

func storyEvent(at time.Time, s step, intrusion string) event {
	e := event{at: at, signature: s.rule, intrusion: intrusion, phase: s.phase, during: intrusion}
	e.host = s.entities[0].Key.String()
	e.alert = model.Alert{
		Service: "cluster", Rule: s.rule, Title: s.rule, First: at, Last: at, Entities: s.entities,
		Fingerprint: s.rule + "\x00" + e.host, Severity: model.SeverityMedium,
	}
	if s.tactic != "" {
		e.alert.Tactics = []model.Tactic{s.tactic}
	}
	return e
}

// background is three days of a cluster in which nothing happens: agents that
// talk to the API server, backups that read secrets, builds that install
// packages in ever new pods, an administrator's shells, and one flood.
func background() []event {
	r := rand.New(rand.NewPCG(1, 2))
	var out []event
	every := func(mean time.Duration, make func(i int) step) {
		for at, i := storyStart, 0; at.Before(storyStart.Add(72 * time.Hour)); i++ {
			at = at.Add(time.Duration(r.ExpFloat64() * float64(mean)))
			out = append(out, storyEvent(at, make(i), ""))
		}
	}
	nodes := []string{"n1", "n2", "n3"}
	for _, node := range nodes {
		every(20*time.Minute, func(int) step {
			return step{rule: "Contact API server from container", entities: inPod("monitoring", "agent", "agent-"+node, node, "agent")}
		})
	}
	every(6*time.Hour, func(int) step {
		return step{rule: "Read sensitive file", entities: inPod("backup", "backup", "backup-0", "n2", "restic")}
	})
	every(40*time.Minute, func(i int) step {
		return step{rule: "Package manager in container", entities: inPod("ci", "runner", fmt.Sprintf("runner-%d", i), nodes[i%3], "apt")}
	})
	every(9*time.Hour, func(i int) step {
		return step{rule: "Terminal shell in container", entities: inPod("shop", "cart", "cart-7", nodes[i%3], "sh")}
	})
	every(3*time.Hour, func(i int) step {
		return step{rule: "Secrets listed", entities: byAccount("backup/backup", "backup", "10.0.0.9")}
	})
	every(5*time.Hour, func(i int) step {
		return step{rule: "Exec into pod", entities: append(byAccount("ops/admin", "shop", "10.0.0.3"), asset(model.KindPod, "shop/cart-7"))}
	})
	flood := storyStart.Add(60 * time.Hour)
	for i := range 2400 {
		out = append(out, storyEvent(flood.Add(time.Duration(i)*500*time.Millisecond), step{
			rule: "Unexpected connection", entities: inPod("shop", "search", "search-1", "n3", "java"),
		}, ""))
	}
	return out
}

// takeover is an attack through a web application to the whole cluster.
func takeover(namespace, app, node, podAddress, address string) []step {
	pod, account := app+"-5d9", namespace+"/"+app
	miner := "metrics-" + app
	c2 := evidence(model.KindIP, address, model.RoleCommandAndControl)
	return []step{
		{after: 0, phase: "shell", rule: "Terminal shell in container", tactic: model.TacticExecution, entities: inPod(namespace, app, pod, node, "sh")},
		{after: 40 * time.Second, phase: "shell", rule: "Outbound connection to uncommon address", tactic: model.TacticCommandAndControl, entities: inPod(namespace, app, pod, node, "curl", c2)},
		{after: 3 * time.Minute, phase: "token", rule: "Service account token read", tactic: model.TacticCredentialAccess, entities: inPod(namespace, app, pod, node, "cat", asset(model.KindServiceAccount, account))},
		{after: 7 * time.Minute, phase: "discovery", rule: "Access reviewed by service account", tactic: model.TacticDiscovery, entities: byAccount(account, namespace, podAddress), times: 3},
		{after: 12 * time.Minute, phase: "secrets", rule: "Secrets listed", tactic: model.TacticCredentialAccess, entities: byAccount(account, namespace, podAddress), times: 5},
		{after: 25 * time.Minute, phase: "binding", rule: "Binding to cluster-admin", tactic: model.TacticPrivilegeEscalation, entities: byAccount(account, namespace, podAddress)},
		{after: 31 * time.Minute, phase: "privileged", rule: "Privileged pod created", tactic: model.TacticPersistence, entities: byAccount(account, namespace, podAddress, asset(model.KindPod, namespace+"/"+miner))},
		{after: 32 * time.Minute, phase: "escape", rule: "Host file written from container", tactic: model.TacticPrivilegeEscalation, entities: inPod(namespace, miner, miner, node, "chroot")},
		{after: 55 * time.Minute, phase: "mining", rule: "Miner pool contacted", tactic: model.TacticImpact, entities: inPod(namespace, miner, miner, node, "xmrig", c2), times: 400},
	}
}

// play puts a story into the background.
func play(d *dataset, intrusion string, at time.Time, steps []step) {
	for _, s := range steps {
		for i := range max(s.times, 1) {
			d.events = append(d.events, storyEvent(at.Add(s.after+time.Duration(i)*time.Second), s, intrusion))
		}
	}
	d.sort()
}

// stories are Kubernetes attacks of our own, in noise.
func stories() []dataset {
	one := dataset{name: "k8s takeover", events: background()}
	play(&one, "web", storyStart.Add(50*time.Hour), takeover("shop", "web", "n1", "10.1.0.20", "203.0.113.7"))

	flooded := dataset{name: "k8s takeover in a flood", events: background()}
	play(&flooded, "web", storyStart.Add(60*time.Hour+7*time.Minute), takeover("shop", "web", "n3", "10.1.2.31", "203.0.113.7"))

	two := dataset{name: "k8s two on one node", events: background()}
	play(&two, "web", storyStart.Add(50*time.Hour), takeover("shop", "web", "n1", "10.1.0.20", "203.0.113.7"))
	play(&two, "blog", storyStart.Add(50*time.Hour+10*time.Minute), takeover("press", "blog", "n1", "10.1.0.44", "198.51.100.9"))
	return []dataset{one, flooded, two}
}
