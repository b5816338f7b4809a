package format

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/generic"
	"github.com/tocsin-dev/tocsin/internal/ingest/kubernetesaudit"
)

func TestEveryTypeOfTheAPIHasAFormat(t *testing.T) {
	for _, name := range []v1alpha1.AlertSourceType{
		v1alpha1.AlertSourceFalco, v1alpha1.AlertSourceKubernetesAudit, v1alpha1.AlertSourceGeneric,
		v1alpha1.AlertSourceAlertmanager, v1alpha1.AlertSourceTetragon, v1alpha1.AlertSourceKubeArmor, v1alpha1.AlertSourceWazuh, v1alpha1.AlertSourceSuricata,
		v1alpha1.AlertSourceMicrosoftGraph, v1alpha1.AlertSourceOCSF, v1alpha1.AlertSourceGuardDuty,
		v1alpha1.AlertSourcePolicyReport, v1alpha1.AlertSourceTrivyOperator, v1alpha1.AlertSourceCloudEvents,
	} {
		if _, err := New(string(name), Options{}); err != nil {
			t.Error(err)
		}
	}
	if _, err := New("Carrier pigeon", Options{}); err == nil || !strings.HasPrefix(err.Error(), "type: ") {
		t.Errorf("err = %v", err)
	}
}

func TestAuditOptions(t *testing.T) {
	const exec = `{"verb": "create", "user": {"username": "jane"}, "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "a", "name": "b"}}`
	const newAccount = `{"verb": "create", "user": {"username": "jane"}, "responseStatus": {"code": 201}, "objectRef": {"resource": "serviceaccounts", "namespace": "a", "name": "b"}}`
	for name, tc := range map[string]struct {
		event   string
		options Options
		want    decode.Drop
	}{
		"built-in rules":           {exec, Options{}, ""},
		"without them":             {exec, Options{WithoutBuiltInRules: true}, decode.DropNoRule},
		"an ignored user":          {exec, Options{IgnoredUsers: []string{"jane"}}, decode.DropTelemetry},
		"a mere change":            {newAccount, Options{}, decode.DropNoRule},
		"changes, where asked for": {newAccount, Options{WithChanges: true}, ""},
	} {
		d, err := New("KubernetesAudit", tc.options)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Check([]byte(tc.event)); got != tc.want || err != nil {
			t.Errorf("%s: drop %q, %v; want %q", name, got, err, tc.want)
		}
	}
	_, err := New("KubernetesAudit", Options{AuditRules: []kubernetesaudit.Rule{{Name: "x", Title: "X", Severity: model.SeverityLow, Match: "1"}}})
	if err == nil || !strings.Contains(err.Error(), `rule "x": match:`) {
		t.Errorf("err = %v", err)
	}
}

func TestGenericOptions(t *testing.T) {
	d, err := New(Generic, Options{Source: "scanner", Generic: &generic.Options{Title: "event.name"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Decode([]byte(`{"name": "x"}`), time.Time{}); got.Alert.Title != "x" || got.Alert.Service != "scanner" || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if d, err := New(Generic, Options{Generic: &generic.Options{}}); d != nil || err == nil || err.Error() != "generic.title: is missing" {
		t.Errorf("%v, %v", d, err)
	}
}

func TestRoutes(t *testing.T) {
	d, err := New(CloudEvents, Options{Cluster: "prod", Routes: []Route{{Type: "com.example.*", Format: "PolicyReport"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		event, rule string
		drop        decode.Drop
	}{
		"its own":  {event: `{"type": "com.example.result", "data": {"policy": "p", "status": "fail"}}`, rule: "p"},
		"built in": {event: `{"type": "falco.rule.output.v1", "data": {"rule": "r"}}`, rule: "r"},
		"none":     {event: `{"type": "org.example", "data": {"rule": "r"}}`, drop: decode.DropNoRule},
	} {
		if got, err := d.Decode([]byte(tc.event), time.Time{}); err != nil || got.Alert.Rule != tc.rule || got.Drop != tc.drop {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for format, want := range map[string]string{
		CloudEvents: "cloudEvents.routes[0].format: must not be CloudEvents",
		Generic:     "cloudEvents.routes[0].format: must not be Generic",
		"Sigma":     fmt.Sprintf("cloudEvents.routes[0].format: type: %q is not one of %v", "Sigma", Names()),
	} {
		if _, err := New(CloudEvents, Options{Routes: []Route{{Type: "x", Format: format}}}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	of := func(name, event string, o Options) string {
		t.Helper()
		d, err := New(name, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Decode([]byte(event), time.Time{})
		if err != nil || got.FingerprintErr != nil {
			t.Fatal(err, got.FingerprintErr)
		}
		return got.Alert.Fingerprint
	}
	const a, b = `{"rule": "r", "output": "a", "hostname": "h1"}`, `{"rule": "r", "output": "b", "hostname": "h2"}`
	byRule := Options{Source: "s", Fingerprint: "alert.rule"}
	if of("Falco", a, Options{}) == of("Falco", b, Options{}) || of("Falco", a, byRule) != of("Falco", b, byRule) {
		t.Error("the expression does not hold")
	}
	in := func(data string) string { return `{"type": "falco.rule.output.v1", "data": ` + data + `}` }
	byOutput := Options{Source: "s", Fingerprint: "event.output"}
	if of(CloudEvents, in(a), byOutput) != of("Falco", a, byOutput) {
		t.Error("of a CloudEvent the event is not its data")
	}
	for want, o := range map[string]Options{
		"fingerprint: line 1, column 1: undeclared reference to 'x'":          {Fingerprint: "x"},
		"fingerprint: does not go with generic.fingerprint: give one of both": {Fingerprint: "alert.rule", Generic: &generic.Options{Title: "event.x", Fingerprint: "event.x"}},
	} {
		if d, err := New(Generic, o); d != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

type panicking struct{}

func (panicking) Unwrap([]byte) ([][]byte, error)                          { panic("a") }
func (panicking) Check([]byte) (decode.Drop, error)                        { panic("b") }
func (panicking) Decode([]byte, time.Time) (out decode.Decoded, err error) { panic("c") }

func TestPanicIsAnError(t *testing.T) {
	d := decode.Safe(panicking{})
	_, unwrap := d.Unwrap(nil)
	_, check := d.Check(nil)
	_, full := d.Decode(nil, time.Time{})
	if unwrap == nil || check == nil || full == nil {
		t.Errorf("%v, %v, %v", unwrap, check, full)
	}
}
