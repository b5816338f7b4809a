package incident

import (
	"fmt"
	"time"
)

// Activity is one line of the activity log.
type Activity struct {
	Time                 time.Time
	Type, Actor, Message string
}

// The types of activity.
const (
	ActivityCreated              = "Created"
	ActivityAlertsAdded          = "AlertsAdded"
	ActivityAlertsRemoved        = "AlertsRemoved"
	ActivityStateChanged         = "StateChanged"
	ActivitySeverityChanged      = "SeverityChanged"
	ActivityPriorityChanged      = "PriorityChanged"
	ActivityInvestigationChanged = "InvestigationChanged"
	ActivityRemediationChanged   = "RemediationChanged"
	ActivityMerged               = "Merged"
)

// Who acts.
const (
	actorCorrelation   = "Tocsin - alert correlation"
	actorInvestigation = "Tocsin - automated investigation"
	actorTocsin        = "Tocsin"
	actorPerson        = "a person"
)

const maxActivities = 50

// note appends to the activity log what differs from the summary in force.
func (s *Summary) note(in Input) {
	was := in.Previous
	log := func(kind, actor, format string, args ...any) {
		s.Activities = append(s.Activities, Activity{in.Now, kind, actor, truncate(fmt.Sprintf(format, args...), 512)})
	}
	switch {
	case was.State == "":
		log(ActivityCreated, actorCorrelation, "Incident created: %d alerts", s.Counts.Alerts)
	case s.State != Redirected: // of what was merged into another, that one tells
		noteAlerts(log, s.Counts.Alerts-was.Counts.Alerts, s.Counts.Alerts)
		noteChange(log, ActivitySeverityChanged, actorTocsin, "Severity", was.Severity.String(), s.Severity.String())
		noteChange(log, ActivityPriorityChanged, actorTocsin, "Priority band", was.Priority.Band, s.Priority.Band)
	}
	if was.State != "" {
		noteChange(log, ActivityStateChanged, stateActor(s.State, in), "State", string(was.State), string(s.State))
	}
	if s.State != Redirected {
		for _, name := range missing(s.MergedFrom, was.MergedFrom) {
			log(ActivityMerged, actorCorrelation, "Incident %s was merged into this one", name)
		}
		s.noteWork(log, was)
	}
	s.Counts.Activities = was.Counts.Activities + len(s.Activities)
	s.Activities = append(append([]Activity(nil), was.Activities...), s.Activities...)
	s.Activities = s.Activities[max(0, len(s.Activities)-maxActivities):]
}

type logFunc func(kind, actor, format string, args ...any)

func noteAlerts(log logFunc, difference, total int) {
	switch {
	case difference > 0:
		log(ActivityAlertsAdded, actorCorrelation, "Alerts added: %d, now %d", difference, total)
	case difference < 0:
		log(ActivityAlertsRemoved, actorCorrelation, "Alerts removed: %d, now %d", -difference, total)
	}
}

func noteChange(log logFunc, kind, actor, what, was, is string) {
	if was != is {
		log(kind, actor, "%s changed from %s to %s", what, was, is)
	}
}

// stateActor says who changed the state: what people say stands until they take
// it back, but a merge outranks it.
func stateActor(is State, in Input) string {
	switch {
	case is == Redirected:
		return actorCorrelation
	case in.People.State != "" || in.Previous.StateReason == ReasonResolvedByPerson:
		return actorPerson
	}
	return actorTocsin
}

// noteWork logs investigations and remediations whose state changed.
func (s *Summary) noteWork(log logFunc, was Summary) {
	known := map[string]string{}
	for _, inv := range was.Investigations {
		known["inv/"+inv.Name] = inv.State
	}
	for _, r := range was.Remediations {
		known["rem/"+r.Name] = r.State
	}
	for i := len(s.Investigations) - 1; i >= 0; i-- {
		if inv := s.Investigations[i]; inv.State != "" && known["inv/"+inv.Name] != inv.State {
			log(ActivityInvestigationChanged, actorInvestigation, "Investigation %s is %s", inv.Name, inv.State)
		}
	}
	for i := len(s.Remediations) - 1; i >= 0; i-- {
		if r := s.Remediations[i]; r.State != "" && known["rem/"+r.Name] != r.State {
			log(ActivityRemediationChanged, actorInvestigation, "%s of %s is %s", r.Action, r.Target, r.State)
		}
	}
}

// missing lists what is in all and not in known.
func missing(all, known []string) []string {
	have := map[string]bool{}
	for _, name := range known {
		have[name] = true
	}
	var out []string
	for _, name := range all {
		if !have[name] {
			out = append(out, name)
		}
	}
	return out
}
