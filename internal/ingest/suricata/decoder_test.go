package suricata

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

const scanned = `{"timestamp": "2026-03-04T06:06:05.123456+0100", "flow_id": 1914330066006315, "in_iface": "eth0", "event_type": "alert", "host": "Worker-1",
  "src_ip": "203.0.113.7", "src_port": 41410, "dest_ip": "10.0.0.5", "dest_port": 8080, "proto": "TCP", "tx_id": 57, "app_proto": "http", "direction": "to_server",
  "alert": {"action": "allowed", "gid": 1, "signature_id": 2016184, "rev": 5, "signature": "WEB_SERVER administrator access", "category": "Web Application Attack", "severity": 1,
    "source": {"ip": "203.0.113.7", "port": 41410}, "target": {"ip": "10.0.0.5", "port": 8080},
    "metadata": {"mitre_tactic_id": ["TA0001"], "mitre_tactic_name": ["Initial_Access"], "mitre_technique_id": ["T1190"], "signature_severity": ["Major"]}},
  "http": {"hostname": "shop.example.com", "http_port": 8080, "url": "/admin/?password=hunter22", "http_method": "GET", "status": 302},
  "tls": {"sni": "Login.example.com"}, "dns": {"query": [{"type": "query", "rrname": "a.example.org"}], "queries": [{"rrname": "b.example.org"}]},
  "fileinfo": {"filename": "/admin/", "sha256": "` + hash + `"}, "files": [{"filename": "x", "sha256": "00"}],
  "flow": {"src_ip": "203.0.113.7", "dest_ip": "10.0.0.5", "src_port": 41410, "dest_port": 8080}}`

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
	when := time.Date(2026, 3, 4, 5, 6, 5, 123456000, time.UTC)
	got := decodeOne(t, scanned)
	want := model.Alert{
		Service: "suricata", Rule: "2016184", Title: "WEB_SERVER administrator access",
		Description: "Category: Web Application Attack\nAction: allowed\nConnection: TCP 203.0.113.7 port 41410 to 10.0.0.5 port 8080\n" +
			"Request: GET shop.example.com/admin/?password=[redacted]\nServer name: Login.example.com",
		Severity:   model.SeverityHigh,
		Tactics:    []model.Tactic{model.TacticInitialAccess},
		Techniques: []string{"T1190"},
		First:      when, Last: when,
		Fingerprint: got.Fingerprint,
		Entities: []model.Entity{
			evidence(model.KindIP, "203.0.113.7", model.RoleAttacker),
			evidence(model.KindIP, "10.0.0.5", model.RoleAttacked),
			evidence(model.KindDomainName, "shop.example.com", model.RoleSuspicious),
			evidence(model.KindDomainName, "login.example.com", model.RoleSuspicious),
			evidence(model.KindDomainName, "a.example.org", model.RoleSuspicious),
			evidence(model.KindDomainName, "b.example.org", model.RoleSuspicious),
			evidence(model.KindURL, "http://shop.example.com:8080/admin/", model.RoleSuspicious),
			evidence(model.KindFile, "sha256:"+hash, model.RoleSuspicious),
			{Key: model.Key{Kind: model.KindNode, Name: "worker-1"}, Role: model.RoleContextual, Category: model.CategoryAsset},
		},
		Occurrences: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		fields string
		want   []model.Entity
	}{
		"the rule does not say who attacks": {
			`"src_ip": "203.0.113.7", "dest_ip": "10.0.0.5"`,
			[]model.Entity{evidence(model.KindIP, "203.0.113.7", model.RoleSource), evidence(model.KindIP, "10.0.0.5", model.RoleDestination)},
		},
		"a peer by its address": {`"http": {"hostname": "203.0.113.7:8080", "url": "/x"}`,
			[]model.Entity{evidence(model.KindURL, "http://203.0.113.7:8080/x", model.RoleSuspicious)}},
		"an old answer of DNS":     {`"dns": {"rrname": "a.example.org"}`, []model.Entity{evidence(model.KindDomainName, "a.example.org", model.RoleSuspicious)}},
		"the machine to itself":    {`"src_ip": "0000:0000:0000:0000:0000:0000:0000:0001", "dest_ip": "127.0.0.1"`, nil},
		"an address in full":       {`"src_ip": "2001:0db8:0000:0000:0000:0000:0000:0007"`, []model.Entity{evidence(model.KindIP, "2001:db8::7", model.RoleSource)}},
		"a request without a host": {`"http": {"url": "/x"}`, nil},
		"a name without a domain":  {`"tls": {"sni": "x"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, `{"event_type": "alert", "alert": {"signature_id": 1}, `+tc.fields+`}`)
			if diff := cmp.Diff(tc.want, got.Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSeverity(t *testing.T) {
	for level, want := range map[string]model.Severity{
		"1": model.SeverityHigh, "2": model.SeverityMedium, "3": model.SeverityLow, "4": model.SeverityInformational, "255": model.SeverityMedium, `"x"`: model.SeverityMedium,
	} {
		if got := decodeOne(t, `{"event_type": "alert", "alert": {"signature_id": 1, "severity": `+level+`}}`).Severity; got != want {
			t.Errorf("%s is %s, want %s", level, got, want)
		}
	}
}

func TestNoAlert(t *testing.T) {
	for name, tc := range map[string]struct {
		record, message string
		drop            decode.Drop
	}{
		"a flow":               {record: `{"event_type": "flow", "alert": {"signature_id": 1}}`, drop: decode.DropTelemetry},
		"statistics":           {record: `{"event_type": "stats"}`, drop: decode.DropHealth},
		"no type":              {record: `{"alert": {"signature_id": 1}}`, message: errNoType.Error()},
		"type of another type": {record: `{"event_type": ["alert"]}`, message: errNoType.Error()},
		"no signature":         {record: `{"event_type": "alert", "alert": {"signature": " "}}`, message: errNoRule.Error()},
		"alert is no object":   {record: `{"event_type": "alert", "alert": "x"}`, message: errNoRule.Error()},
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
	const answer = `{"event_type": "alert", "src_ip": "203.0.113.7", "src_port": 443, "dest_ip": "10.0.0.5", "dest_port": 50001, "direction": "to_client", "alert": {"signature_id": 1}}`
	for name, tc := range map[string]struct {
		record, old, new string
		same             bool
	}{
		"another connection":       {scanned, `"src_port": 41410, "dest_ip"`, `"src_port": 41411, "dest_ip"`, true},
		"another flow":             {scanned, "1914330066006315", "1914330066006316", true},
		"another time":             {scanned, "06:06:05", "06:06:06", true},
		"another page":             {scanned, "/admin/", "/root/", true},
		"another revision":         {scanned, `"rev": 5, "signature": "WEB_SERVER`, `"rev": 6, "signature": "ET WEB_SERVER`, true},
		"an answer, another port":  {answer, "50001", "50002", true},
		"an answer, other service": {answer, `"src_port": 443`, `"src_port": 8443`, false},
		"another signature":        {scanned, `"signature_id": 2016184`, `"signature_id": 2016185`, false},
		"another source":           {scanned, `"src_ip": "203.0.113.7", "src_port": 41410, "dest_ip": "10`, `"src_ip": "203.0.113.8", "src_port": 41410, "dest_ip": "10`, false},
		"another destination":      {scanned, `"dest_ip": "10.0.0.5", "dest_port": 8080, "proto"`, `"dest_ip": "10.0.0.6", "dest_port": 8080, "proto"`, false},
		"another service":          {scanned, `"src_port": 41410, "dest_port": 8080}`, `"src_port": 41410, "dest_port": 8081}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			other := strings.Replace(tc.record, tc.old, tc.new, 1)
			if same := decodeOne(t, other).Fingerprint == decodeOne(t, tc.record).Fingerprint; same != tc.same || other == tc.record {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
	named := hostile.Alerts(t, hostile.Body(t, Decoder{Cluster: "prod"}, []byte(scanned)))[0]
	if named.Fingerprint == decodeOne(t, scanned).Fingerprint {
		t.Error("the cluster of the source makes no difference")
	}
}

func TestHostile(t *testing.T) { hostile.Alter(t, Decoder{}, scanned) }

func TestSent(t *testing.T) { hostile.Sent(t, Decoder{}, scanned) }

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, scanned, `{"event_type": "stats"}`, `{"event_type": "alert", "alert": {"signature": "x", "metadata": []}, "dns": {"query": {}}, "files": [7, {}]}`,
		`{"event_type": "alert", "alert": {"signature_id": 1}, "http": {"hostname": "%zz", "url": "/%zz"}}`)
}
