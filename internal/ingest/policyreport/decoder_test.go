package policyreport

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const policyReport = `{
  "apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport",
  "metadata": {"name": "r1", "namespace": "shop", "creationTimestamp": "2026-03-01T00:00:00Z", "labels": {"policy.kubernetes.io/engine": "kyverno"}},
  "scope": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "namespace": "shop", "uid": "8e5f"},
  "results": [
    {"policy": "no-root", "rule": "check-uid", "message": "runs as root", "result": "fail", "severity": "high", "category": "Privilege Escalation",
     "scored": true, "timestamp": {"seconds": 1772596400, "nanos": 0}},
    {"policy": "no-root", "rule": "check-gid", "result": "pass"},
    {"policy": "labels", "message": "no owner", "result": "warn"},
    {"policy": "limits", "result": "error", "resources": [{"kind": "Pod", "name": "cart-0"}, {"kind": "ConfigMap", "name": "x"}]}]}`

const posted = `{"message": "runs as root", "policy": "no-root", "rule": "check-uid", "status": "fail", "severity": "high", "category": "Pod Security",
  "scored": true, "source": "kyverno", "creationTimestamp": "2026-03-04T04:00:00Z", "properties": {"a": "b"},
  "resource": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "namespace": "shop", "uid": "8e5f"}}`

// read returns the alerts of a record.
func read(t *testing.T, record string) []model.Alert {
	t.Helper()
	return hostile.Alerts(t, hostile.Record(t, Decoder{Cluster: "prod"}, []byte(record)))
}

func violator(kind model.EntityKind, name string) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: model.RolePolicyViolator, Category: model.CategoryAsset}
}

func TestReport(t *testing.T) {
	scanned := time.Date(2026, 3, 4, 3, 53, 20, 0, time.UTC)
	created := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	want := []model.Alert{
		{
			Service: "policy-report", Detection: "kyverno", Rule: "no-root/check-uid", Title: "no-root/check-uid", Description: "runs as root",
			Severity: model.SeverityHigh, Tactics: []model.Tactic{model.TacticPrivilegeEscalation}, First: scanned, Last: scanned,
			Fingerprint: decode.Fingerprint(Service, "prod", "kyverno", "no-root/check-uid", "shop", "Deployment/shop/cart"),
			Entities:    []model.Entity{violator(model.KindWorkload, "shop/Deployment/cart")}, Occurrences: 1,
		},
		{
			Service: "policy-report", Detection: "kyverno", Rule: "limits", Title: "limits",
			Severity: model.SeverityMedium, Tactics: []model.Tactic{}, First: created, Last: created,
			Fingerprint: decode.Fingerprint(Service, "prod", "kyverno", "limits", "shop", "ConfigMap/shop/x", "Pod/shop/cart-0"),
			Entities:    []model.Entity{violator(model.KindPod, "shop/cart-0")}, Occurrences: 1,
		},
	}
	if diff := cmp.Diff(want, read(t, policyReport)); diff != "" {
		t.Error(diff)
	}
}

func TestWebhook(t *testing.T) {
	got := read(t, posted)
	if len(got) != 1 {
		t.Fatalf("%d alerts", len(got))
	}
	when := time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC)
	want := model.Alert{
		Service: "policy-report", Detection: "kyverno", Rule: "no-root/check-uid", Title: "no-root/check-uid", Description: "runs as root",
		Severity: model.SeverityHigh, Tactics: []model.Tactic{}, First: when, Last: when,
		Fingerprint: decode.Fingerprint(Service, "prod", "kyverno", "no-root/check-uid", "", "Deployment/shop/cart"),
		Entities:    []model.Entity{violator(model.KindWorkload, "shop/Deployment/cart")}, Occurrences: 1,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
}

