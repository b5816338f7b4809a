package falco

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

var received = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const shell = `{
  "hostname": "Worker-1", "priority": "Critical", "rule": "Terminal shell in container", "source": "syscall",
  "output": "13:44:05.478445995: Critical A shell was spawned | user=root",
  "time": "2026-03-04T05:06:05.478445995Z", "tags": ["container", "mitre_execution", "T1059", "maturity_stable"],
  "output_fields": {
    "container.id": "ee97d9c4186f", "container.image.repository": "docker.io/library/alpine", "container.image.tag": null,
    "evt.time": 1685022245478445995, "k8s.ns.name": "shop", "k8s.pod.name": "cart-0", "proc.exepath": "/bin/sh",
    "proc.name": "sh", "proc.tty": 34816, "user.name": "root"}}`

func decodeOne(t *testing.T, event string) model.Alert {
	t.Helper()
	decoded, err := Decoder{}.Decode([]byte(event), received)
	if err != nil || decoded.Drop != "" {
		t.Fatalf("%v, drop %q", err, decoded.Drop)
	}
	return decoded.Alert
}

func asset(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryAsset}
}

func evidence(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

func TestDecode(t *testing.T) {
	when := time.Date(2026, 3, 4, 5, 6, 5, 478445995, time.UTC)
	got := decodeOne(t, shell)
	want := model.Alert{
		Service: "falco", Detection: "syscall", Rule: "Terminal shell in container", Title: "Terminal shell in container",
		Description: "A shell was spawned | user=root",
		Severity:    model.SeverityHigh,
		Tactics:     []model.Tactic{model.TacticExecution},
		Techniques:  []string{"T1059"},
		First:       when, Last: when,
		Fingerprint: got.Fingerprint,
		Entities: []model.Entity{
			asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
			asset(model.KindContainer, "ee97d9c4186f", model.RoleAttacked),
			evidence(model.KindImage, "alpine:latest", model.RoleContextual),
			asset(model.KindNode, "worker-1", model.RoleContextual),
			evidence(model.KindProcess, "ee97d9c4186f:/bin/sh", model.RoleSuspicious),
		},
		Occurrences: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		event string
		want  []model.Entity
	}{
		"on the host": {
			event: `{"rule":"r","hostname":"x86","output_fields":{"container.id":"host","fd.name":"/etc/shadow","user.name":"ahmed","proc.name":"cat"}}`,
			want: []model.Entity{
				asset(model.KindNode, "x86", model.RoleAttacked),
				evidence(model.KindUser, `x86\ahmed`, model.RoleSuspicious),
				evidence(model.KindProcess, "x86:cat", model.RoleSuspicious),
				evidence(model.KindFile, "x86:/etc/shadow", model.RoleSuspicious),
			},
		},
		"a connection": {
			event: `{"rule":"r","output_fields":{"k8s.ns.name":"shop","k8s.pod.name":"cart-0","fd.name":"10.0.0.5:43210->203.0.113.7:4444"}}`,
			want: []model.Entity{
				asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
				evidence(model.KindIP, "10.0.0.5", model.RoleSource),
				evidence(model.KindIP, "203.0.113.7", model.RoleDestination),
			},
		},
		"an audit event through Falco": {
			event: `{"rule":"Attach/Exec Pod","source":"k8s_audit","hostname":"falco-k8saudit-x","output_fields":{"ka.user.name":"system:serviceaccount:shop:cart",
				"ka.target.namespace":"shop","ka.target.resource":"pods","ka.target.name":"cart-0","ka.sourceips":"203.0.113.7,10.0.0.1"}}`,
			want: []model.Entity{
				asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
				asset(model.KindServiceAccount, "shop/cart", model.RoleAttacker),
				evidence(model.KindIP, "203.0.113.7", model.RoleSource),
			},
		},
		"a cloud audit event": {
			event: `{"rule":"r","source":"gcp_auditlog","hostname":"sherlock","output_fields":{"gcp.user":"Me@Example.com","gcp.callerIP ":"203.0.113.7"}}`,
			want: []model.Entity{
				asset(model.KindUser, "me@example.com", model.RoleAttacker),
				evidence(model.KindIP, "203.0.113.7", model.RoleSource),
			},
		},
		"nothing known": {event: `{"rule":"r","hostname":"falco-xczjd","output_fields":{"k8s.ns.name":"<NA>","user.name":"%user.name"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeOne(t, tc.event).Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStrangeValues(t *testing.T) {
	for name, event := range map[string]string{
		"everything of a wrong type": `{"rule":"r","priority":[1],"output":{},"time":true,"source":null,"hostname":7,"tags":"x","output_fields":[1]}`,
		"nothing but the rule":       `{"rule":"r"}`,
		"capital letters":            `{"Rule":"r","Priority":"ERROR"}`,
		"numbers in tags":            `{"rule":"r","tags":[1,null,"T1059",{"a":1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			alert := decodeOne(t, event)
			if alert.Rule != "r" || !alert.First.Equal(received) || alert.Detection == "" {
				t.Errorf("%+v", alert)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		event, message string
		drop           decode.Drop
	}{
		"no rule":        {event: `{"output":"x"}`, message: "rule: is missing; a Falco event names the rule that fired"},
		"rule is a list": {event: `{"rule":["x"]}`, message: "rule: must not be of type array"},
		"health":         {event: `{"rule":"Falco internal: syscall event drop"}`, drop: decode.DropHealth},
		"its own source": {event: `{"rule":"snapshot","source":"internal"}`, drop: decode.DropHealth},
	} {
		t.Run(name, func(t *testing.T) {
			drop, err := Decoder{}.Check([]byte(tc.event))
			decoded, decodeErr := Decoder{}.Decode([]byte(tc.event), received)
			if drop != tc.drop || decoded.Drop != tc.drop {
				t.Errorf("drop %q and %q, want %q", drop, decoded.Drop, tc.drop)
			}
			if message(err) != tc.message || message(decodeErr) != tc.message {
				t.Errorf("%q and %q, want %q", message(err), message(decodeErr), tc.message)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFingerprint(t *testing.T) {
	base := `{"rule":"r","time":"2026-03-04T05:06:05Z","uuid":"1","output_fields":{"k8s.ns.name":"a","k8s.pod.name":"b","proc.exepath":"/bin/sh","proc.pid":1,"fd.name":"10.0.0.5:1->203.0.113.7:443"}}`
	for name, tc := range map[string]struct {
		event string
		same  bool
	}{
		"another time, uuid, process and port": {
			event: `{"rule":"r","time":"2026-03-04T05:06:06Z","uuid":"2","output_fields":{"k8s.ns.name":"a","k8s.pod.name":"b","proc.exepath":"/bin/sh","proc.pid":2,"fd.name":"10.0.0.5:2->203.0.113.7:443"}}`, same: true},
		"another pod": {
			event: `{"rule":"r","output_fields":{"k8s.ns.name":"a","k8s.pod.name":"c","proc.exepath":"/bin/sh","fd.name":"10.0.0.5:1->203.0.113.7:443"}}`},
		"another peer": {
			event: `{"rule":"r","output_fields":{"k8s.ns.name":"a","k8s.pod.name":"b","proc.exepath":"/bin/sh","fd.name":"10.0.0.5:1->203.0.113.8:443"}}`},
		"another rule": {
			event: `{"rule":"s","output_fields":{"k8s.ns.name":"a","k8s.pod.name":"b","proc.exepath":"/bin/sh","fd.name":"10.0.0.5:1->203.0.113.7:443"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			same := decodeOne(t, base).Fingerprint == decodeOne(t, tc.event).Fingerprint
			if same != tc.same {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(shell))
	f.Add([]byte(`{"rule":"Falco internal: x","output_fields":{"a":[null,1]}}`))
	f.Add([]byte(`{"rule":"r","tags":[[]],"time":-1,"output_fields":{"fd.name":"->"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		decoded, err := Decoder{}.Decode(data, received)
		drop, checkErr := Decoder{}.Check(data)
		if (err == nil) != (checkErr == nil) || err == nil && drop != decoded.Drop {
			t.Fatalf("Check says %q, %v; Decode says %q, %v", drop, checkErr, decoded.Drop, err)
		}
		if err == nil && drop == "" && (decoded.Alert.Fingerprint == "" || decoded.Alert.Last.Before(decoded.Alert.First)) {
			t.Fatalf("%+v", decoded.Alert)
		}
	})
}
