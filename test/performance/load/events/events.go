// Package events makes the same alerts in the formats of those who take them:
// Falco's for Tocsin's gateway, and Alertmanager's own.
package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Shape says how alerts differ from each other.
type Shape struct {
	// Signatures is how many different alerts there are: each has a rule, a pod and
	// a file of which no other has all three.
	Signatures int
	// Workloads is how many pods they are about, Rules how many rules raise them.
	Workloads, Rules int
	// CommonPercent of the events are of the first signature, the others are
	// spread over the others evenly. With 0 all are alike.
	CommonPercent int
}

// Alert is one event.
type Alert struct {
	Rule, Namespace, Pod, Container, Command, File string
	At                                             time.Time
}

// Number returns the event that is sent as number i.
func (s Shape) Number(i int, at time.Time) Alert {
	return s.signature(s.of(i), at)
}

// of returns the signature of an event. Of a hundred events the first few are
// those that differ.
func (s Shape) of(i int) int {
	if s.CommonPercent == 0 || s.Signatures == 1 {
		return i % s.Signatures
	}
	rare := 100 - s.CommonPercent
	if i%100 >= rare {
		return 0
	}
	return 1 + (i/100*rare+i%100)%(s.Signatures-1)
}

func (s Shape) signature(n int, at time.Time) Alert {
	workload, variant := n%s.Workloads, n/s.Workloads
	return Alert{
		Rule:      fmt.Sprintf("Rule %d of the load generator", variant%s.Rules),
		Namespace: fmt.Sprintf("team-%d", workload%20), Pod: fmt.Sprintf("app-%d-5d9c7b6f48-x2x9z", workload),
		Container: fmt.Sprintf("%012x", 0xabc000000000+workload),
		Command:   "sh -c cat settings", File: fmt.Sprintf("/etc/config/settings-%d.yaml", variant), At: at,
	}
}

// Falco writes an event as Falco does.
func (a Alert) Falco() any {
	return map[string]any{
		"hostname": "node-" + a.Container[11:], "priority": "Warning", "rule": a.Rule, "source": "syscall",
		"tags": []string{"container", "filesystem", "maturity_stable", "mitre_credential_access", "T1552.001"},
		"time": a.At.UTC().Format(time.RFC3339Nano),
		"output": fmt.Sprintf("A file with settings was read by an unexpected program (file=%s command=%s user=app parent=node container_id=%s image=registry.example/shop/app pod=%s namespace=%s)",
			a.File, a.Command, a.Container, a.Pod, a.Namespace),
		"output_fields": map[string]any{
			"container.id": a.Container, "container.image.repository": "registry.example/shop/app", "container.image.tag": "v1.42.0",
			"evt.time": a.At.UnixNano(), "evt.type": "openat", "fd.name": a.File, "k8s.ns.name": a.Namespace, "k8s.pod.name": a.Pod,
			"proc.cmdline": a.Command, "proc.exepath": "/bin/sh", "proc.name": "sh", "proc.pname": "node", "proc.tty": 0,
			"user.loginuid": -1, "user.name": "app", "user.uid": 1000,
		},
	}
}

// Alertmanager writes an event as a client of Alertmanager does.
func (a Alert) Alertmanager() any {
	return map[string]any{
		"startsAt": a.At.UTC().Format(time.RFC3339Nano),
		"labels": map[string]string{
			"alertname": a.Rule, "severity": "warning", "namespace": a.Namespace, "pod": a.Pod, "container_id": a.Container,
			"image": "registry.example/shop/app:v1.42.0", "process": "sh", "user": "app", "file": a.File, "hostname": "node-" + a.Container[11:],
			"mitre_tactic": "credential_access", "mitre_technique": "T1552.001",
		},
		"annotations": map[string]string{
			"description": fmt.Sprintf("A file with settings was read by an unexpected program (file=%s command=%s user=app parent=node container_id=%s image=registry.example/shop/app pod=%s namespace=%s)",
				a.File, a.Command, a.Container, a.Pod, a.Namespace),
			"event": fmt.Sprintf("type=openat time=%d exepath=/bin/sh parent=node tty=0 uid=1000", a.At.UnixNano()),
		},
	}
}

// Format is how a receiver wants its events.
type Format struct {
	write func(Alert) any
	// list says that one event is sent as a list as well.
	list bool
}

// The formats.
var (
	Falco        = Format{write: Alert.Falco}
	Alertmanager = Format{write: Alert.Alertmanager, list: true}
)

// Bodies makes bodies of that many events each, one after another from the first.
func (f Format) Bodies(shape Shape, from, bodies, batch int, at time.Time) ([][]byte, error) {
	out := make([][]byte, bodies)
	for i := range out {
		list := make([]any, batch)
		for j := range list {
			list[j] = f.write(shape.Number(from+i*batch+j, at))
		}
		var body bytes.Buffer
		var what any = list
		if batch == 1 && !f.list {
			what = list[0]
		}
		if err := json.NewEncoder(&body).Encode(what); err != nil {
			return nil, err
		}
		out[i] = body.Bytes()
	}
	return out, nil
}
