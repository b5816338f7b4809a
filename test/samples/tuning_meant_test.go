package samples_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
)

// sampled are the objects of a kind in a sample, by their names.
func sampled[T any](t *testing.T, file, kind string) map[string]*T {
	t.Helper()
	out := map[string]*T{}
	for _, object := range objects(t, filepath.Join(folder(), file)) {
		if object.GetKind() != kind {
			continue
		}
		into := new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into); err != nil {
			t.Fatal(err)
		}
		out[object.GetName()] = into
	}
	return out
}

// Each tuning rule means what its reason says, of the events that the senders of
// the samples send, and the same elsewhere it does not.
func TestTuningRulesMatch(t *testing.T) {
	var ready []*tuning.Ready
	for _, rule := range sampled[v1alpha1.TuningRule](t, "tuningrule.yaml", "TuningRule") {
		compiled, err := tuning.Compile(convert.TuningRule(rule))
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, compiled)
	}
	set := tuning.NewSet(ready)
	const (
		falco    = `{"rule":"RULE","priority":"Warning","time":"2029-01-02T03:04:05Z","output":"x","output_fields":{"k8s.ns.name":"NAMESPACE","k8s.pod.name":"web-0","container.id":"0c11b1e5a7d2"}}`
		policies = `{"message":"x","policy":"require-limits","rule":"limits","status":"fail","severity":"medium","source":"kyverno","resource":{"apiVersion":"apps/v1","kind":"Deployment","name":"web","namespace":"NAMESPACE"}}`
	)
	for name, tc := range map[string]struct {
		file, source, event, rule, namespace string
		want                                 tuning.Decision
	}{
		"the backup":             {"alertsource-falco.yaml", "falco", falco, "Read sensitive file untrusted", "backup", tuning.Decision{Rule: "nightly-backup", Action: tuning.Hide}},
		"no backup":              {"alertsource-falco.yaml", "falco", falco, "Read sensitive file untrusted", "shop", tuning.Decision{}},
		"policies of staging":    {"alertsource-cluster-reports.yaml", "cluster-policies", policies, "", "staging", tuning.Decision{Rule: "policy-reports-of-staging", Action: tuning.Resolve}},
		"policies of production": {"alertsource-cluster-reports.yaml", "cluster-policies", policies, "", "production", tuning.Decision{}},
		"a shell in payments":    {"alertsource-falco.yaml", "falco", falco, "Terminal shell in container", "payments", tuning.Decision{Monitored: []string{"shells-in-payments"}}},
		"a shell elsewhere":      {"alertsource-falco.yaml", "falco", falco, "Terminal shell in container", "shop", tuning.Decision{}},
	} {
		t.Run(name, func(t *testing.T) {
			from := sampled[v1alpha1.AlertSource](t, tc.file, "AlertSource")[tc.source]
			if from == nil {
				t.Fatalf("%s has no AlertSource %s", tc.file, tc.source)
			}
			decoder, err := format.New(string(from.Spec.Type), source.Options(from))
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2029, 1, 2, 3, 4, 5, 0, time.UTC)
			decoded, err := decoder.Decode([]byte(strings.NewReplacer("RULE", tc.rule, "NAMESPACE", tc.namespace).Replace(tc.event)), at)
			if err != nil || decoded.Drop != "" {
				t.Fatalf("dropped for %q, %v", decoded.Drop, err)
			}
			decoded.Alert.Source = from.Name
			tc.want.Severity = decoded.Alert.Severity
			got, err := set.Decide(decoded.Alert, at)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}
