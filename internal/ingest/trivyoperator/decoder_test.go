package trivyoperator

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

const metadataOf = `"metadata": {"name": "replicaset-cart-6d4cf56db6-web", "namespace": "shop", "creationTimestamp": "2026-03-01T00:00:00Z",
  "labels": {"trivy-operator.resource.kind": "ReplicaSet", "trivy-operator.resource.name": "cart-6d4cf56db6",
    "trivy-operator.resource.namespace": "shop", "trivy-operator.container.name": "web"}}`

const vulnerabilities = `{"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "VulnerabilityReport", ` + metadataOf + `,
  "report": {"updateTimestamp": "2026-03-04T04:00:00Z", "artifact": {"repository": "library/cart", "tag": "1.2"}, "registry": {"server": "index.docker.io"},
    "summary": {"criticalCount": 1, "highCount": 2, "mediumCount": 0, "lowCount": 0, "unknownCount": 0},
    "vulnerabilities": [
      {"vulnerabilityID": "CVE-2026-2", "severity": "HIGH", "resource": "zlib", "installedVersion": "1.0", "fixedVersion": "", "title": "second"},
      {"vulnerabilityID": "CVE-2026-1", "severity": "CRITICAL", "resource": "libx", "installedVersion": "2.0", "fixedVersion": "2.1", "title": "first"},
      {"vulnerabilityID": "CVE-2026-3", "severity": "HIGH", "resource": "zlib", "installedVersion": "1.0"}]}}`

func decodeOne(t *testing.T, event string) decode.Decoded {
	t.Helper()
	decoded, err := Decoder{Cluster: "prod"}.Decode([]byte(event), hostile.Received)
	if err != nil || decoded.Drop != "" {
		t.Fatalf("%v, drop %q", err, decoded.Drop)
	}
	return decoded
}

func TestDecode(t *testing.T) {
	want := decode.Decoded{Alert: model.Alert{
		Service: "trivy-operator", Detection: "vulnerability", Rule: "VulnerabilityReport",
		Title: "1 critical vulnerability in library/cart:1.2",
		Description: `Critical: 1, high: 2, medium: 0, low: 0, unknown: 0. 1 have a fixed version.
CRITICAL CVE-2026-1 (libx 2.0, fixed in 2.1): first
HIGH CVE-2026-2 (zlib 1.0): second
HIGH CVE-2026-3 (zlib 1.0):`,
		RecommendedActions: kinds[vulnerabilityReport].Recommendation,
		Severity:           model.SeverityHigh,
		First:              time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		Last:               time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC),
		Fingerprint:        decode.Fingerprint(Service, "prod", "VulnerabilityReport", "shop", "replicaset-cart-6d4cf56db6-web"),
		Entities: []model.Entity{
			{Key: model.Key{Kind: model.KindWorkload, Name: "shop/Deployment/cart"}, Role: model.RoleScanned, Category: model.CategoryAsset},
			{Key: model.Key{Kind: model.KindImage, Name: "cart:1.2"}, Role: model.RoleScanned, Category: model.CategoryEvidence},
		},
		Occurrences: 1,
	}}
	if diff := cmp.Diff(want, decodeOne(t, vulnerabilities)); diff != "" {
		t.Error(diff)
	}
}

// of returns a report of a kind.
func of(kind, members string) string {
	return fmt.Sprintf(`{"apiVersion":"aquasecurity.github.io/v1alpha1","kind":%q,"metadata":{"name":"r","namespace":"shop",
		"ownerReferences":[{"kind":"DaemonSet","name":"agent"}],"annotations":{"trivy-operator.resource.name":"agent"}},"report":{%s}}`, kind, members)
}

func TestKinds(t *testing.T) {
	for name, tc := range map[string]struct {
		event, title, description string
		severity                  model.Severity
		techniques                []string
		resolved                  bool
	}{
		"checks, without a summary": {
			event: of("ConfigAuditReport", `"checks":[{"checkID":"KSV001","severity":"LOW","success":false,"messages":["a","b"]},
				{"checkID":"KSV002","severity":"CRITICAL","success":true},{"checkID":"KSV003","severity":"MEDIUM","title":"t"}]`),
			title: "1 medium misconfiguration in DaemonSet agent", severity: model.SeverityMedium,
			description: "Critical: 0, high: 0, medium: 1, low: 1, unknown: 0.\nMEDIUM KSV003: t\nLOW KSV001: a; b"},
		"secrets": {
			event: of("ExposedSecretReport", `"artifact":{"repository":"app"},"summary":{"highCount":2},
				"secrets":[{"ruleID":"aws","severity":"HIGH","target":"/app/x","title":"AWS","match":"hunter2hunter2"}]`),
			title: "2 high exposed secrets in app", severity: model.SeverityHigh, techniques: []string{"T1552.001"},
			description: "Critical: 0, high: 2, medium: 0, low: 0, unknown: 0.\nHIGH aws (/app/x): AWS"},
		"nothing but unknown": {
			event: of("VulnerabilityReport", `"summary":{"unknownCount":3,"lowCount":-1}`), title: "3 unknown vulnerabilities in DaemonSet agent",
			severity: model.SeverityMedium, description: "Critical: 0, high: 0, medium: 0, low: 0, unknown: 3."},
		"deleted": {
			event: `{"verb":"delete","operatorObject":` + of("VulnerabilityReport", `"summary":{"lowCount":1}`) + `}`,
			title: "1 low vulnerability in DaemonSet agent", severity: model.SeverityLow, resolved: true,
			description: "Critical: 0, high: 0, medium: 0, low: 1, unknown: 0."},
		"updated": {
			event: `{"verb":"update","operatorObject":` + of("VulnerabilityReport", `"summary":{"lowCount":1}`) + `}`,
			title: "1 low vulnerability in DaemonSet agent", severity: model.SeverityLow,
			description: "Critical: 0, high: 0, medium: 0, low: 1, unknown: 0."},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, tc.event)
			a := got.Alert
			if a.Title != tc.title || a.Description != tc.description || a.Severity != tc.severity || got.Resolved != tc.resolved || !cmp.Equal(a.Techniques, tc.techniques) {
				t.Errorf("%+v", got)
			}
			if a.Entities[0].String() != "Workload/shop/DaemonSet/agent" {
				t.Errorf("%v", a.Entities)
			}
		})
	}
}

