package guardduty

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const digest = "8963a19fb992ad9a76576c5638fd68292cffb9aaac29eb8285f9abf6196a7dec"

const reverseShell = `{
  "schemaVersion": "2.0", "accountId": "111122223333", "region": "eu-west-1", "id": "f1", "arn": "arn:aws:guardduty:eu-west-1:1:detector/d/finding/f1",
  "type": "Execution:Runtime/ReverseShell", "severity": 8.2, "title": "A reverse shell was started", "description": "sh spoke to 203.0.113.7",
  "createdAt": "2026-03-04T04:40:00Z", "updatedAt": "2026-03-04T04:50:00Z",
  "resource": {"resourceType": "EKSCluster", "eksClusterDetails": {"name": "prod", "arn": "arn:aws:eks:eu-west-1:1:cluster/prod", "createdAt": 1670000000.5},
    "instanceDetails": {"instanceId": "i-0abc", "networkInterfaces": [{"privateDnsName": "ip-10-0-0-5.ec2.internal"}]},
    "kubernetesDetails": {"kubernetesUserDetails": {"username": "system:serviceaccount:shop:cart"},
      "kubernetesWorkloadDetails": {"name": "cart-0", "type": "pods", "namespace": "shop", "serviceAccountName": "default",
        "containers": [{"id": "5892b41bcf46aabbccdd", "name": "c", "image": "docker.io/library/cart:1"}]}}},
  "service": {"serviceName": "guardduty", "featureName": "RuntimeMonitoring", "resourceRole": "TARGET", "count": 3, "archived": false,
    "eventFirstSeen": "2026-03-04T04:00:00.000Z", "eventLastSeen": "2026-03-04T04:30:00.000Z",
    "action": {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {"connectionDirection": "OUTBOUND", "remoteIpDetails": {"ipAddressV4": "203.0.113.7"}}},
    "runtimeDetails": {"process": {"name": "sh", "executablePath": "/bin/sh", "executableSha256": "` + digest + `"}}}}`

const fromHub = `{"SchemaVersion": "2018-10-08", "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty", "ProductName": "GuardDuty",
  "Id": "arn:aws:guardduty:eu-west-1:1:detector/d/finding/f1", "Types": ["TTPs/Defense Evasion/Stealth:IAMUser-CloudTrailLoggingDisabled"],
  "Title": "A trail was stopped", "Description": "by Ann", "Severity": {"Label": "HIGH", "Normalized": 70}, "RecordState": "ACTIVE", "Workflow": {"Status": "NEW"},
  "FirstObservedAt": "2026-03-04T04:00:00Z", "LastObservedAt": "2026-03-04T04:30:00Z", "Remediation": {"Recommendation": {"Text": "Start it."}},
  "ProductFields": {"aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4": "203.0.113.7", "aws/guardduty/service/count": "1"},
  "Resources": [{"Type": "AwsAccount", "Id": "AWS::::Account:1"}, {"Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAX", "ResourceRole": "Target",
    "Details": {"AwsIamAccessKey": {"PrincipalName": "ann"}}}]}`

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

