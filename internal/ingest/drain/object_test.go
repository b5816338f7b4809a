package drain

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestUnknownTechniquesAreNoted(t *testing.T) {
	for want, techniques := range map[string][]string{"": {"T1609"}, "T1685,T9999": {"T1609", "T1685", "T9999"}} {
		a := newAlert(key{}, "shell", "spool", signal{alert: model.Alert{Techniques: techniques}}, dedup.State{})
		got, noted := a.Annotations[v1alpha1.AnnotationUnknownTechniques]
		if got != want || noted != (want != "") || len(a.Spec.Techniques) != len(techniques) {
			t.Errorf("%v: noted %q, kept %v", techniques, got, a.Spec.Techniques)
		}
	}
}

func TestEntityTotalIsTold(t *testing.T) {
	for total, want := range map[int]*int32{0: nil, 200: ptr.To[int32](200)} {
		s := signal{alert: model.Alert{EntityTotal: total}}
		got := newAlert(key{}, "shell", "spool", s, dedup.State{}).Spec.EntityTotal
		if ptr.Deref(got, -1) != ptr.Deref(want, -1) {
			t.Errorf("%d named: entityTotal is %v", total, got)
		}
	}
}

func TestIncidentOfTheSource(t *testing.T) {
	if got := newAlert(key{}, "shell", "spool", signal{alert: model.Alert{ProviderIncident: "42"}}, dedup.State{}).Spec.Source.IncidentID; got != "42" {
		t.Errorf("incidentID is %q", got)
	}
}
