package source

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/generic"
	"github.com/tocsin-dev/tocsin/internal/ingest/imported"
)

func alertSource(change func(*v1alpha1.AlertSourceSpec)) *v1alpha1.AlertSource {
	from := &v1alpha1.AlertSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "audit"},
		Spec:       v1alpha1.AlertSourceSpec{Type: v1alpha1.AlertSourceKubernetesAudit},
	}
	change(&from.Spec)
	return from
}

func TestNew(t *testing.T) {
	limit, rate, suspend := int64(4096), int32(7), true
	got, err := New(alertSource(func(s *v1alpha1.AlertSourceSpec) {
		s.Suspend, s.Limits, s.Correlation = &suspend, v1alpha1.AlertSourceLimits{MaxBodyBytes: &limit, EventsPerSecond: &rate, BurstEvents: &rate}, v1alpha1.CorrelationDisabled
	}), auth.NewBearer([]byte("token")))
	if err != nil || got.Decoder == nil || !got.Suspended || got.MaxBodyBytes != limit || !got.Throttle.like(NewThrottle(7, 7)) || !got.CorrelationDisabled {
		t.Errorf("%+v, %v", got, err)
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Authorization", "Bearer token")
	if err := got.Auth.Verify(r, nil); err != nil {
		t.Error(err)
	}
}

// TestWatching: nobody is let in to a source that watches, and what it finds is
// read as Tocsin itself wrote it, and not rolled up.
func TestWatching(t *testing.T) {
	from := alertSource(func(s *v1alpha1.AlertSourceSpec) {
		s.Type, s.Watch = v1alpha1.AlertSourceTrivyOperator, &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner"}
	})
	method, err := Auth(from, nil, Checks{})
	if err != nil {
		t.Fatal(err)
	}
	if err := method.Verify(httptest.NewRequest("POST", "/", nil), nil); err == nil {
		t.Error("somebody is let in")
	}
	got, err := New(from, method)
	if err != nil || got.Format != imported.Format || got.RollUp.Distinct < findings.MaxFindings || got.RollUp.PerHour < findings.MaxFindings {
		t.Errorf("%+v, %v", got, err)
	}
	if decoded, err := got.Decoder.Decode([]byte(`{"alert": {"Fingerprint": "a"}}`), metav1.Now().Time); err != nil || decoded.Alert.Fingerprint != "a" {
		t.Errorf("%+v, %v", decoded, err)
	}
}

func TestDefaults(t *testing.T) {
	got, err := New(alertSource(func(*v1alpha1.AlertSourceSpec) {}), nil)
	if err != nil || got.MaxBodyBytes != body.DefaultMaxBytes || got.Suspended || got.CorrelationDisabled {
		t.Errorf("%+v, %v", got, err)
	}
	if !got.Throttle.like(NewThrottle(2_000, 20_000)) {
		t.Error("the rate is not that of the schema's default")
	}
	if got.Auth != nil {
		t.Error("a source without a method has one")
	}
}

func TestInvalidRule(t *testing.T) {
	got, err := New(alertSource(func(s *v1alpha1.AlertSourceSpec) {
		s.KubernetesAudit = &v1alpha1.KubernetesAuditOptions{Rules: []v1alpha1.AuditRule{{Name: "mine", Title: "Mine", Match: "event.verbb == 'x'"}}}
	}), nil)
	if got.Decoder != nil || err == nil || !strings.Contains(err.Error(), `rule "mine": match:`) {
		t.Errorf("decoder %v, %v", got.Decoder, err)
	}
}

// TestGenericOptions fills every field of the API with something of its own, so
// that none is forgotten and no two are mixed up.
func TestGenericOptions(t *testing.T) {
	from := v1alpha1.GenericOptions{Entities: []v1alpha1.GenericEntity{{Kind: "Pod", Name: "entity", Role: "Attacked", Category: "ImpactedAsset"}}}
	fields := reflect.ValueOf(&from).Elem()
	for i := range fields.NumField() {
		if fields.Field(i).Kind() == reflect.String {
			fields.Field(i).SetString(fields.Type().Field(i).Name)
		}
	}
	got := Options(alertSource(func(s *v1alpha1.AlertSourceSpec) { s.Generic = &from }))
	values := reflect.ValueOf(*got.Generic)
	for i := range values.NumField() {
		if name := values.Type().Field(i).Name; values.Field(i).Kind() == reflect.String && values.Field(i).String() != name {
			t.Errorf("%s: %s", name, values.Field(i))
		}
	}
	want := []generic.Entity{{Kind: model.KindPod, Name: "entity", Role: model.RoleAttacked, Category: model.CategoryAsset}}
	if diff := cmp.Diff(want, got.Generic.Entities); diff != "" || got.Source != "audit" {
		t.Error(got.Source, diff)
	}
}

func TestCloudEventsOptions(t *testing.T) {
	from := alertSource(func(s *v1alpha1.AlertSourceSpec) {
		s.CloudEvents = &v1alpha1.CloudEventsOptions{Routes: []v1alpha1.CloudEventsRoute{{Type: "a.*", Format: v1alpha1.AlertSourceOCSF}, {Type: "b", Format: v1alpha1.AlertSourceFalco}}}
	})
	want := []format.Route{{Type: "a.*", Format: "OCSF"}, {Type: "b", Format: "Falco"}}
	if diff := cmp.Diff(want, Options(from).Routes); diff != "" {
		t.Error(diff)
	}
}

func TestRegistry(t *testing.T) {
	r := NewRegistry()
	s, _ := New(alertSource(func(*v1alpha1.AlertSourceSpec) {}), nil)
	if _, ok := r.Get(s.Key); ok || r.Synced() {
		t.Error("a new registry is not empty")
	}
	r.Set(s)
	r.MarkSynced()
	if _, ok := r.Get(s.Key); !ok || !r.Synced() {
		t.Error("the source is not there")
	}
	r.Delete(s.Key)
	if _, ok := r.Get(s.Key); ok {
		t.Error("the source is still there")
	}
}
