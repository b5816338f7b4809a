package reports

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// told returns the newest alert of each fingerprint that the source has brought,
// by the kind of report.
func (c *Controller) told(ctx context.Context, from *v1alpha1.AlertSource) (map[string]map[string]findings.Told, error) {
	var list v1alpha1.AlertList
	err := c.Client.List(ctx, &list, client.InNamespace(from.Namespace),
		client.MatchingFields{kube.IndexAlertSource: from.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("listing alerts: %w", err)
	}
	out := map[string]map[string]findings.Told{}
	for i := range list.Items {
		a := &list.Items[i]
		if a.Spec.Ingestion == nil { // made by hand
			continue
		}
		next, rule := toldBy(a), a.Spec.Source.Rule
		if out[rule] == nil {
			out[rule] = map[string]findings.Told{}
		}
		if before, ok := out[rule][a.Spec.Fingerprint]; !ok || next.Follows(before) {
			out[rule][a.Spec.Fingerprint] = next
		}
	}
	return out, nil
}

// toldBy is what an alert tells. A severity that a tuning rule gave it is not what
// the reports said: compared with them, it would be wrong for ever.
func toldBy(a *v1alpha1.Alert) findings.Told {
	severity := a.Spec.Severity
	if a.Spec.Tuning != nil && a.Spec.Tuning.DetectedSeverity != "" {
		severity = a.Spec.Tuning.DetectedSeverity
	}
	out := findings.Told{
		Title: a.Spec.Title, Severity: model.ParseSeverity(string(severity)),
		HiddenBy: convert.Hidden(a), Opened: a.Spec.LastActivityTime.UTC(),
	}
	if a.Status.EndedTime != nil {
		out.Ended = a.Status.EndedTime.UTC()
	}
	return out
}
