package kubearmor

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const (
	container = "5892b41bcf46aabbccddeeff00112233445566778899aabbccddeeff00112233"
	digest    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

const blocked = `{
  "Timestamp": 1772600765, "UpdatedTime": "2026-03-04T05:06:05.123456Z", "ClusterName": "prod", "HostName": "Worker-1", "NamespaceName": "shop", "PodName": "cart-0",
  "Owner": {"Ref": "Deployment", "Name": "cart", "Namespace": "shop"}, "Labels": "app=cart", "ContainerID": "` + container + `", "ContainerName": "cart",
  "ContainerImage": "docker.io/library/alpine:3@` + digest + `", "HostPPID": 10, "HostPID": 11, "PPID": 1, "PID": 2, "UID": 0,
  "ParentProcessName": "/bin/bash", "ProcessName": "/bin/cat", "PolicyName": "block-passwd", "Severity": "8", "Tags": "MITRE,MITRE_T1003_os_credential_dumping",
  "ATags": ["MITRE_credential_access", "NIST_800-53"], "Message": "Password file read", "Type": "MatchedPolicy", "Source": "/bin/cat /etc/shadow",
  "Operation": "File", "Resource": "/etc/shadow", "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY", "Enforcer": "BPFLSM", "Action": "Block", "Result": "Permission denied"}`

func asset(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryAsset}
}

