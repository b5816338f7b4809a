package ocsf

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const detection = `{
  "class_uid": 2004, "class_name": "Detection Finding", "type_uid": 200401, "activity_id": 1, "severity_id": 5, "severity": "Critical",
  "time": 1772600000000, "message": "m", "status_id": 1,
  "metadata": {"version": "1.3.0", "uid": "event-7", "correlation_uid": "case-9", "product": {"vendor_name": "Acme", "name": "Sensor"}},
  "finding_info": {"uid": "f-1", "title": "Miner in a pod", "desc": "xmrig was run", "first_seen_time": 1772596400000,
    "last_seen_time_dt": "2026-03-04T04:30:00Z", "analytic": {"name": "behaviour"}, "types": ["a/b"],
    "attacks": [{"tactics": [{"uid": "TA0040", "name": "Impact"}], "technique": {"uid": "T1496", "name": "Resource Hijacking"}, "sub_technique": {"uid": "T1496.001"}}]},
  "remediation": {"desc": "Delete the pod."},
  "resources": [{"type": "Pod", "namespace": "shop", "name": "cart-0", "uid": "8e5f"}, {"type": "AwsEksCluster", "uid": "arn:aws:eks:eu-west-1:1:cluster/prod"}],
  "evidences": [{"process": {"name": "xmrig", "cmd_line": "xmrig --token secretsecret", "user": {"name": "ann"}, "container": {"uid": "5892b41bcf46aabb", "image": {"name": "cart", "tag": "1"}},
      "file": {"path": "/tmp/xmrig", "hashes": [{"algorithm_id": 3, "value": "8963a19fb992ad9a76576c5638fd68292cffb9aaac29eb8285f9abf6196a7dec"}]}},
    "dst_endpoint": {"ip": "203.0.113.7", "domain": "pool.example.com"}, "actor": {"user": {"name": "system:serviceaccount:shop:cart"}}}],
  "observables": [{"name": "evidences[].dst_endpoint.ip", "type_id": 2, "value": "203.0.113.7"}, {"name": "resources[].uid", "type_id": 10, "value": "vm-1"}]}`

func decodeOne(t *testing.T, event string) decode.Decoded {
	t.Helper()
	decoded, err := Decoder{}.Decode([]byte(event), hostile.Received)
	if err != nil || decoded.Drop != "" {
		t.Fatalf("%v, drop %q", err, decoded.Drop)
	}
	return decoded
}

func asset(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryAsset}
}

func evidenceOf(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

func TestDecode(t *testing.T) {
	want := decode.Decoded{Alert: model.Alert{
		Service: "Acme Sensor", Detection: "behaviour", Rule: "Miner in a pod", Title: "Miner in a pod",
		Description: "xmrig was run", RecommendedActions: "Delete the pod.",
		Severity:    model.SeverityHigh,
		Tactics:     []model.Tactic{model.TacticImpact},
		Techniques:  []string{"T1496", "T1496.001"},
		First:       time.Date(2026, 3, 4, 3, 53, 20, 0, time.UTC),
		Last:        time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC),
		Fingerprint: decode.Fingerprint(Service, "Acme Sensor", "f-1"),
		Entities: []model.Entity{
			asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
			asset(model.KindCloudResource, "arn:aws:eks:eu-west-1:1:cluster/prod", model.RoleAttacked),
			asset(model.KindServiceAccount, "shop/cart", model.RoleAttacker),
			asset(model.KindContainer, "5892b41bcf46", model.RoleAttacked),
			evidenceOf(model.KindImage, "cart:1", model.RoleContextual),
			evidenceOf(model.KindProcess, "5892b41bcf46:/tmp/xmrig", model.RoleSuspicious),
			evidenceOf(model.KindFile, "sha256:8963a19fb992ad9a76576c5638fd68292cffb9aaac29eb8285f9abf6196a7dec", model.RoleSuspicious),
			evidenceOf(model.KindIP, "203.0.113.7", model.RoleDestination),
			evidenceOf(model.KindDomainName, "pool.example.com", model.RoleDestination),
			asset(model.KindCloudResource, "vm-1", model.RoleUnknown),
		},
		ProviderIncident: "case-9",
		Occurrences:      1,
	}}
	if diff := cmp.Diff(want, decodeOne(t, detection)); diff != "" {
		t.Error(diff)
	}
}

