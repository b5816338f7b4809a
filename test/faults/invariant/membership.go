package invariant

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// membership: an alert belongs to one incident and stays there, unless the
// incident is merged away, a person moves the alert, or the cluster has added
// something to it.
func membership() Invariant {
	return Invariant{
		Name: "I3 membership",
		Revision: func(before history.View, r history.Revision) error {
			alert, ok := r.Object.(*v1alpha1.Alert)
			old, _ := before.Before(r.Object).(*v1alpha1.Alert)
			if !ok || old == nil || r.Event == watch.Deleted || old.Status.IncidentName == "" {
				return nil
			}
			from, to := old.Status.IncidentName, alert.Status.IncidentName
			decidedAnew := old.Status.ObservedEntities != alert.Status.ObservedEntities
			if from == to || follows(before, from, to) || movedByHand(old, alert) || decidedAnew {
				return nil
			}
			return fmt.Errorf("moved from incident %q to %q without a reason", from, to)
		},
		End: func(end history.View) error {
			var errs []error
			for _, alert := range history.List[*v1alpha1.Alert](end) {
				if isHidden(alert) {
					continue
				}
				name := string(alert.Status.IncidentName)
				if incident, ok := history.Get[*v1alpha1.Incident](end, name); !ok {
					errs = append(errs, fmt.Errorf("alert %s is in incident %q, which does not exist", alert.Name, name))
				} else if incident.Status.RedirectedTo != "" {
					errs = append(errs, fmt.Errorf("alert %s was left behind in %s, which was merged into %s", alert.Name, name, incident.Status.RedirectedTo))
				}
			}
			return errors.Join(errs...)
		},
	}
}

// hidden: an alert that a tuning rule hides is in no incident; once it is
// released it stays so.
func hidden() Invariant {
	return Invariant{Name: "I3 hidden alerts", Revision: func(before history.View, r history.Revision) error {
		alert, ok := r.Object.(*v1alpha1.Alert)
		if !ok || r.Event == watch.Deleted {
			return nil
		}
		if isHidden(alert) && alert.Status.IncidentName != "" {
			return fmt.Errorf("rule %s hides it, and it is in incident %q", alert.Spec.Tuning.RuleName, alert.Status.IncidentName)
		}
		old, _ := before.Before(alert).(*v1alpha1.Alert)
		if old != nil && old.Status.ReleasedTime != nil && !old.Status.ReleasedTime.Equal(alert.Status.ReleasedTime) {
			return fmt.Errorf("released at %v, and then at %v", old.Status.ReleasedTime, alert.Status.ReleasedTime)
		}
		return nil
	}}
}

// isHidden is written down here again, and not taken from the code under test.
func isHidden(a *v1alpha1.Alert) bool {
	return a.Spec.Tuning != nil && a.Spec.Tuning.Action == v1alpha1.TuningHide && a.Status.ReleasedTime == nil
}

// follows tells whether one incident was merged into the other, over any number of steps.
func follows(v history.View, from, to v1alpha1.LocalName) bool {
	for seen := map[v1alpha1.LocalName]bool{}; !seen[from]; {
		seen[from] = true
		incident, ok := history.Get[*v1alpha1.Incident](v, string(from))
		if !ok || incident.Status.RedirectedTo == "" {
			return false
		}
		if from = incident.Status.RedirectedTo; from == to {
			return true
		}
	}
	return false
}

func movedByHand(old, alert *v1alpha1.Alert) bool {
	byHand := func(a *v1alpha1.Alert) v1alpha1.LocalName {
		if a.Spec.Triage == nil {
			return ""
		}
		return a.Spec.Triage.IncidentName
	}
	return alert.Status.IncidentName != "" &&
		(byHand(alert) == alert.Status.IncidentName || byHand(old) == old.Status.IncidentName && byHand(alert) == "")
}

// incidentsHaveAlerts: an incident that never had an alert is what is left of a
// decision that was made twice. One whose alerts went elsewhere says so.
func incidentsHaveAlerts() Invariant {
	had := map[string]bool{}
	return Invariant{
		Name: "I3 one decision, one incident",
		Revision: func(_ history.View, r history.Revision) error {
			if alert, ok := r.Object.(*v1alpha1.Alert); ok {
				had[string(alert.Status.IncidentName)] = true
			}
			return nil
		},
		End: func(end history.View) error {
			members := map[string]int{}
			for _, alert := range history.List[*v1alpha1.Alert](end) {
				members[string(alert.Status.IncidentName)]++
			}
			var errs []error
			for _, incident := range history.List[*v1alpha1.Incident](end) {
				if members[incident.Name] == 0 && incident.Status.RedirectedTo == "" && (!had[incident.Name] || !emptied(incident)) {
					errs = append(errs, fmt.Errorf("incident %s has no alert", incident.Name))
				}
			}
			return errors.Join(errs...)
		},
	}
}

// emptied tells whether the incident says that its alerts went elsewhere.
func emptied(incident *v1alpha1.Incident) bool {
	resolved := meta.FindStatusCondition(incident.Status.Conditions, v1alpha1.IncidentConditionResolved)
	return resolved != nil && resolved.Reason == "Empty"
}
