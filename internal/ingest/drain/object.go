package drain

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
)

// newAlert is the Alert that a signal creates.
func newAlert(k key, name, spoolID string, s signal, state dedup.State) *v1alpha1.Alert {
	a := s.alert
	out := &v1alpha1.Alert{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.tenant, Name: name},
		Spec: v1alpha1.AlertSpec{
			Source: v1alpha1.AlertOrigin{
				Service: a.Service, Detection: a.Detection, Rule: a.Rule, AlertSource: v1alpha1.LocalName(a.Source),
				IncidentID: a.ProviderIncident,
			},
			Title:              a.Title,
			Description:        a.Description,
			RecommendedActions: a.RecommendedActions,
			Severity:           v1alpha1.Severity(s.tuning.Severity.String()),
			FirstActivityTime:  metav1.NewMicroTime(a.First),
			LastActivityTime:   metav1.NewMicroTime(a.Last),
			Fingerprint:        a.Fingerprint,
			Correlation:        v1alpha1.CorrelationEnabled,
			Tuning:             convert.AlertTuning(s.tuning, a.Severity),
			Ingestion: &v1alpha1.AlertIngestion{
				SpoolPosition: v1alpha1.SpoolPosition{Spool: spoolID, Position: ptr.To(int64(s.position))},
				AlertRate:     newRate(state),
			},
		},
	}
	out.Spec.RollUp = convert.RollUp(s.level, a.Entities, s.fingerprint)
	if a.CorrelationDisabled {
		out.Spec.Correlation = v1alpha1.CorrelationDisabled
	}
	for _, tactic := range a.Tactics {
		out.Spec.Tactics = append(out.Spec.Tactics, v1alpha1.Tactic(tactic))
	}
	for _, technique := range a.Techniques {
		out.Spec.Techniques = append(out.Spec.Techniques, v1alpha1.Technique(technique))
	}
	if unknown := attack.Unknown(a.Techniques); len(unknown) > 0 {
		out.Annotations = map[string]string{v1alpha1.AnnotationUnknownTechniques: strings.Join(unknown, ",")}
	}
	out.Spec.Entities = convert.EntitiesOut(a.Entities)
	if a.EntityTotal > 0 {
		out.Spec.EntityTotal = ptr.To(int32(a.EntityTotal))
	}
	return out
}