func TestSpellings(t *testing.T) {
	for name, tc := range map[string]struct {
		record, entity, description string
		severity                    model.Severity
	}{
		"subjects": {record: `{"kind":"Report","apiVersion":"openreports.io/v1alpha1","results":[{"policy":"p","result":"fail","severity":"info",
			"description":"d","subjects":[{"kind":"Node","name":"N1"}]}]}`, entity: "Node/n1", description: "d", severity: model.SeverityInformational},
		"status and data": {record: `{"kind":"ClusterPolicyReport","results":[{"policy":"p","status":"Fail","data":{"severity":"low","details":"more"},
			"message":"m","resources":[{"kind":"Namespace","name":"shop"}]}]}`, entity: "Namespace/shop", description: "m\nmore", severity: model.SeverityLow},
		"an adapter of KubeArmor": {record: `{"kind":"PolicyReport","results":[{"policy":"p","result":"fail","severity":"critical",
			"properties":{"namespace_name":"shop","pod_name":"cart-0"}}]}`, entity: "Pod/shop/cart-0", severity: model.SeverityHigh},
		"an adapter of Falco": {record: `{"kind":"PolicyReport","results":[{"policy":"p","result":"fail","properties":{"container.id":"5892b41bcf46"}}]}`,
			entity: "Container/5892b41bcf46", severity: model.SeverityMedium},
		"a list of reports": {record: `{"kind":"List","items":[{"kind":"PolicyReport","results":[]},{"kind":"PolicyReport"},` + policyReport[:strings.Index(policyReport, `"results"`)] +
			`"results":[{"policy":"p","result":"fail"}]}]}`, entity: "Workload/shop/Deployment/cart", severity: model.SeverityMedium},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, tc.record)
			if len(got) != 1 || len(got[0].Entities) != 1 || got[0].Entities[0].String() != tc.entity ||
				got[0].Severity != tc.severity || got[0].Description != tc.description {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		record, message string
		drop            decode.Drop
	}{
		"heartbeat":        {record: `{"event":"heartbeat","time":"2026-03-04T04:00:00Z"}`, drop: decode.DropHealth},
		"passed":           {record: `{"policy":"p","status":"pass"}`, drop: decode.DropTelemetry},
		"no outcome":       {record: `{"policy":"p"}`, drop: decode.DropTelemetry},
		"no policy":        {record: `{"status":"fail"}`, message: errNoPolicy.Error()},
		"policy is a list": {record: `{"policy":[],"status":"fail"}`, message: errNoPolicy.Error()},
		"no object":        {record: `{"kind":"List","items":[7]}`, message: "a JSON object is needed, not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			outcomes := hostile.Record(t, Decoder{}, []byte(tc.record))
			if len(outcomes) != 1 {
				t.Fatalf("%d outcomes", len(outcomes))
			}
			if o := outcomes[0]; o.Drop != tc.drop || tc.message != "" && (o.Err == nil || o.Err.Error() != tc.message) {
				t.Errorf("drop %q, %v", o.Drop, o.Err)
			}
		})
	}
}

func TestReportsWithoutResultsAreNothing(t *testing.T) {
	for _, record := range []string{`{"kind":"PolicyReport"}`, `{"kind":"Report","results":[]}`, `{"kind":"List","items":[]}`} {
		if outcomes := hostile.Record(t, Decoder{}, []byte(record)); len(outcomes) != 0 {
			t.Errorf("%s: %v", record, outcomes)
		}
	}
}

// TestAmplification sends many results under a report with a long head, which
// each of them carries along.
func TestAmplification(t *testing.T) {
	head := `{"kind":"PolicyReport","metadata":{"namespace":"` + strings.Repeat("x", 100_000) + `"},"results":[`
	events, err := Decoder{}.Unwrap([]byte(head + strings.Repeat("{},", 999) + "{}]}"))
	if err != nil || len(events) != 1000 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if size := len(events[0]); size > 1000 {
		t.Errorf("an event of two bytes has become %d bytes", size)
	}
	list := `{"items":[` + strings.Repeat(`{"results":[`+strings.Repeat("1,", 4999)+"1]},", 9) + `{"results":[]}]}`
	if events, err := (Decoder{}).Unwrap([]byte(list)); err != nil || len(events) > 3*decode.MaxWrapped/2 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestFingerprint(t *testing.T) {
	base := read(t, posted)[0].Fingerprint
	for name, tc := range map[string]struct {
		old, new string
		same     bool
	}{
		"another scan":     {"2026-03-04T04", "2026-03-04T05", true},
		"another uid":      {"8e5f", "9f60", true},
		"another message":  {"runs as root", "runs as 0", true},
		"another policy":   {"no-root", "no-host", false},
		"another rule":     {"check-uid", "check-gid", false},
		"another object":   {`"cart"`, `"till"`, false},
		"another engine":   {"kyverno", "gatekeeper", false},
		"another severity": {"high", "low", true},
	} {
		t.Run(name, func(t *testing.T) {
			if same := read(t, strings.Replace(posted, tc.old, tc.new, 1))[0].Fingerprint == base; same != tc.same {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
}

func TestTheOrderOfObjectsDoesNotMatter(t *testing.T) {
	const one, other = `{"kind":"Pod","name":"a"}`, `{"kind":"Pod","name":"b"}`
	of := func(first, second string) string {
		return `{"policy":"p","status":"fail","resources":[` + first + `,` + second + `]}`
	}
	if read(t, of(one, other))[0].Fingerprint != read(t, of(other, one))[0].Fingerprint {
		t.Error("the same objects in another order are another signal")
	}
}

func TestHostile(t *testing.T) {
	for _, payload := range []string{policyReport, posted, `{"kind":"List","items":[` + policyReport + `]}`} {
		hostile.Alter(t, Decoder{}, payload)
		hostile.Sent(t, Decoder{}, payload)
	}
}

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, policyReport, posted, `{"event":"heartbeat"}`, `{"items":[{"kind":"Report","results":[{"policy":"p","status":"fail"}]}]}`,
		`{"report":{"scope":{"kind":"Pod","name":"a","namespace":"b"}},"result":{"policy":"p","result":"fail"}}`)
}
