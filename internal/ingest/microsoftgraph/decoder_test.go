package microsoftgraph

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const podAlert = `{
  "@odata.type": "#microsoft.graph.security.alert", "id": "dc1", "providerAlertId": "p1", "incidentId": "42", "status": "new",
  "severity": "high", "serviceSource": "microsoftDefenderForCloud", "detectionSource": "microsoftDefenderForContainers",
  "title": "Reverse shell in a container", "description": "sh spoke to 203.0.113.7", "recommendedActions": "Isolate the pod.",
  "category": "Execution", "mitreTechniques": ["T1059.004", "not one"],
  "createdDateTime": "2026-03-04T05:00:00Z", "firstActivityDateTime": "2026-03-04T04:00:00.1234567Z",
  "lastActivityDateTime": "2026-03-04T04:30:00Z", "lastUpdateDateTime": "2026-03-04T05:01:00Z",
  "evidence": [
    {"@odata.type": "#microsoft.graph.security.kubernetesPodEvidence", "roles": ["unknown", "compromised"], "name": "cart-0",
     "namespace": {"name": "shop", "cluster": {"name": "prod"}}, "controller": {"type": "StatefulSet", "name": "cart"},
     "serviceAccount": {"name": "cart"}, "containers": [{"containerId": "containerd://5892b41bcf46aabbccddeeff00112233445566778899aabbccddeeff00112233",
     "image": {"imageId": "docker.io/library/cart:1.2"}}]},
    {"@odata.type": "#microsoft.graph.security.kubernetesClusterEvidence", "roles": ["contextual"], "name": "prod"},
    {"@odata.type": "#microsoft.graph.security.ipEvidence", "roles": ["commandAndControl"], "ipAddress": "203.0.113.7"}]}`

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
	got := decodeOne(t, podAlert)
	want := decode.Decoded{Alert: model.Alert{
		Service: "microsoftDefenderForCloud", Detection: "microsoftDefenderForContainers",
		Rule: "Reverse shell in a container", Title: "Reverse shell in a container",
		Description: "sh spoke to 203.0.113.7", RecommendedActions: "Isolate the pod.",
		Severity:    model.SeverityHigh,
		Tactics:     []model.Tactic{model.TacticExecution},
		Techniques:  []string{"T1059.004"},
		First:       time.Date(2026, 3, 4, 4, 0, 0, 123456700, time.UTC),
		Last:        time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC),
		Fingerprint: decode.Fingerprint(Service, "dc1"),
		Entities: []model.Entity{
			asset(model.KindPod, "shop/cart-0", model.RoleCompromised),
			asset(model.KindWorkload, "shop/StatefulSet/cart", model.RoleCompromised),
			asset(model.KindServiceAccount, "shop/cart", model.RoleContextual),
			asset(model.KindContainer, "5892b41bcf46", model.RoleCompromised),
			evidenceOf(model.KindImage, "cart:1.2", model.RoleContextual),
			asset(model.KindCluster, "prod", model.RoleContextual),
			evidenceOf(model.KindIP, "203.0.113.7", model.RoleCommandAndControl),
		},
		ProviderIncident: "42",
		Occurrences:      1,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// around puts evidence into an alert.
func around(member string) string { return `{"id":"1","title":"t",` + member + `}` }

func TestEntities(t *testing.T) {
	const digest = "8963a19fb992ad9a76576c5638fd68292cffb9aaac29eb8285f9abf6196a7dec"
	for name, tc := range map[string]struct {
		event string
		want  []model.Entity
	}{
		"files and processes on a device": {
			event: around(`"evidence":[
				{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":"ABC","deviceDnsName":"Laptop1.Example.com","roles":["compromised"],
				 "vmMetadata":{"resourceId":"/subscriptions/S1/virtualMachines/VM"}},
				{"@odata.type":"#microsoft.graph.security.fileEvidence","mdeDeviceId":"abc","fileDetails":{"fileName":"x.exe","filePath":"C:\\Temp"}},
				{"@odata.type":"#microsoft.graph.security.processEvidence","mdeDeviceId":"abc","processId":7,"roles":["suspicious"],
				 "imageFile":{"fileName":"y.exe","filePath":"C:\\Temp\\","sha256":"` + digest + `"},
				 "userAccount":{"accountName":"SYSTEM","domainName":"NT AUTHORITY","userSid":"S-1-5-18"}}]`),
			want: []model.Entity{
				asset(model.KindDevice, "laptop1.example.com", model.RoleCompromised),
				asset(model.KindCloudResource, "/subscriptions/s1/virtualmachines/vm", model.RoleContextual),
				evidenceOf(model.KindFile, `laptop1.example.com:C:\Temp\x.exe`, model.RoleUnknown),
				evidenceOf(model.KindProcess, `laptop1.example.com:C:\Temp\y.exe`, model.RoleSuspicious),
				evidenceOf(model.KindFile, "sha256:"+digest, model.RoleSuspicious),
			},
		},
		"accounts": {
			event: around(`"evidence":[
				{"userAccount":{"accountName":"jo","domainName":"CORP","userPrincipalName":"Jo@Example.com"}},
				{"userAccount":{"accountName":"Max","domainName":"CORP","userSid":"S-1-5-21-1"}},
				{"userAccount":{"userSid":"S-1-5-21-2"}}, {"userAccount":{"userSid":"S-1-5-18"}},
				{"userAccount":{"accountName":"LOCAL SERVICE","domainName":"NT AUTHORITY"}}]`),
			want: []model.Entity{
				asset(model.KindUser, "jo@example.com", model.RoleUnknown),
				asset(model.KindUser, `corp\max`, model.RoleUnknown),
				asset(model.KindUser, "S-1-5-21-2", model.RoleUnknown),
			},
		},
		"a message": {
			event: around(`"evidence":[{"@odata.type":"#microsoft.graph.security.analyzedMessageEvidence","networkMessageId":"AB-1",
				"recipientEmailAddress":"Jo@Example.com","senderIp":"203.0.113.7","urls":["https://Evil.example/a","evil.example"],"roles":["destination"]}]`),
			want: []model.Entity{
				evidenceOf(model.KindMailMessage, "ab-1", model.RoleDestination),
				asset(model.KindMailbox, "jo@example.com", model.RoleAttacked),
				evidenceOf(model.KindIP, "203.0.113.7", model.RoleSource),
				evidenceOf(model.KindURL, "https://evil.example/a", model.RoleSuspicious),
				evidenceOf(model.KindDomainName, "evil.example", model.RoleSuspicious),
			},
		},
		"objects of Kubernetes": {
			event: around(`"evidence":[
				{"@odata.type":"#microsoft.graph.security.kubernetesControllerEvidence","name":"web","type":"deployment","namespace":{"name":"shop"}},
				{"@odata.type":"#microsoft.graph.security.kubernetesSecretEvidence","name":"db","namespace":{"name":"shop"}},
				{"@odata.type":"#microsoft.graph.security.kubernetesServiceAccountEvidence","name":"cart","namespace":{"name":"shop"}},
				{"@odata.type":"#microsoft.graph.security.kubernetesNamespaceEvidence","name":"shop"},
				{"@odata.type":"#microsoft.graph.security.containerImageEvidence","imageId":"web:1","digestImage":{"imageId":"web@sha256:` + digest + `"}},
				{"@odata.type":"#microsoft.graph.security.containerEvidence","containerId":"5892b41bcf46","pod":{"name":"web-1","namespace":{"name":"shop"},"serviceAccount":{"name":"default"}}},
				{"@odata.type":"#microsoft.graph.security.amazonResourceEvidence","amazonResourceId":"arn:aws:s3:::B"}]`),
			want: []model.Entity{
				asset(model.KindWorkload, "shop/Deployment/web", model.RoleUnknown),
				asset(model.KindSecret, "shop/db", model.RoleUnknown),
				asset(model.KindServiceAccount, "shop/cart", model.RoleUnknown),
				asset(model.KindNamespace, "shop", model.RoleUnknown),
				evidenceOf(model.KindImage, "sha256:"+digest, model.RoleUnknown),
				asset(model.KindContainer, "5892b41bcf46", model.RoleUnknown),
				asset(model.KindPod, "shop/web-1", model.RoleUnknown),
				asset(model.KindCloudResource, "arn:aws:s3:::B", model.RoleUnknown),
			},
		},
		"Defender XDR over REST": {
			event: around(`"devices":[{"mdatpDeviceId":"D1","deviceDnsName":"Host1"}, {"mdatpDeviceId":"D2"}],
				"entities":[{"entityType":"Process","deviceId":"d1","fileName":"a","filePath":"/tmp","processId":3},
				{"entityType":"User","accountName":"Max","domainName":"corp","deviceId":null},{"entityType":"Url","url":"https://evil.example/"},
				{"entityType":"MailMessage","sender":"A@x.example","recipient":"b@y.example","subject":"Pay Now"}]`),
			want: []model.Entity{
				asset(model.KindDevice, "host1", model.RoleUnknown),
				asset(model.KindDevice, "d2", model.RoleUnknown),
				evidenceOf(model.KindProcess, "host1:/tmp/a", model.RoleUnknown),
				evidenceOf(model.KindFile, "host1:/tmp/a", model.RoleUnknown),
				asset(model.KindUser, `corp\max`, model.RoleUnknown),
				evidenceOf(model.KindURL, "https://evil.example/", model.RoleUnknown),
				evidenceOf(model.KindMailMessage, "a@x.example b@y.example Pay Now", model.RoleUnknown),
				asset(model.KindMailbox, "b@y.example", model.RoleAttacked),
			},
		},
		"types that are no entities": {event: around(`"evidence":[{"@odata.type":"#microsoft.graph.security.registryKeyEvidence","registryKey":"X"},
			{"@odata.type":"#microsoft.graph.security.securityGroupEvidence","displayName":"g"}, 7, null]`)},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeOne(t, tc.event).Alert.Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMapping(t *testing.T) {
	for name, tc := range map[string]struct {
		event    string
		severity model.Severity
		tactics  int
		resolved bool
	}{
		"REST spelling":        {event: around(`"severity":"Low","category":"InitialAccess"`), severity: model.SeverityLow, tactics: 1},
		"informational":        {event: around(`"severity":"informational"`), severity: model.SeverityInformational},
		"unknown severity":     {event: around(`"severity":"unknownFutureValue"`), severity: model.SeverityMedium},
		"no severity":          {event: around(`"category":"Malware"`), severity: model.SeverityMedium},
		"resolved by Graph":    {event: around(`"severity":"high","status":"resolved"`), severity: model.SeverityHigh, resolved: true},
		"resolved by Defender": {event: around(`"status":"Resolved"`), severity: model.SeverityMedium, resolved: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, tc.event)
			if got.Alert.Severity != tc.severity || len(got.Alert.Tactics) != tc.tactics || got.Resolved != tc.resolved {
				t.Errorf("%s, %v, resolved %v", got.Alert.Severity, got.Alert.Tactics, got.Resolved)
			}
			if got.Alert.Fingerprint != decode.Fingerprint(Service, "1") {
				t.Error("the fingerprint is not that of the id alone")
			}
		})
	}
}

func TestUnwrap(t *testing.T) {
	const one = `{"alertId":"1","title":"a"}`
	for name, tc := range map[string]struct {
		record string
		want   int
	}{
		"an alert":               {one, 1},
		"a page of alerts":       {`{"value":[` + one + `,` + one + `]}`, 2},
		"a page of incidents":    {`{"value":[{"incidentId":1,"alerts":[` + one + `]},{"id":"2","alerts":[` + one + `,` + one + `]}]}`, 3},
		"an incident":            {`{"id":"2","alerts":[` + one + `]}`, 1},
		"an incident of nothing": {`{"id":"2","alerts":[]}`, 0},
		"an empty page":          {`{"value":[]}`, 0},
		"a stream":               {`{"records":[{"category":"AdvancedHunting-AlertInfo","properties":` + one + `}]}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			alerts := hostile.Alerts(t, hostile.Record(t, Decoder{}, []byte(tc.record)))
			if len(alerts) != tc.want {
				t.Errorf("%d alerts, want %d", len(alerts), tc.want)
			}
		})
	}
}

func TestStream(t *testing.T) {
	got := decodeOne(t, `{"category":"AdvancedHunting-AlertInfo","properties":{"AlertId":"a","Title":"t","Severity":"High",
		"Category":"DefenseEvasion","AttackTechniques":"[\"Regsvr32 (T1218.010)\",\"X (T1)\"]","Timestamp":"2026-03-04 04:00:00.5","ServiceSource":"Microsoft Sentinel"}}`)
	a := got.Alert
	if a.Severity != model.SeverityHigh || a.Service != "Microsoft Sentinel" || a.First.Hour() != 4 ||
		!cmp.Equal(a.Techniques, []string{"T1218.010"}) || !cmp.Equal(a.Tactics, []model.Tactic{model.TacticDefenseEvasion}) {
		t.Errorf("%+v", a)
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		event, message string
		drop           decode.Drop
	}{
		"no id":           {event: `{"title":"x"}`, message: "id: is missing; an alert of alerts_v2 has an id, one of Defender XDR an alertId"},
		"no title":        {event: `{"id":"x"}`, message: "title: is missing or not a string; ask for incidents with $expand=alerts"},
		"title is a list": {event: `{"id":"x","title":[]}`, message: "title: is missing or not a string; ask for incidents with $expand=alerts"},
		"not an object":   {event: `7`, message: "a JSON object is needed, not a number"},
		"evidence alone":  {event: `{"category":"AdvancedHunting-AlertEvidence","properties":{"AlertId":"1"}}`, drop: decode.DropTelemetry},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := hostile.Record(t, Decoder{}, []byte(`{"value":[`+tc.event+`]}`))[0]
			if outcome.Drop != tc.drop || tc.message != "" && (outcome.Err == nil || outcome.Err.Error() != tc.message) {
				t.Errorf("drop %q, %v", outcome.Drop, outcome.Err)
			}
		})
	}
}

func TestHostile(t *testing.T) {
	hostile.Alter(t, Decoder{}, podAlert)
	hostile.Alter(t, Decoder{}, `{"records":[{"category":"AdvancedHunting-AlertInfo","properties":{"AlertId":"1","Title":"a"}}]}`)
	hostile.Sent(t, Decoder{}, podAlert)
	hostile.Sent(t, Decoder{}, `{"value":[`+podAlert+`,`+podAlert+`]}`)
}

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, podAlert, `{"value":[{"alerts":[{"alertId":1,"title":"x","devices":[{"mdatpDeviceId":"a"}]}]}]}`,
		`{"records":[{"category":"AdvancedHunting-AlertInfo","properties":{"AlertId":"1","Title":"a","AttackTechniques":"(T1218.010)"}}]}`)
}
