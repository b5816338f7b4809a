package incident

import "time"

// State is where the work on an incident or an alert stands.
type State string

// The states. New is for alerts only, Active and Redirected for incidents only.
const (
	New        State = "New"
	Active     State = "Active"
	InProgress State = "InProgress"
	Resolved   State = "Resolved"
	Redirected State = "Redirected"
)

// Why an incident is in its state.
const (
	ReasonOpen                 = "Open"
	ReasonResolvedByPerson     = "ResolvedByPerson"
	ReasonAllRemediatedOrClean = "AllRemediatedOrBenign"
	ReasonResolvedByTuning     = "ResolvedByTuning"
	ReasonEmpty                = "Empty"
	ReasonRedirected           = "Redirected"
)

// AlertState is the state of an alert: what people said of it, else what
// follows from its incident, so that resolving an incident resolves its alerts.
// Where people have taken up neither, an alert that has ended is resolved.
func AlertState(said, incident State, ended bool) State {
	switch {
	case said != "":
		return said
	case incident == Resolved:
		return Resolved
	case incident == InProgress:
		return InProgress
	case ended:
		return Resolved
	default:
		return New
	}
}

// decideState follows people where they said something. Where they did not, an
// incident is resolved once nothing is left to do in it, and open again when
// something is found later.
func (s *Summary) decideState(in Input, evidence []Evidence) {
	s.State, s.StateReason, s.StateMessage = in.state(evidence)
	if s.Times.Acknowledged.IsZero() && (in.People.AssignedTo != "" || s.State == InProgress || in.People.State == Resolved) {
		s.Times.Acknowledged = in.Now
	}
	if s.Times.Contained.IsZero() {
		s.Times.Contained = firstContained(in.Remediations)
	}
	switch {
	case s.State != Resolved:
		s.Times.Resolved = time.Time{}
	case s.Times.Resolved.IsZero():
		s.Times.Resolved = in.Now
	}
}

func (in Input) state(evidence []Evidence) (State, string, string) {
	switch {
	case in.Redirect.To != "":
		return Redirected, ReasonRedirected, "Merged into " + in.Redirect.To
	case in.People.State == Resolved:
		return Resolved, ReasonResolvedByPerson, "A person resolved the incident"
	case in.People.State == InProgress:
		return InProgress, ReasonOpen, "A person works on the incident"
	case in.People.State != "":
		return in.People.State, ReasonOpen, "A person keeps the incident open"
	case len(in.Alerts) == 0 && (in.Previous.Counts.Alerts > 0 || in.Previous.StateReason == ReasonEmpty):
		return Resolved, ReasonEmpty, "No alert is left in the incident: they were moved away or deleted"
	}
	if in.onlyTuned() {
		return Resolved, ReasonResolvedByTuning, "Tuning rules resolved all alerts of the incident"
	}
	if left := in.left(evidence); left != "" {
		return Active, ReasonOpen, truncate("The incident is open: "+left, maxMessage)
	}
	return Resolved, ReasonAllRemediatedOrClean, "Everything in the incident is remediated or benign"
}

func firstContained(remediations []Remediation) time.Time {
	var first time.Time
	for _, r := range remediations {
		if r.State == "Succeeded" && !r.Completed.IsZero() && (first.IsZero() || r.Completed.Before(first)) {
			first = r.Completed
		}
	}
	return first
}