func evidence(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

func decodeOne(t *testing.T, event string) model.Alert {
	t.Helper()
	alerts := hostile.Alerts(t, hostile.Body(t, Decoder{}, []byte(event)))
	if len(alerts) != 1 {
		t.Fatalf("%d alerts", len(alerts))
	}
	return alerts[0]
}

func TestDecode(t *testing.T) {
	when := time.Date(2026, 3, 4, 5, 6, 5, 123456000, time.UTC)
	got := decodeOne(t, blocked)
	want := model.Alert{
		Service: "kubearmor", Detection: "BPFLSM", Rule: "block-passwd", Title: "Password file read",
		Description: "File: /etc/shadow\nProcess: /bin/cat /etc/shadow\nParent: /bin/bash\nData: syscall=SYS_OPENAT fd=-100 flags=O_RDONLY\nAction: Block\nResult: Permission denied",
		Severity:    model.SeverityHigh,
		Tactics:     []model.Tactic{model.TacticCredentialAccess},
		Techniques:  []string{"T1003"},
		First:       when, Last: when,
		Fingerprint: got.Fingerprint,
		Entities: []model.Entity{
			asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
			asset(model.KindWorkload, "shop/Deployment/cart", model.RoleAttacked),
			asset(model.KindContainer, container[:12], model.RoleAttacked),
			evidence(model.KindImage, digest, model.RoleContextual),
			asset(model.KindNode, "worker-1", model.RoleContextual),
			evidence(model.KindProcess, container[:12]+":/bin/cat", model.RoleSuspicious),
			evidence(model.KindFile, container[:12]+":/etc/shadow", model.RoleSuspicious),
		},
		Occurrences: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSidekick: the sidekick sends the same alert in another shape.
func TestSidekick(t *testing.T) {
	shape := func(member string) string {
		return `{"Timestamp": 1772600765, "Hostname": "Worker-1", "EventType": "Alert", "` + member + `": {
			"OwnerRef": "Deployment", "OwnerName": "cart", "OwnerNamespace": "shop", "Timestamp": "1772600765", "UpdatedTime": "2026-03-04T05:06:05.123456Z", "ClusterName": "prod",
			"Hostname": "Worker-1", "NamespaceName": "shop", "PodName": "cart-0", "ContainerID": "` + container + `", "ContainerName": "cart",
			"ContainerImage": "docker.io/library/alpine:3@` + digest + `", "ParentProcessName": "/bin/bash", "ProcessName": "/bin/cat", "PolicyName": "block-passwd", "Severity": "8",
			"Tags": "MITRE,MITRE_T1003_os_credential_dumping", "ATags": ["MITRE_credential_access"], "Message": "Password file read", "Source": "/bin/cat /etc/shadow",
			"Operation": "File", "Resource": "/etc/shadow", "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY", "Enforcer": "BPFLSM", "Result": "Permission denied"}}`
	}
	want := decodeOne(t, blocked)
	want.Description = strings.Replace(want.Description, "Action: Block\n", "", 1) // It leaves the action out.
	for _, member := range []string{"OutputFields", "output_fields", "Detail"} {
		if diff := cmp.Diff(want, decodeOne(t, shape(member))); diff != "" {
			t.Errorf("%s: %s", member, diff)
		}
	}
}

func TestSeverity(t *testing.T) {
	for level, want := range map[string]model.Severity{
		`"1"`: model.SeverityLow, `"3"`: model.SeverityLow, `"4"`: model.SeverityMedium, `6`: model.SeverityMedium, `"7"`: model.SeverityHigh, `10`: model.SeverityHigh,
		`"0"`: model.SeverityMedium, `"11"`: model.SeverityMedium, `""`: model.SeverityMedium, `"high"`: model.SeverityMedium, `null`: model.SeverityMedium,
	} {
		if got := decodeOne(t, `{"Type": "MatchedPolicy", "PolicyName": "p", "Severity": `+level+`}`).Severity; got != want {
			t.Errorf("%s is %s, want %s", level, got, want)
		}
	}
}

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		fields string
		want   []model.Entity
	}{
		"on the host": {
			`"Type": "MatchedHostPolicy", "HostName": "x86", "Source": "zsh", "Operation": "Process", "Resource": "/usr/bin/sleep 10"`,
			[]model.Entity{asset(model.KindNode, "x86", model.RoleAttacked), evidence(model.KindProcess, "x86:/usr/bin/sleep", model.RoleSuspicious)},
		},
		"a connection": {
			`"Type": "MatchedNetworkPolicy", "Operation": "Network", "Resource": "sa_family=AF_INET sin_port=53 sin_addr=203.0.113.7", "Data": "syscall=SYS_CONNECT fd=10"`,
			[]model.Entity{evidence(model.KindIP, "203.0.113.7", model.RoleDestination)},
		},
		"a connection that came in": {
			`"Type": "MatchedPolicy", "Operation": "Network", "Resource": "remoteip=203.0.113.7 port=4711 protocol=TCP", "Data": "kprobe=tcp_accept,syscall=SYS_ACCEPT"`,
			[]model.Entity{evidence(model.KindIP, "203.0.113.7", model.RoleSource)},
		},
		"a name that is looked up": {
			`"Type": "MatchedPolicy", "Operation": "Network", "Resource": "sa_family=AF_INET sin_port=53", "Data": "kfunc=UDP_SENDMSG,domain=example.com,daddr=203.0.113.53,qtype=A"`,
			[]model.Entity{evidence(model.KindIP, "203.0.113.53", model.RoleDestination)},
		},
		"a pod of nobody": {
			`"Type": "MatchedPolicy", "NamespaceName": "shop", "PodName": "cart", "Owner": {"Ref": "Pod", "Name": "other", "Namespace": "shop"}`,
			[]model.Entity{asset(model.KindPod, "shop/cart", model.RoleAttacked)},
		},
		"nothing known": {`"Type": "MatchedPolicy"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeOne(t, `{"PolicyName": "p", `+tc.fields+`}`).Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoAlert(t *testing.T) {
	for name, tc := range map[string]struct {
		event, message string
		drop           decode.Drop
	}{
		"a log":                  {event: `{"Type": "ContainerLog", "PolicyName": "p"}`, drop: decode.DropTelemetry},
		"a log of the host":      {event: `{"Type": "HostLog"}`, drop: decode.DropTelemetry},
		"a log by the sidekick":  {event: `{"EventType": "Log", "OutputFields": {"Operation": "File"}}`, drop: decode.DropTelemetry},
		"no type":                {event: `{"Operation": "File"}`, message: errNoType.Error()},
		"no policy":              {event: `{"Type": "MatchedPolicy", "PolicyName": ["x"]}`, message: errNoPolicy.Error()},
		"fields of another type": {event: `{"EventType": "Alert", "OutputFields": 7}`, message: errNoPolicy.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			got := hostile.Body(t, Decoder{}, []byte(tc.event))
			if len(got) != 1 || got[0].Drop != tc.drop || (got[0].Err == nil) != (tc.message == "") || got[0].Err != nil && got[0].Err.Error() != tc.message {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	const connected = `{"Type": "MatchedPolicy", "PolicyName": "p", "ClusterName": "prod", "HostName": "x86", "Operation": "Network", "Resource": "remoteip=203.0.113.7 port=4711", "ProcessName": "/bin/nc", "PID": 1}`
	for name, tc := range map[string]struct {
		event, old, new string
		same            bool
	}{
		"another process":   {blocked, `"PID": 2`, `"PID": 3`, true},
		"another time":      {blocked, "05:06:05.1", "05:06:06.1", true},
		"another container": {blocked, `"ContainerID": "58`, `"ContainerID": "59`, true},
		"another port":      {connected, "port=4711", "port=4712", true},
		"another peer":      {connected, "203.0.113.7", "203.0.113.8", false},
		"another host":      {connected, "x86", "x87", false},
		"another policy":    {blocked, "block-passwd", "block", false},
		"another file":      {blocked, `"Resource": "/etc/shadow"`, `"Resource": "/etc/passwd"`, false},
		"another pod":       {blocked, "cart-0", "cart-1", false},
		"another program":   {blocked, `"ProcessName": "/bin/cat"`, `"ProcessName": "/bin/vi"`, false},
		"another cluster":   {blocked, `"ClusterName": "prod"`, `"ClusterName": "prod-2"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			other := strings.Replace(tc.event, tc.old, tc.new, 1)
			if same := decodeOne(t, other).Fingerprint == decodeOne(t, tc.event).Fingerprint; same != tc.same || other == tc.event {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
	named := hostile.Alerts(t, hostile.Body(t, Decoder{Cluster: "other"}, []byte(blocked)))[0]
	if named.Fingerprint == decodeOne(t, blocked).Fingerprint {
		t.Error("the cluster of the source makes no difference")
	}
}

func TestHostile(t *testing.T) { hostile.Alter(t, Decoder{}, blocked) }

func TestSent(t *testing.T) { hostile.Sent(t, Decoder{}, blocked) }

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, blocked, `{"EventType": "Alert", "Detail": {"PolicyName": "p", "Severity": "x", "Owner": []}}`, `{"Type": "HostLog"}`,
		`{"type": "Matched", "policyname": 7, "operation": "Network", "resource": "=,= sin_addr="}`)
}
