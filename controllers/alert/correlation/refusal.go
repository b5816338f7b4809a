package correlation

import (
	"cmp"
	"fmt"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
)

// mergedByEngine says why correlation merged two incidents.
func mergedByEngine(m engine.Merge, alert string) string {
	switch m.Reason {
	case engine.MergeProximateTime:
		return fmt.Sprintf("Alert %s ties it to incident %s: they came too close together for chance", alert, m.Target)
	default:
		return fmt.Sprintf("Alert %s ties it to incident %s: it speaks of what both are about", alert, m.Target)
	}
}

func askedBy(asked *v1alpha1.IncidentMerge) string { return cmp.Or(asked.RequestedBy, "Somebody") }

// via says that the incident which was named was itself merged.
func via(asked *v1alpha1.IncidentMerge, name string) string {
	if string(asked.Name) == name {
		return ""
	}
	return fmt.Sprintf(" (incident %s was merged into that)", asked.Name)
}

// refusal says to people why two incidents are not merged, and what to do. The
// target is nil where there is none of that name.
func refusal(refused string, source, target *v1alpha1.Incident, name string) string {
	if target == nil {
		return fmt.Sprintf("There is no incident %s in this namespace; name another one", name)
	}
	of := func(field func(*v1alpha1.Incident) string) []any { return []any{name, field(target), field(source)} }
	switch refused {
	case engine.RefusedSame:
		if string(source.Spec.MergeInto.Name) == source.Name {
			return "An incident cannot be merged into itself; name another one"
		}
		return fmt.Sprintf("Incident %s and this one are one already, or about to be; remove mergeInto", name)
	case engine.RefusedResolved:
		if target.Status.State != v1alpha1.IncidentResolved && target.Spec.State != v1alpha1.IncidentResolved {
			return "This incident is resolved; set its state to InProgress first"
		}
		return fmt.Sprintf("Incident %s is resolved, and takes no more alerts; set its state to InProgress first", name)
	case engine.RefusedRedirected:
		return fmt.Sprintf("Correlation is merging this incident or incident %s just now", name)
	case engine.RefusedAssignees:
		return fmt.Sprintf("Incident %s is assigned to %s, this one to %s; give both the same assignee, or one of them none",
			of(func(i *v1alpha1.Incident) string { return i.Spec.AssignedTo })...)
	case engine.RefusedClassification:
		return fmt.Sprintf("Incident %s is classified as %s, this one as %s; give both the same classification, or one of them none",
			of(func(i *v1alpha1.Incident) string { return string(i.Spec.Classification) })...)
	case engine.RefusedDetermination:
		return fmt.Sprintf("Incident %s is determined to be %s, this one %s; give both the same determination, or one of them none",
			of(func(i *v1alpha1.Incident) string { return string(i.Spec.Determination) })...)
	case engine.RefusedSize:
		return fmt.Sprintf("Incident %s and this one have more alerts together than an incident takes; move single alerts by spec.triage.incidentName", name)
	default:
		return fmt.Sprintf("It cannot be merged into incident %s: %s", name, refused)
	}
}
