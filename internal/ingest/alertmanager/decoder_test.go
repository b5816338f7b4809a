package alertmanager

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

const notified = `{
  "version": "4", "groupKey": "{}:{alertname=\"TokenUsedTwice\"}", "truncatedAlerts": 0, "status": "firing", "receiver": "tocsin",
  "groupLabels": {"alertname": "TokenUsedTwice"}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "https://alertmanager.example.com",
  "alerts": [{
    "status": "firing",
    "labels": {"alertname": "TokenUsedTwice", "severity": "critical", "namespace": "shop", "pod": "cart-0", "deployment": "cart",
      "serviceaccount": "cart", "node": "Worker-1", "instance": "10.0.0.9:8080", "job": "audit", "cluster": "prod-1",
      "mitre_technique": "T1528, T1552.007", "mitre_tactic": "Credential Access"},
    "annotations": {"summary": "The token of cart is used from two places", "description": "Authorization: Bearer abcdefgh12345678\nTwice.",
      "runbook_url": "https://runbooks.example.com/token"},
    "startsAt": "2026-03-04T04:00:00.5Z", "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "https://prometheus.example.com/graph", "fingerprint": "ff6a7a0f5f1c1309"}]}`

func alertsOf(t *testing.T, body string) []model.Alert {
	t.Helper()
	return hostile.Alerts(t, hostile.Body(t, Decoder{}, []byte(body)))
}

// labelled is an alert with these labels.
func labelled(labels string) string { return `{"labels": {"alertname": "A", ` + labels + `}}` }

func asset(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryAsset}
}

