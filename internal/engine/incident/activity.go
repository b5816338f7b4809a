package incident

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Activity is one line of the activity log.
type Activity struct {
	Time                 time.Time
	Type, Actor, Message string
	// Incident is where it happened, if that was merged into this one since.
	Incident string
}

// Departure is an alert that went from one incident to another.
type Departure struct {
	Alert, To string
	// ByHand says that a person put it there.
	ByHand bool
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
	ActivityAlertMoved           = "AlertMoved"
	ActivityMerged               = "Merged"
	ActivityRedirected           = "Redirected"
)

// Who acts.
const (
	actorCorrelation   = "Tocsin - alert correlation"
	actorInvestigation = "Tocsin - automated investigation"
	actorTocsin        = "Tocsin"
	actorPerson        = "a person"
)

const maxActivities = 50

// note appends to the activity log what differs from the summary in force, and
// takes over the logs of merged incidents: theirs first, as with comments.
func (s *Summary) note(in Input, sources []Source) {
	was := in.Previous
	var now []Activity
	log := func(kind, actor, format string, args ...any) {
		now = append(now, Activity{Time: in.Now, Type: kind, Actor: actor, Message: truncate(fmt.Sprintf(format, args...), 512)})
	}
	switch {
	case was.State == "":
		log(ActivityCreated, actorCorrelation, "Incident created: %d alerts", s.Counts.Alerts)
	case s.State != Redirected: // of what was merged into another, that one tells
		noteAlerts(log, in, s.Counts.Alerts-was.Counts.Alerts)
		if s.StateReason == ReasonEmpty {
			break // what it told before stands
		}
		noteChange(log, ActivitySeverityChanged, actorTocsin, "Severity", was.Severity.String(), s.Severity.String())
		noteChange(log, ActivityPriorityChanged, actorTocsin, "Priority band", was.Priority.Band, s.Priority.Band)
	}
	switch {
	case s.State == Redirected && was.State != Redirected:
		log(ActivityRedirected, in.Redirect.actor(), "Merged into incident %s%s", in.Redirect.To, in.Redirect.because())
	case was.State != "":
		noteChange(log, ActivityStateChanged, stateActor(in), "State", string(was.State), string(s.State))
	}
	if s.State != Redirected {
		s.noteWork(log, was)
	}
	s.Counts.Activities = was.Counts.Activities + len(now)
	s.Activities = once(slices.Concat(carried(sources), was.Activities), func(a Activity) Activity { return a })
	s.Activities = append(s.Activities, now...)
	slices.SortStableFunc(s.Activities, func(a, b Activity) int { return a.Time.Compare(b.Time) })
	s.Activities = lastOf(s.Activities, maxActivities)
}

// carried are the lines that merged incidents bring, and one that tells of each
// merge, as of when that was.
func carried(sources []Source) []Activity {
	var lines []Activity
	for _, source := range sources {
		for _, line := range source.Activities {
			if line.Type == ActivityRedirected && line.Incident == "" {
				continue // told from this side
			}
			line.Incident = cmp.Or(line.Incident, source.Name)
			lines = append(lines, line)
		}
		if source.At.IsZero() {
			continue // merged by a version that did not say so
		}
		lines = append(lines, Activity{
			Time: source.At, Type: ActivityMerged, Actor: source.actor(),
			Message: truncate(fmt.Sprintf("Incident %s was merged into this one%s", source.Name, source.because()), 512),
		})
	}
	return lines
}

func (r Redirect) actor() string { return cmp.Or(r.By, actorCorrelation) }

func (r Redirect) because() string {
	if r.Why == "" {
		return ""
	}
	return " (" + r.Why + ")"
}

type logFunc func(kind, actor, format string, args ...any)

// noteAlerts logs by name the alerts that people moved, and others as a number.
func noteAlerts(log logFunc, in Input, difference int) {
	before := in.Previous.Counts.Alerts
	total := before + difference
	for _, d := range in.Departed {
		log(ActivityAlertMoved, moveActor(d.ByHand), "Alert %s was moved to incident %s", d.Alert, d.To)
		difference++
	}
	for _, name := range arrivedByHand(in) {
		log(ActivityAlertMoved, actorPerson, "Alert %s was moved here", name)
		difference--
	}
	switch {
	case difference > 0:
		log(ActivityAlertsAdded, actorCorrelation, "Alerts added: %d, now %d", difference, total)
	case difference < 0:
		log(ActivityAlertsRemoved, actorCorrelation, "Alerts removed: %d, now %d", -difference, total)
	}
}

func moveActor(byHand bool) string {
	if byHand {
		return actorPerson
	}
	return actorCorrelation
}

// arrivedByHand names the alerts that people have put here since the summary in
// force, as far as that lists the alerts that it counts.
func arrivedByHand(in Input) []string {
	known := map[string]bool{}
	for _, edge := range in.Previous.Story {
		known[edge.Alert] = true
	}
	if len(known) != in.Previous.Counts.Alerts {
		return nil
	}
	var names []string
	for _, a := range in.Alerts {
		if a.ByHand && !known[a.Name] {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	return names
}

func noteChange(log logFunc, kind, actor, what, was, is string) {
	if was != is {
		log(kind, actor, "%s changed from %s to %s", what, was, is)
	}
}

// stateActor says who changed the state: what people say stands until they take
// it back.
func stateActor(in Input) string {
	if in.People.State != "" || in.Previous.StateReason == ReasonResolvedByPerson {
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