func TestClasses(t *testing.T) {
	for name, tc := range map[string]struct {
		event, title, incident string
		severity               model.Severity
		resolved               bool
	}{
		"Security Finding": {
			event: `{"class_uid":2001,"finding":{"uid":"1","title":"old"},"severity_id":2,"state_id":1}`, title: "old", severity: model.SeverityLow},
		"Vulnerability": {
			event: `{"class_uid":2002,"finding_info":{"title":"CVE-2026-1 in x"},"severity":"Critical"}`, title: "CVE-2026-1 in x", severity: model.SeverityHigh},
		"Compliance that failed": {
			event: `{"class_uid":2003,"finding_info":{"title":"c"},"compliance":{"status":"Fail","status_id":3},"severity_id":99}`, title: "c", severity: model.SeverityMedium},
		"Incident": {
			event: `{"class_uid":2005,"message":"i","metadata":{"uid":"inc-1"},"finding_info_list":[{"uid":"f-1","title":"part"}],"severity_id":6}`,
			title: "i", incident: "inc-1", severity: model.SeverityHigh},
		"class from the type":     {event: `{"type_uid":200401,"message":"m","severity_id":0}`, title: "m", severity: model.SeverityMedium},
		"closed":                  {event: `{"class_uid":2004,"message":"m","activity_id":3,"severity_id":1}`, title: "m", resolved: true, severity: model.SeverityInformational},
		"resolved":                {event: `{"class_uid":2004,"message":"m","status_id":4}`, title: "m", resolved: true, severity: model.SeverityMedium},
		"resolved, old":           {event: `{"class_uid":2001,"message":"m","state_id":4}`, title: "m", resolved: true, severity: model.SeverityMedium},
		"incident that is closed": {event: `{"class_uid":2005,"desc":"m","status_id":"5"}`, title: "m", resolved: true, severity: model.SeverityMedium},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, tc.event)
			a := got.Alert
			if a.Title != tc.title || a.Severity != tc.severity || got.Resolved != tc.resolved || a.ProviderIncident != tc.incident {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		event string
		want  []model.Entity
	}{
		"on a host": {
			event: `{"class_uid":2004,"message":"m","device":{"hostname":"Host1"},"actor":{"user":{"name":"Max"},"process":{"name":"sh","user":{"name":"root"}}},
				"evidences":[{"file":{"path":"/etc/shadow"},"src_endpoint":{"ip":"10.0.0.5"},"url":{"url_string":"https://evil.example/x"},"query":{"hostname":"evil.example"}}]}`,
			want: []model.Entity{
				asset(model.KindDevice, "host1", model.RoleAttacked),
				asset(model.KindUser, `host1\Max`, model.RoleAttacker),
				evidenceOf(model.KindProcess, "host1:sh", model.RoleSuspicious),
				evidenceOf(model.KindFile, "host1:/etc/shadow", model.RoleSuspicious),
				evidenceOf(model.KindIP, "10.0.0.5", model.RoleSource),
				evidenceOf(model.KindURL, "https://evil.example/x", model.RoleSuspicious),
				evidenceOf(model.KindDomainName, "evil.example", model.RoleSuspicious),
			},
		},
		"observables alone": {
			event: `{"class_uid":2004,"message":"m","observables":[{"name":"source_address","type_id":2,"value":"203.0.113.7"},
				{"name":"local_destination","type_id":"2","value":"10.0.0.5"},{"name":"assignee.name","type_id":4,"value":"Ann"},
				{"name":"actor.user.name","type_id":4,"value":"max"},{"name":"x","type_id":99,"value":"y"},{"name":"h","type_id":1,"value":"Host1"},
				{"name":"mail","type_id":5,"value":"A@example.com"},{"name":"user","type_id":21,"value":null}]}`,
			want: []model.Entity{
				evidenceOf(model.KindIP, "203.0.113.7", model.RoleSource),
				evidenceOf(model.KindIP, "10.0.0.5", model.RoleDestination),
				asset(model.KindUser, "max", model.RoleUnknown),
				asset(model.KindDevice, "host1", model.RoleUnknown),
				asset(model.KindMailbox, "a@example.com", model.RoleUnknown),
			},
		},
		"users": {
			event: `{"class_uid":2004,"message":"m","actor":{"user":{"uid":"1000"}},"evidences":[{"actor":{"user":{"email_addr":"A@example.com","name":"x"}}},
				{"actor":{"user":{"uid":"arn:aws:iam::1:user/x"}}},{"actor":{"user":{"name":"root"}}}]}`,
			want: []model.Entity{
				asset(model.KindUser, "a@example.com", model.RoleAttacker),
				asset(model.KindUser, "arn:aws:iam::1:user/x", model.RoleAttacker),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeOne(t, tc.event).Alert.Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		event, message string
		drop           decode.Drop
	}{
		"no class":          {event: `{"message":"x"}`, message: errNoClass.Error()},
		"class is a word":   {event: `{"class_uid":"x","message":"x"}`, message: errNoClass.Error()},
		"no title":          {event: `{"class_uid":2004}`, message: errNoTitle.Error()},
		"not an object":     {event: `[]`, message: "a JSON object is needed, not a array"},
		"API activity":      {event: `{"class_uid":6003,"message":"x"}`, drop: decode.DropTelemetry},
		"check that passed": {event: `{"class_uid":2003,"message":"x","compliance":{"status":"PASSED"}}`, drop: decode.DropTelemetry},
		"passed by id":      {event: `{"class_uid":2003,"message":"x","compliance":{"status_id":1}}`, drop: decode.DropTelemetry},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := hostile.Record(t, Decoder{}, []byte(`{"detail":{"findings":[`+tc.event+`]}}`))[0]
			if outcome.Drop != tc.drop || tc.message != "" && (outcome.Err == nil || outcome.Err.Error() != tc.message) {
				t.Errorf("drop %q, %v", outcome.Drop, outcome.Err)
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	const base = `{"class_uid":2004,"metadata":{"uid":"e1","product":{"name":"P"}},"finding_info":{"uid":"1","title":"t"},"time":1772600000000,"count":1}`
	for name, tc := range map[string]struct {
		event string
		same  bool
	}{
		"the finding is closed":          {event: `{"class_uid":2004,"activity_id":3,"metadata":{"uid":"e2","product":{"name":"P"}},"finding_info":{"uid":"1","title":"u"},"count":2}`, same: true},
		"another finding":                {event: `{"class_uid":2004,"metadata":{"uid":"e1","product":{"name":"P"}},"finding_info":{"uid":"2","title":"t"}}`},
		"the same id of another product": {event: `{"class_uid":2004,"metadata":{"product":{"name":"Q"}},"finding_info":{"uid":"1","title":"t"}}`},
		"an incident of that finding":    {event: `{"class_uid":2005,"message":"t","metadata":{"uid":"i","product":{"name":"P"}},"finding_info_list":[{"uid":"1","title":"t"}]}`},
		"without ids":                    {event: `{"class_uid":2004,"metadata":{"uid":"e1","product":{"name":"P"}},"finding_info":{"title":"t"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if same := decodeOne(t, base).Alert.Fingerprint == decodeOne(t, tc.event).Alert.Fingerprint; same != tc.same {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
	const without = `{"class_uid":2004,"message":"t","device":{"hostname":"a"},"metadata":{"uid":"1"}}`
	const later = `{"class_uid":2004,"message":"t","device":{"hostname":"a"},"metadata":{"uid":"2"},"time":1}`
	if decodeOne(t, without).Alert.Fingerprint != decodeOne(t, later).Alert.Fingerprint {
		t.Error("the same finding without an id has two fingerprints")
	}
}

func TestHostile(t *testing.T) {
	hostile.Alter(t, Decoder{}, detection)
	hostile.Sent(t, Decoder{}, detection)
	hostile.Sent(t, Decoder{}, `{"detail-type":"Findings Imported V2","detail":{"findings":[`+detection+`,`+detection+`]}}`)
}

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, detection, `{"class_uid":2005,"message":"x","finding_info_list":[{"uid":1}]}`,
		`{"type_uid":-1}`, `{"class_uid":2003,"compliance":{"status_id":1}}`)
}

func TestTechniquesByName(t *testing.T) {
	for attacks, want := range map[string][]string{
		`{"technique": {"name": "Brute Force"}, "sub_technique": {"name": "Password Spraying"}}`: {"T1110", "T1110.003"},
		`{"technique": {"uid": "T1078", "name": "Brute Force"}}`:                                 {"T1078"},
		`{"tactic": {"name": "Brute Force"}}`:                                                    nil,
	} {
		got := decodeOne(t, `{"class_uid": 2004, "message": "m", "attacks": [`+attacks+`]}`)
		if diff := cmp.Diff(want, got.Alert.Techniques); diff != "" {
			t.Error(attacks, diff)
		}
	}
}
