package wazuh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

const guessed = `{
  "timestamp": "2026-03-04T05:06:05.123+0000",
  "rule": {"level": 10, "description": "sshd: brute force", "id": "5763", "frequency": 8, "firedtimes": 1, "groups": ["syslog", "sshd", "authentication_failures"],
    "mitre": {"id": ["T1110"], "tactic": ["Credential Access"], "technique": ["Brute Force"]}},
  "agent": {"id": "003", "name": "Worker-1", "ip": "10.0.0.5"}, "manager": {"name": "wazuh"}, "id": "1772600765.100",
  "full_log": "sshd: Failed password for jane from 203.0.113.7", "predecoder": {"hostname": "worker-1"}, "decoder": {"name": "sshd", "parent": "sshd"},
  "data": {"srcip": "203.0.113.7", "srcport": "41410", "srcuser": "mallory", "dstuser": "jane"}, "location": "/var/log/auth.log",
  "syscheck": {"path": "/etc/passwd", "event": "modified", "sha256_after": "` + hash + `"}}`

func asset(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryAsset}
}

func evidence(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

func decodeOne(t *testing.T, record string) model.Alert {
	t.Helper()
	alerts := hostile.Alerts(t, hostile.Body(t, Decoder{}, []byte(record)))
	if len(alerts) != 1 {
		t.Fatalf("%d alerts", len(alerts))
	}
	return alerts[0]
}

func TestDecode(t *testing.T) {
	when := time.Date(2026, 3, 4, 5, 6, 5, 123000000, time.UTC)
	got := decodeOne(t, guessed)
	want := model.Alert{
		Service: "wazuh", Detection: "sshd", Rule: "5763", Title: "sshd: brute force",
		Description: "sshd: Failed password for jane from 203.0.113.7",
		Severity:    model.SeverityMedium,
		Tactics:     []model.Tactic{model.TacticCredentialAccess},
		Techniques:  []string{"T1110"},
		First:       when, Last: when,
		Fingerprint: got.Fingerprint,
		Entities: []model.Entity{
			asset(model.KindNode, "worker-1", model.RoleAttacked),
			asset(model.KindUser, `worker-1\jane`, model.RoleAttacked),
			evidence(model.KindUser, `worker-1\mallory`, model.RoleSuspicious),
			evidence(model.KindFile, "worker-1:/etc/passwd", model.RoleEdited),
			evidence(model.KindFile, "sha256:"+hash, model.RoleEdited),
			evidence(model.KindIP, "203.0.113.7", model.RoleSource),
			evidence(model.KindIP, "10.0.0.5", model.RoleContextual),
		},
		Occurrences: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// signature is what Suricata says within Wazuh.
const signature = `{"rule": {"id": "86601", "level": 3, "description": "Suricata: Alert - x", "groups": ["ids", "suricata"]}, "agent": {"id": "003", "name": "worker-1"},
	"data": {"event_type": "alert", "src_ip": "203.0.113.7", "src_port": "41410", "dest_ip": "10.0.0.5", "dest_port": "80", "flow_id": "1914330066006315.000000",
	"alert": {"gid": "1", "signature_id": "2016184", "severity": "1", "metadata": {"mitre_technique_id": ["T1190"]}}, "http": {"hostname": "shop.example.com", "url": "/admin"}}}`

func TestSuricata(t *testing.T) {
	got := decodeOne(t, signature)
	if got.Severity != model.SeverityHigh || got.Rule != "86601" || len(got.Techniques) != 1 || got.Techniques[0] != "T1190" {
		t.Errorf("%+v", got)
	}
	want := []model.Entity{
		asset(model.KindNode, "worker-1", model.RoleAttacked),
		evidence(model.KindIP, "203.0.113.7", model.RoleSource),
		evidence(model.KindIP, "10.0.0.5", model.RoleDestination),
		evidence(model.KindDomainName, "shop.example.com", model.RoleSuspicious),
		evidence(model.KindURL, "http://shop.example.com/admin", model.RoleSuspicious),
	}
	if diff := cmp.Diff(want, got.Entities); diff != "" {
		t.Error(diff)
	}
}

// failedLogon is what the security log of a domain controller says, without the rule.
const failedLogon = `"agent": {"id": "004", "name": "DC01", "ip": "10.0.0.9"}, "decoder": {"name": "windows_eventchannel"}, "location": "EventChannel",
	"data": {"win": {"system": {"eventID": "4625", "channel": "Security", "computer": "DC01.corp.example", "eventRecordID": "100", "message": "An account failed to log on."},
	"eventdata": {"targetUserName": "Alice", "targetDomainName": "CORP", "ipAddress": "203.0.113.7", "ipPort": "41410", "logonType": "3", "subjectUserName": "DC01$", "subjectDomainName": "CORP",
	"image": "-"}}}`

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		fields string
		want   []model.Entity
	}{
		"the log of another machine": {
			`"agent": {"id": "000", "name": "wazuh"}, "predecoder": {"hostname": "Mail"}, "data": {"dstuser": "<jane>", "srcip": "127.0.0.1"}`,
			[]model.Entity{
				asset(model.KindNode, "mail", model.RoleAttacked),
				asset(model.KindNode, "wazuh", model.RoleContextual),
				asset(model.KindUser, `mail\jane`, model.RoleAttacked),
			},
		},
		"an agent that calls itself otherwise": {
			`"agent": {"id": "003", "name": "x86"}, "predecoder": {"hostname": "cart-0"}`, []model.Entity{asset(model.KindNode, "x86", model.RoleAttacked)},
		},
		"a domain account": {
			`"agent": {"id": "003", "name": "x86", "ip": "any"}, "data": {"dstuser": "Jane@Example.com", "srcuser": "root"}`,
			[]model.Entity{asset(model.KindNode, "x86", model.RoleAttacked), asset(model.KindUser, "jane@example.com", model.RoleAttacked)},
		},
		"Snort": {
			`"rule": {"id": "1", "groups": ["ids"]}, "data": {"srcip": "203.0.113.7", "dstip": "10.0.0.5:80", "id": "1:2016184:5"}`,
			[]model.Entity{evidence(model.KindIP, "203.0.113.7", model.RoleSource), evidence(model.KindIP, "10.0.0.5", model.RoleDestination)},
		},
		"a Kubernetes audit log": {
			`"agent": {"id": "000", "name": "wazuh"}, "data": {"verb": "create", "user": {"username": "system:serviceaccount:shop:cart"}, "sourceIPs": ["203.0.113.7", "10.0.0.1"],
				"objectRef": {"resource": "pods", "namespace": "shop", "name": "cart-0", "subresource": "exec"}}`,
			[]model.Entity{
				asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
				asset(model.KindServiceAccount, "shop/cart", model.RoleAttacker),
				evidence(model.KindIP, "203.0.113.7", model.RoleSource),
				asset(model.KindNode, "wazuh", model.RoleContextual),
			},
		},
		"a new file": {
			`"agent": {"id": "003", "name": "x86"}, "syscheck": {"path": "/tmp/x", "event": "added"}`,
			[]model.Entity{asset(model.KindNode, "x86", model.RoleAttacked), evidence(model.KindFile, "x86:/tmp/x", model.RoleCreated)},
		},
		"a deleted file": {
			`"syscheck": {"path": "/tmp/x", "event": "deleted"}`, []model.Entity{evidence(model.KindFile, "/tmp/x", model.RoleAttacked)},
		},
		"a failed logon on a domain controller": {failedLogon, []model.Entity{
			asset(model.KindNode, "dc01", model.RoleAttacked),
			asset(model.KindUser, `corp\alice`, model.RoleAttacked),
			evidence(model.KindIP, "203.0.113.7", model.RoleSource),
			evidence(model.KindIP, "10.0.0.9", model.RoleContextual),
		}},
		"a logon at the machine itself": {
			`"agent": {"id": "005", "name": "WS01"}, "data": {"win": {"eventdata": {"targetUserName": "Bob", "targetDomainName": "-", "ipAddress": "::1", "subjectUserName": "Ann", "subjectDomainName": "CORP"}}}`,
			[]model.Entity{
				asset(model.KindNode, "ws01", model.RoleAttacked), asset(model.KindUser, `ws01\bob`, model.RoleAttacked),
				evidence(model.KindUser, `corp\ann`, model.RoleSuspicious),
			},
		},
		"a process of the system": {
			`"agent": {"id": "005", "name": "WS01"}, "data": {"win": {"eventdata": {"targetUserName": "-", "subjectUserName": "LOCAL SERVICE", "subjectDomainName": "NT AUTHORITY",
				"newProcessName": "C:\\\\Windows\\\\Temp\\\\x.exe", "ipAddress": "127.0.0.1"}}}`,
			[]model.Entity{asset(model.KindNode, "ws01", model.RoleAttacked), evidence(model.KindProcess, `ws01:C:\Windows\Temp\x.exe`, model.RoleSuspicious)},
		},
		"Sysmon, as Windows writes a path": {
			`"agent": {"id": "005", "name": "WS01"}, "data": {"win": {"eventdata": {"image": "C:\\Temp\\x.exe"}}}`,
			[]model.Entity{asset(model.KindNode, "ws01", model.RoleAttacked), evidence(model.KindProcess, `ws01:C:\Temp\x.exe`, model.RoleSuspicious)},
		},
		"a log that an agent collects": {
			`"agent": {"id": "006", "name": "collector"}, "data": {"win": {"system": {"computer": "WS02.corp.example"}, "eventdata": {"subjectUserName": "WS02$", "subjectDomainName": "CORP"}}}`,
			[]model.Entity{asset(model.KindNode, "ws02.corp.example", model.RoleAttacked), asset(model.KindNode, "collector", model.RoleContextual)},
		},
		"a computer without a name": {
			`"agent": {"id": "006", "name": "ws03"}, "data": {"win": {"system": {"computer": "-"}, "eventdata": "x"}}`, []model.Entity{asset(model.KindNode, "ws03", model.RoleAttacked)},
		},
		"a registry key": {`"syscheck": {"path": "HKEY_LOCAL_MACHINE\\x", "event": "added"}`, nil},
		"nothing known":  {`"data": "x"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeOne(t, `{"rule": {"id": "1"}, `+tc.fields+`}`).Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	const i, l, m, h = model.SeverityInformational, model.SeverityLow, model.SeverityMedium, model.SeverityHigh
	for level, want := range []model.Severity{i, i, i, i, l, l, l, m, m, m, m, m, h, h, h, h, h, m} {
		if got := decodeOne(t, fmt.Sprintf(`{"rule": {"id": "1", "level": %d}}`, level)).Severity; got != want {
			t.Errorf("level %d is %s, want %s", level, got, want)
		}
	}
	if got := decodeOne(t, `{"rule": {"id": 1}}`); got.Severity != m || got.Title != "Wazuh rule 1" {
		t.Errorf("without a level: %+v", got)
	}
}

func TestNoAlert(t *testing.T) {
	for name, tc := range map[string]struct {
		record, message string
		drop            decode.Drop
	}{
		"from the archive":     {record: `{"timestamp": "2026-03-04T05:06:05.123+0000", "full_log": "x", "decoder": {}}`, drop: decode.DropNoRule},
		"no rule":              {record: `{"agent": {"name": "x"}}`, message: errNoRule.Error()},
		"id of another type":   {record: `{"rule": {"id": ["1"]}}`, message: errNoRule.Error()},
		"rule of another type": {record: `{"rule": "1"}`, message: errNoRule.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			got := hostile.Body(t, Decoder{}, []byte(tc.record))
			if len(got) != 1 || got[0].Drop != tc.drop || (got[0].Err == nil) != (tc.message == "") || got[0].Err != nil && got[0].Err.Error() != tc.message {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	const snort = `{"rule": {"id": "20101", "groups": ["ids"]}, "data": {"srcip": "203.0.113.7", "dstip": "10.0.0.5:80", "id": "1:2016184:5"}}`
	const logon = `{"rule": {"id": "60122", "groups": ["windows"]}, ` + failedLogon + `}`
	for name, tc := range map[string]struct {
		record, old, new string
		same             bool
	}{
		"another id":            {guessed, "1772600765.100", "1772600766.200", true},
		"another time":          {guessed, "05:06:05", "05:06:06", true},
		"fired again":           {guessed, `"firedtimes": 1`, `"firedtimes": 2`, true},
		"another port":          {guessed, "41410", "41411", true},
		"another line":          {guessed, "Failed password for jane", "Failed password for jane again", true},
		"another rule":          {guessed, "5763", "5764", false},
		"another agent":         {guessed, `"id": "003"`, `"id": "004"`, false},
		"another log":           {guessed, "/var/log/auth.log", "/var/log/secure", false},
		"another address":       {guessed, `"srcip": "203.0.113.7"`, `"srcip": "203.0.113.8"`, false},
		"another user":          {guessed, "mallory", "eve", false},
		"another file":          {guessed, `"path": "/etc/passwd"`, `"path": "/etc/shadow"`, false},
		"another signature":     {snort, "2016184", "2016185", false},
		"another revision":      {snort, "2016184:5", "2016184:6", true},
		"another target":        {snort, "10.0.0.5", "10.0.0.6", false},
		"Suricata, a signature": {signature, `"2016184"`, `"2016185"`, false},
		"Suricata, a target":    {signature, `"10.0.0.5"`, `"10.0.0.6"`, false},
		"Suricata, a flow":      {signature, "1914330066006315", "1914330066006316", true},
		"Suricata, a port":      {signature, "41410", "41411", true},
		"Windows, a user":       {logon, "Alice", "Bob", false},
		"Windows, a domain":     {logon, `"targetDomainName": "CORP"`, `"targetDomainName": "EMEA"`, false},
		"Windows, an address":   {logon, "203.0.113.7", "203.0.113.8", false},
		"Windows, who did it":   {logon, "DC01$", "mallory", false},
		"Windows, a program":    {logon, `"image": "-"`, `"image": "C:\\x.exe"`, false},
		"Windows, a computer":   {logon, "DC01.corp", "WS01.corp", false},
		"Windows, a spelling":   {logon, "Alice", "ALICE", true},
		"Windows, an event":     {logon, `"100"`, `"101"`, true},
		"Windows, a port":       {logon, "41410", "41411", true},
		"Windows, no subject":   {logon, "DC01$", "-", true},
	} {
		t.Run(name, func(t *testing.T) {
			other := strings.Replace(tc.record, tc.old, tc.new, 1)
			if same := decodeOne(t, other).Fingerprint == decodeOne(t, tc.record).Fingerprint; same != tc.same || other == tc.record {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
	named := hostile.Alerts(t, hostile.Body(t, Decoder{Cluster: "prod"}, []byte(guessed)))[0]
	if named.Fingerprint == decodeOne(t, guessed).Fingerprint {
		t.Error("the cluster of the source makes no difference")
	}
}

func TestHostile(t *testing.T) {
	hostile.Alter(t, Decoder{}, guessed)
	hostile.Alter(t, Decoder{}, signature)
	hostile.Alter(t, Decoder{}, `{"rule": {"id": "60122"}, `+failedLogon+`}`)
}

func TestSent(t *testing.T) { hostile.Sent(t, Decoder{}, guessed) }

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, guessed, signature, `{"rule": {"id": "60122"}, `+failedLogon+`}`, `{"full_log": "x"}`, `{"rule": {"id": 7, "groups": {}, "mitre": []}, "data": [], "agent": null}`,
		`{"rule": {"id": "1", "groups": ["ids"]}, "data": {"id": "::", "dstip": ":80", "objectRef": {"resource": "pods"}, "sourceIPs": [7]}}`)
}

func TestTechniquesByName(t *testing.T) {
	for mitre, want := range map[string][]string{
		`{"technique": ["Brute Force", "SSH", "Domain Account"]}`: {"T1021.004", "T1110"},
		`{"id": ["T1078"], "technique": ["Brute Force"]}`:         {"T1078"},
	} {
		got := decodeOne(t, `{"rule": {"id": "5712", "description": "d", "level": 10, "mitre": `+mitre+`}}`)
		if diff := cmp.Diff(want, got.Techniques); diff != "" {
			t.Error(mitre, diff)
		}
	}
}