func evidence(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

func TestDecode(t *testing.T) {
	first, last := time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC), time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		event string
		want  model.Alert
	}{
		"GuardDuty": {event: reverseShell, want: model.Alert{
			Service: "guardduty", Detection: "RuntimeMonitoring", Rule: "Execution:Runtime/ReverseShell",
			Title: "A reverse shell was started", Description: "sh spoke to 203.0.113.7",
			Severity: model.SeverityHigh, Tactics: []model.Tactic{model.TacticExecution}, First: first, Last: last,
			Fingerprint: decode.Fingerprint("guardduty", "f1"), Occurrences: 1,
			Entities: []model.Entity{
				asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
				asset(model.KindServiceAccount, "shop/cart", model.RoleAttacker),
				asset(model.KindContainer, "5892b41bcf46", model.RoleAttacked),
				evidence(model.KindImage, "cart:1", model.RoleContextual),
				asset(model.KindNode, "ip-10-0-0-5.ec2.internal", model.RoleContextual),
				asset(model.KindCluster, "prod", model.RoleContextual),
				asset(model.KindCloudResource, "i-0abc", model.RoleAttacked),
				evidence(model.KindIP, "203.0.113.7", model.RoleDestination),
				evidence(model.KindProcess, "5892b41bcf46:/bin/sh", model.RoleSuspicious),
				evidence(model.KindFile, "sha256:"+digest, model.RoleSuspicious),
			}}},
		"Security Hub": {event: fromHub, want: model.Alert{
			Service: "guardduty", Rule: "Stealth:IAMUser/CloudTrailLoggingDisabled",
			Title: "A trail was stopped", Description: "by Ann", RecommendedActions: "Start it.",
			Severity: model.SeverityHigh, Tactics: []model.Tactic{model.TacticDefenseEvasion}, First: first, Last: last,
			Fingerprint: decode.Fingerprint("guardduty", "f1"), Occurrences: 1,
			Entities: []model.Entity{
				asset(model.KindCloudResource, "ASIAX", model.RoleAttacked),
				asset(model.KindUser, "ann", model.RoleAttacker),
				evidence(model.KindIP, "203.0.113.7", model.RoleSource),
			}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, tc.event)
			got.Alert.Techniques = nil // Empty or nil.
			if diff := cmp.Diff(decode.Decoded{Alert: tc.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMapping(t *testing.T) {
	hub := func(members string) string { return `{"ProductArn":"arn","Id":"1","Title":"t",` + members + `}` }
	raw := func(members string) string { return `{"id":"1","title":"t",` + members + `}` }
	for name, tc := range map[string]struct {
		event, tactic, title string
		severity             model.Severity
		resolved             bool
	}{
		"critical":            {event: raw(`"severity":9,"type":"AttackSequence:IAM/CompromisedCredentials"`), title: "t", severity: model.SeverityHigh},
		"medium":              {event: raw(`"severity":6.9,"type":"CryptoCurrency:EC2/BitcoinTool.B"`), title: "t", tactic: "Impact", severity: model.SeverityMedium},
		"low":                 {event: raw(`"severity":"3.9","type":"Recon:EC2/PortProbe"`), title: "t", tactic: "Discovery", severity: model.SeverityLow},
		"no severity":         {event: raw(`"type":"Policy:Kubernetes/ExposedDashboard"`), title: "t", severity: model.SeverityMedium},
		"nonsense severity":   {event: raw(`"severity":1e300,"type":"Stealth:S3/X"`), title: "t", tactic: "DefenseEvasion", severity: model.SeverityMedium},
		"archived":            {event: raw(`"severity":5,"service":{"archived":true}`), title: "t", severity: model.SeverityMedium, resolved: true},
		"sample":              {event: raw(`"severity":8,"service":{"additionalInfo":{"sample":true}}`), title: "[SAMPLE] t", severity: model.SeverityInformational},
		"sample in the hub":   {event: hub(`"Severity":{"Label":"HIGH"},"Sample":true`), title: "[SAMPLE] t", severity: model.SeverityInformational},
		"hub, other product":  {event: hub(`"Severity":{"Label":"CRITICAL"},"ProductName":"Inspector","Types":["TTPs/Execution"]`), title: "t", tactic: "Execution", severity: model.SeverityHigh},
		"hub, informational":  {event: hub(`"Severity":{"Label":"INFORMATIONAL"}`), title: "t", severity: model.SeverityInformational},
		"hub, a sequence":     {event: hub(`"Severity":{"Label":"CRITICAL"},"Detection":{"Sequence":{"SequenceIndicators":[{"Key":"ATTACK_TACTIC","Values":["Impact"]}]}}`), title: "t", tactic: "Impact", severity: model.SeverityHigh},
		"hub, no severity":    {event: hub(`"Severity":7`), title: "t", severity: model.SeverityMedium},
		"hub, archived":       {event: hub(`"Severity":{"Label":"LOW"},"RecordState":"ARCHIVED"`), title: "t", severity: model.SeverityLow, resolved: true},
		"hub, work is done":   {event: hub(`"Severity":{"Label":"LOW"},"Workflow":{"Status":"RESOLVED"}`), title: "t", severity: model.SeverityLow, resolved: true},
		"names of the API":    {event: `{"Id":"1","Title":"t","Type":"Discovery:Kubernetes/X","Severity":4}`, title: "t", tactic: "Discovery", severity: model.SeverityMedium},
		"failed check in hub": {event: hub(`"Compliance":{"Status":"FAILED"},"Severity":{"Label":"LOW"}`), title: "t", severity: model.SeverityLow},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, tc.event)
			var tactic string
			if len(got.Alert.Tactics) > 0 {
				tactic = string(got.Alert.Tactics[0])
			}
			if got.Alert.Severity != tc.severity || tactic != tc.tactic || got.Alert.Title != tc.title || got.Resolved != tc.resolved {
				t.Errorf("%s, %q, %q, resolved %v", got.Alert.Severity, tactic, got.Alert.Title, got.Resolved)
			}
		})
	}
}

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		event string
		want  []model.Entity
	}{
		"a call to the API server": {
			event: `{"id":"1","title":"t","resource":{"eksClusterDetails":{"name":"prod"},"kubernetesDetails":{"kubernetesUserDetails":{"username":"ann","impersonatedUser":{"username":"system:masters-x"}}}},
				"service":{"resourceRole":"TARGET","action":{"kubernetesApiCallAction":{"verb":"list","sourceIps":["203.0.113.7","10.0.0.1"],"remoteIpDetails":{"ipAddressV4":"203.0.113.7"}}}}}`,
			want: []model.Entity{
				asset(model.KindUser, "ann", model.RoleAttacker),
				asset(model.KindUser, "system:masters-x", model.RoleAttacker),
				asset(model.KindCluster, "prod", model.RoleContextual),
				evidence(model.KindIP, "203.0.113.7", model.RoleSource),
			},
		},
		"a call to AWS": {
			event: `{"id":"1","title":"t","resource":{"accessKeyDetails":{"accessKeyId":"ASIAX","userName":"ann"},"s3BucketDetails":[{"arn":"arn:aws:s3:::b"}]},
				"service":{"action":{"awsApiCallAction":{"remoteIpDetails":{"ipAddressV6":"2001:db8::1"},"affectedResources":{"B":"b","A":"a"}}}}}`,
			want: []model.Entity{
				asset(model.KindCloudResource, "arn:aws:s3:::b", model.RoleAttacked),
				asset(model.KindCloudResource, "ASIAX", model.RoleCompromised),
				asset(model.KindUser, "ann", model.RoleAttacker),
				evidence(model.KindIP, "2001:db8::1", model.RoleSource),
				asset(model.KindCloudResource, "a", model.RoleAttacked),
				asset(model.KindCloudResource, "b", model.RoleAttacked),
			},
		},
		"an instance that acts": {
			event: `{"id":"1","title":"t","resource":{"instanceDetails":{"instanceId":"i-1"}},"service":{"resourceRole":"ACTOR","action":{"dnsRequestAction":{"domain":"evil.example"}},
				"runtimeDetails":{"process":{"name":"sh"}}}}`,
			want: []model.Entity{
				asset(model.KindCloudResource, "i-1", model.RoleCompromised),
				evidence(model.KindDomainName, "evil.example", model.RoleDestination),
				evidence(model.KindProcess, "i-1:sh", model.RoleSuspicious),
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

func TestUnwrap(t *testing.T) {
	const one = `{"id":"1","title":"a"}`
	for name, tc := range map[string]struct {
		record string
		want   int
	}{
		"a finding":        {one, 1},
		"EventBridge":      {`{"detail-type":"GuardDuty Finding","detail":` + one + `}`, 1},
		"Security Hub":     {`{"detail-type":"Security Hub Findings - Imported","detail":{"findings":[` + one + `,` + one + `]}}`, 2},
		"answer of an API": {`{"Findings":[` + one + `]}`, 1},
		"empty":            {`{"findings":[]}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if alerts := hostile.Alerts(t, hostile.Record(t, Decoder{}, []byte(tc.record))); len(alerts) != tc.want {
				t.Errorf("%d alerts, want %d", len(alerts), tc.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		event, message string
		drop           decode.Drop
	}{
		"no id":             {event: `{"title":"x"}`, message: errNoID.Error()},
		"no title":          {event: `{"id":"x"}`, message: errNoTitle.Error()},
		"title is a number": {event: `{"id":"x","title":1}`, message: errNoTitle.Error()},
		"detail is a word":  {event: `"x"`, message: "a JSON object is needed, not a string"},
		"check that passed": {event: `{"ProductArn":"x","Id":"x","Title":"x","Compliance":{"Status":"PASSED"}}`, drop: decode.DropTelemetry},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := hostile.Record(t, Decoder{}, []byte(`{"detail":`+tc.event+`}`))[0]
			if outcome.Drop != tc.drop || tc.message != "" && (outcome.Err == nil || outcome.Err.Error() != tc.message) {
				t.Errorf("drop %q, %v", outcome.Drop, outcome.Err)
			}
		})
	}
}

func TestHostile(t *testing.T) {
	hostile.Alter(t, Decoder{}, compromisedCluster)
	hostile.Alter(t, Decoder{}, compromisedData)
	for _, event := range []string{reverseShell, fromHub} {
		hostile.Alter(t, Decoder{}, event)
		hostile.Sent(t, Decoder{}, event)
		hostile.Sent(t, Decoder{}, `{"detail":`+event+`}`)
	}
}

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, reverseShell, fromHub, compromisedCluster, compromisedData, `{"detail":{"findings":[{"Id":1,"Title":"x"}]}}`, `{"detail":null}`)
}