func TestTheWorstAreListed(t *testing.T) {
	var all []string
	for i := range 500 {
		all = append(all, fmt.Sprintf(`{"vulnerabilityID":"CVE-2026-%d","severity":"LOW"}`, i))
	}
	all = append(all, `{"vulnerabilityID":"CVE-2026-500","severity":"CRITICAL"}`)
	a := decodeOne(t, of("VulnerabilityReport", `"vulnerabilities":[`+strings.Join(all, ",")+`]`)).Alert
	lines := strings.Split(a.Description, "\n")
	if len(lines) != 1+maxListed || !strings.HasPrefix(lines[1], "CRITICAL CVE-2026-500") || !strings.HasPrefix(lines[2], "LOW CVE-2026-0") {
		t.Errorf("%d lines: %s", len(lines), a.Description)
	}
	if !strings.HasPrefix(lines[0], "Critical: 1, high: 0, medium: 0, low: 500") {
		t.Error(lines[0])
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		event, message string
		drop           decode.Drop
	}{
		"no report":         {event: `{"kind":"Pod","apiVersion":"v1"}`, message: errNoReport.Error()},
		"no name":           {event: `{"kind":"VulnerabilityReport","apiVersion":"aquasecurity.github.io/v1alpha1"}`, message: errNoName.Error()},
		"not an object":     {event: `7`, message: "a JSON object is needed, not a number"},
		"nothing deleted":   {event: `{"verb":"delete","operatorObject":7}`, message: "operatorObject: a JSON object is needed, not a number"},
		"another kind":      {event: of("SbomReport", ``), drop: decode.DropTelemetry},
		"nothing was found": {event: of("VulnerabilityReport", `"summary":{"criticalCount":0}`), drop: decode.DropTelemetry},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := hostile.Record(t, Decoder{}, []byte(`{"kind":"List","items":[`+tc.event+`]}`))[0]
			if outcome.Drop != tc.drop || tc.message != "" && (outcome.Err == nil || outcome.Err.Error() != tc.message) {
				t.Errorf("drop %q, %v", outcome.Drop, outcome.Err)
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	rescan := strings.NewReplacer("2026-03-04T04", "2026-03-05T04", `"criticalCount": 1`, `"criticalCount": 3`).Replace(vulnerabilities)
	base := decodeOne(t, vulnerabilities).Alert.Fingerprint
	if decodeOne(t, rescan).Alert.Fingerprint != base || decodeOne(t, `{"verb":"delete","operatorObject":`+vulnerabilities+`}`).Alert.Fingerprint != base {
		t.Error("a rescan or a deletion is not the same signal")
	}
	for what, other := range map[string]string{
		"name":      strings.ReplaceAll(vulnerabilities, "6db6-web", "6db6-db"),
		"namespace": strings.ReplaceAll(vulnerabilities, `"shop"`, `"till"`),
		"kind":      strings.ReplaceAll(vulnerabilities, "VulnerabilityReport", "ConfigAuditReport"),
	} {
		if decodeOne(t, other).Alert.Fingerprint == base {
			t.Errorf("with another %s it is the same signal", what)
		}
	}
}

func TestHostile(t *testing.T) {
	hostile.Alter(t, Decoder{}, vulnerabilities)
	hostile.Alter(t, Decoder{}, `{"verb":"delete","operatorObject":`+of("ConfigAuditReport", `"checks":[{"checkID":"a","severity":"LOW","messages":["b"]}]`)+`}`)
	hostile.Sent(t, Decoder{}, vulnerabilities)
	hostile.Sent(t, Decoder{}, `{"kind":"VulnerabilityReportList","items":[`+vulnerabilities+`]}`)
}

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, vulnerabilities, `{"verb":"delete","operatorObject":`+vulnerabilities+`}`, of("ExposedSecretReport", `"secrets":[{"severity":"x"}]`))
}
