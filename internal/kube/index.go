package kube

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// The indexes of the cache.
const (
	IndexAlertIncident            = "status.incidentName"
	IndexAlertSource              = "spec.source.alertSource"
	IndexAlertWanted              = "spec.triage.incidentName"
	IndexAlertTuned               = "spec.tuning.ruleName"
	IndexAlertMonitored           = "spec.tuning.monitored"
	IndexInvestigationAlert       = "spec.alertName"
	IndexInvestigationIncident    = "spec.incidentName"
	IndexInvestigationPlaybook    = "spec.playbookName"
	IndexRemediationIncident      = "spec.incidentName"
	IndexRemediationInvestigation = "spec.investigationName"
	IndexIncidentRedirectedTo     = "status.redirectedTo"
	IndexIncidentMergeInto        = "spec.mergeInto.name"
	IndexIncidentContinues        = "status.continues"
	IndexIncidentSimilar          = "status.similar.name"
)

// AddIndexes adds the indexes to the cache.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	indexes := []struct {
		obj   client.Object
		field string
		of    client.IndexerFunc
	}{
		{&v1alpha1.Alert{}, IndexAlertIncident, by(func(a *v1alpha1.Alert) v1alpha1.LocalName { return a.Status.IncidentName })},
		{&v1alpha1.Alert{}, IndexAlertSource, by(func(a *v1alpha1.Alert) v1alpha1.LocalName { return a.Spec.Source.AlertSource })},
		{&v1alpha1.Alert{}, IndexAlertWanted, by(Wanted)},
		{&v1alpha1.Alert{}, IndexAlertTuned, by(tunedBy)},
		{&v1alpha1.Alert{}, IndexAlertMonitored, monitoredBy},
		{&v1alpha1.Investigation{}, IndexInvestigationAlert, by(func(i *v1alpha1.Investigation) v1alpha1.LocalName { return i.Spec.AlertName })},
		{&v1alpha1.Investigation{}, IndexInvestigationIncident, by(func(i *v1alpha1.Investigation) v1alpha1.LocalName { return i.Spec.IncidentName })},
		{&v1alpha1.Investigation{}, IndexInvestigationPlaybook, by(func(i *v1alpha1.Investigation) v1alpha1.LocalName { return i.Spec.PlaybookName })},
		{&v1alpha1.Remediation{}, IndexRemediationIncident, by(func(r *v1alpha1.Remediation) v1alpha1.LocalName { return r.Spec.IncidentName })},
		{&v1alpha1.Remediation{}, IndexRemediationInvestigation, by(func(r *v1alpha1.Remediation) v1alpha1.LocalName { return r.Spec.InvestigationName })},
		{&v1alpha1.Incident{}, IndexIncidentRedirectedTo, by(func(i *v1alpha1.Incident) v1alpha1.LocalName { return i.Status.RedirectedTo })},
		{&v1alpha1.Incident{}, IndexIncidentMergeInto, by(MergesInto)},
		{&v1alpha1.Incident{}, IndexIncidentContinues, by(func(i *v1alpha1.Incident) v1alpha1.LocalName { return i.Status.Continues })},
		{&v1alpha1.Incident{}, IndexIncidentSimilar, similarNames},
	}
	for _, i := range indexes {
		if err := indexer.IndexField(ctx, i.obj, i.field, i.of); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", i.obj, i.field, err)
		}
	}
	return nil
}

func by[T client.Object](field func(T) v1alpha1.LocalName) client.IndexerFunc {
	return func(obj client.Object) []string {
		if typed, ok := obj.(T); ok && field(typed) != "" {
			return []string{string(field(typed))}
		}
		return nil
	}
}

// Wanted names the incident that people want the alert in, if any.
func Wanted(a *v1alpha1.Alert) v1alpha1.LocalName {
	if a.Spec.Triage == nil {
		return ""
	}
	return a.Spec.Triage.IncidentName
}

func tunedBy(a *v1alpha1.Alert) v1alpha1.LocalName {
	if a.Spec.Tuning == nil {
		return ""
	}
	return a.Spec.Tuning.RuleName
}

func monitoredBy(obj client.Object) []string {
	a, ok := obj.(*v1alpha1.Alert)
	if !ok || a.Spec.Tuning == nil {
		return nil
	}
	names := make([]string, len(a.Spec.Tuning.Monitored))
	for i, name := range a.Spec.Tuning.Monitored {
		names[i] = string(name)
	}
	return names
}

// MergesInto names the incident that people want this one merged into, if any.
func MergesInto(i *v1alpha1.Incident) v1alpha1.LocalName {
	if i.Spec.MergeInto == nil {
		return ""
	}
	return i.Spec.MergeInto.Name
}

func similarNames(obj client.Object) []string {
	inc, ok := obj.(*v1alpha1.Incident)
	if !ok {
		return nil
	}
	names := make([]string, len(inc.Status.Similar))
	for i := range inc.Status.Similar {
		names[i] = string(inc.Status.Similar[i].Name)
	}
	return names
}