func evidence(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

func TestDecode(t *testing.T) {
	got := alertsOf(t, notified)
	want := []model.Alert{{
		Service: "prometheus", Detection: "TokenUsedTwice", Rule: "TokenUsedTwice", Title: "The token of cart is used from two places",
		Description:        "Authorization: Bearer [redacted]\nTwice.",
		RecommendedActions: "See https://runbooks.example.com/token",
		Severity:           model.SeverityHigh,
		Tactics:            []model.Tactic{model.TacticCredentialAccess},
		Techniques:         []string{"T1528", "T1552.007"},
		First:              time.Date(2026, 3, 4, 4, 0, 0, 5e8, time.UTC), Last: hostile.Received,
		Fingerprint: decode.Fingerprint("alertmanager", "", "ff6a7a0f5f1c1309"),
		Entities: []model.Entity{
			asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
			asset(model.KindWorkload, "shop/Deployment/cart", model.RoleAttacked),
			asset(model.KindServiceAccount, "shop/cart", model.RoleContextual),
			asset(model.KindNode, "worker-1", model.RoleContextual),
			asset(model.KindCluster, "prod-1", model.RoleContextual),
		},
		Occurrences: 1,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestResolved(t *testing.T) {
	over := strings.Replace(strings.Replace(notified, `"status": "firing",
    "labels"`, `"status": "resolved", "labels"`, 1), "0001-01-01T00:00:00Z", "2026-03-04T05:00:00Z", 1)
	got := hostile.Body(t, Decoder{}, []byte(over))
	if len(got) != 1 || !got[0].Resolved || got[0].Alert.Fingerprint != alertsOf(t, notified)[0].Fingerprint {
		t.Fatalf("%+v", got)
	}
	if want := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC); !got[0].Alert.Last.Equal(want) {
		t.Errorf("it lasted until %s, want %s", got[0].Alert.Last, want)
	}
	if firing := hostile.Body(t, Decoder{}, []byte(notified)); firing[0].Resolved {
		t.Error("an alert that fires is resolved")
	}
}

func TestSeverity(t *testing.T) {
	for word, want := range map[string]model.Severity{
		"critical": model.SeverityHigh, "page": model.SeverityHigh, "Error": model.SeverityHigh, "warning": model.SeverityMedium,
		"info": model.SeverityInformational, "information": model.SeverityInformational, "P3": model.SeverityMedium, "": model.SeverityMedium,
	} {
		if got := alertsOf(t, labelled(`"severity": "`+word+`"`))[0].Severity; got != want {
			t.Errorf("%q is %s, want %s", word, got, want)
		}
	}
}

func TestEntities(t *testing.T) {
	for name, tc := range map[string]struct {
		labels string
		want   []model.Entity
	}{
		"an exporter tells of another pod": {
			`"namespace": "monitoring", "pod": "kube-state-metrics-0", "exported_namespace": "shop", "exported_pod": "cart-0", "instance": "10.0.0.9:8080"`,
			[]model.Entity{asset(model.KindPod, "shop/cart-0", model.RoleAttacked)},
		},
		"a node": {
			`"node": "worker-1", "instance": "203.0.113.7:9100"`,
			[]model.Entity{asset(model.KindNode, "worker-1", model.RoleAttacked), evidence(model.KindIP, "203.0.113.7", model.RoleAttacked)},
		},
		"a host by name":     {`"instance": "DB-1.example.com:9100"`, []model.Entity{asset(model.KindNode, "db-1.example.com", model.RoleAttacked)}},
		"an IPv6 address":    {`"instance": "[2001:db8::7]:9100"`, []model.Entity{evidence(model.KindIP, "2001:db8::7", model.RoleAttacked)}},
		"this machine":       {`"instance": "127.0.0.1:9100"`, nil},
		"a probed page":      {`"instance": "https://shop.example.com/login"`, []model.Entity{evidence(model.KindURL, "https://shop.example.com/login", model.RoleAttacked)}},
		"a namespace":        {`"namespace": "shop"`, []model.Entity{asset(model.KindNamespace, "shop", model.RoleAttacked)}},
		"a job of a cronjob": {`"namespace": "shop", "job_name": "backup-28712340", "job": "kube-state-metrics"`, []model.Entity{asset(model.KindWorkload, "shop/CronJob/backup", model.RoleAttacked)}},
		"Falco": {
			`"source": "falco", "k8s_ns_name": "shop", "k8s_pod_name": "cart-0", "container_id": "ee97d9c4186f", "container_image_repository": "docker.io/library/alpine"`,
			[]model.Entity{
				asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
				asset(model.KindContainer, "ee97d9c4186f", model.RoleAttacked),
				evidence(model.KindImage, "alpine:latest", model.RoleContextual),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, alertsOf(t, labelled(tc.labels))[0].Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFalcoThroughAlertmanager(t *testing.T) {
	got := alertsOf(t, `{"labels": {"rule": "Terminal shell in container", "source": "falco", "eventsource": "syscall", "priority": "Notice",
		"tags": "container,mitre_execution,T1059"}, "annotations": {"info": "A shell was spawned", "summary": "Terminal shell in container"}}`)[0]
	if got.Service != "falco" || got.Detection != "syscall" || got.Rule != "Terminal shell in container" || got.Severity != model.SeverityLow ||
		got.Description != "A shell was spawned" || len(got.Tactics) != 1 || len(got.Techniques) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestNoAlert(t *testing.T) {
	for name, tc := range map[string]struct {
		body, message string
		drop          decode.Drop
	}{
		"the heartbeat":            {body: `{"alerts": [{"labels": {"alertname": "Watchdog", "severity": "none"}}]}`, drop: decode.DropHealth},
		"Falco about itself":       {body: labelled(`"alertname": "Falco internal: syscall event drop"`), drop: decode.DropHealth},
		"no rule":                  {body: `{"alerts": [{"labels": {"severity": "page"}}]}`, message: "labels.alertname: is missing; it names the rule that fired"},
		"no labels":                {body: `{"alerts": [{"status": "firing"}]}`, message: errNoLabels.Error()},
		"labels of another type":   {body: `{"alerts": [{"labels": "x"}]}`, message: errNoLabels.Error()},
		"alerts of another type":   {body: `{"alerts": "x"}`, message: errNoLabels.Error()},
		"an alert that is none":    {body: `{"alerts": [7]}`, message: "a JSON object is needed, not a number"},
		"Grafana before version 9": {body: `{"ruleName": "x", "state": "alerting", "evalMatches": []}`, message: errNoLabels.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			got := hostile.Body(t, Decoder{}, []byte(tc.body))
			if len(got) != 1 || got[0].Drop != tc.drop || (got[0].Err == nil) != (tc.message == "") || got[0].Err != nil && got[0].Err.Error() != tc.message {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestEmptyNotification(t *testing.T) {
	if got := hostile.Body(t, Decoder{}, []byte(`{"alerts": []}`)); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestTruncated: alerts that the sender left out must not be lost in silence.
func TestTruncated(t *testing.T) {
	got := hostile.Body(t, Decoder{}, []byte(strings.Replace(notified, `"truncatedAlerts": 0`, `"truncatedAlerts": 7`, 1)))
	const want = "truncatedAlerts: the sender left 7 alerts out of this notification; raise max_alerts of its receiver, or set it to 0"
	if len(got) != 2 || got[0].Err != nil || got[1].Err == nil || got[1].Err.Error() != want {
		t.Errorf("got %+v", got)
	}
}

func TestFingerprint(t *testing.T) {
	const base = `"pod": "a", "namespace": "b"`
	for name, tc := range map[string]struct {
		event, cluster string
		same           bool
	}{
		"other annotations and times": {event: `{"labels": {"namespace": "b", "pod": "a", "alertname": "A"}, "annotations": {"value": "7"}, "startsAt": "2026-03-04T04:00:00Z"}`, same: true},
		"another pod":                 {event: labelled(`"pod": "c", "namespace": "b"`)},
		"one more label":              {event: labelled(base + `, "x": "y"`)},
		"another cluster":             {event: labelled(base), cluster: "prod-2"},
		"its own":                     {event: `{"labels": {"namespace": "b", "pod": "a", "alertname": "A"}, "fingerprint": "ff6a7a0f5f1c1309"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := hostile.Alerts(t, hostile.Body(t, Decoder{Cluster: tc.cluster}, []byte(tc.event)))[0].Fingerprint
			if same := got == alertsOf(t, labelled(base))[0].Fingerprint; same != tc.same {
				t.Errorf("same fingerprint: %v, want %v", same, tc.same)
			}
		})
	}
}

func TestHostile(t *testing.T) { hostile.Alter(t, Decoder{}, notified) }

func TestSent(t *testing.T) { hostile.Sent(t, Decoder{}, notified) }

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, Decoder{}, notified, labelled(`"severity": 7`), `{"alerts": [null, {}], "truncatedAlerts": "3"}`, `{"labels": {"rule": "Falco internal: x"}}`)
}
