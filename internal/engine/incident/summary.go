// Package incident derives what an incident is from what is in it: its title,
// severity, priority, assets, evidence, story and state. An incident can be
// rebuilt from its alerts, investigations and remediations at any moment; only
// the activity log and the moments that cannot come again are carried over.
package incident

import (
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Member is one alert of the incident.
type Member struct {
	model.Alert
	// Said is what people said of the alert's state; empty when nobody did.
	Said State
	// Settled says that people are done with the alert.
	Settled bool
	// SurpriseBits is how unlikely the alert was on its asset.
	SurpriseBits float64
	// Peer, LinkReason and Shared tell why the alert joined; empty for the first.
	Peer, LinkReason, Shared string
}

// Investigation is one investigation of the incident.
type Investigation struct {
	Name    string
	State   string
	Created time.Time
	// Examined is what it was asked about.
	Examined []model.Key
	Findings []Finding
}

// Finding is the verdict of an investigation on one entity.
type Finding struct {
	model.Key
	Verdict model.Verdict
	Reason  string
}

// Remediation is one remediation of the incident.
type Remediation struct {
	Name, Action string
	Target       model.Key
	State        string
	Created      time.Time
	Completed    time.Time
}

// People is what people say of the incident.
type People struct {
	Title        string
	Severity     model.Severity
	SeveritySaid bool
	State        State
	AssignedTo   string
}

// Input is everything that a summary is derived from.
type Input struct {
	Now            time.Time
	People         People
	Alerts         []Member
	Investigations []Investigation
	Remediations   []Remediation
	RedirectedTo   string
	MergedFrom     []string
	// Previous is the summary that is in force.
	Previous Summary
}

// Summary is what an incident is.
type Summary struct {
	State              State
	StateReason        string
	StateMessage       string
	Title              string
	Severity           model.Severity
	Priority           Priority
	Counts             Counts
	First, Last        time.Time
	Tactics            []model.Tactic
	Techniques         []string
	Services           []string
	Detections         []string
	Assets             []AssetGroup
	Evidence           []Evidence
	Story              []Edge
	Investigations     []Investigation
	InvestigationState string
	Remediations       []Remediation
	MergedFrom         []string
	Activities         []Activity
	Times              Times
}

// Counts are exact totals.
type Counts struct {
	Alerts, Active, Assets, Evidence, Links, Activities int
	Occurrences                                         int64
}

// Times are the moments from which response times are computed.
type Times struct {
	Acknowledged, Contained, Resolved time.Time
}

// Bounds of the lists in a summary, so that an Incident stays far below the
// 256 KiB that one object may take.
const (
	maxTechniques     = 64
	maxSources        = 16
	maxEvidence       = 50
	maxStory          = 50
	maxInvestigations = 10
	maxRemediations   = 20
	maxMergedFrom     = 16
)

// Summarize derives an incident from what is in it. The same input gives the
// same summary, in whatever order the lists come.
func Summarize(in Input) Summary {
	alerts := slices.Clone(in.Alerts)
	slices.SortFunc(alerts, byTime)
	out := Summary{Times: in.Previous.Times, MergedFrom: firstMerged(in.MergedFrom, in.Previous.MergedFrom)}
	out.Investigations, out.InvestigationState = investigations(in.Investigations)
	out.Remediations = remediations(in.Remediations)
	evidence := gatherEvidence(in.Investigations, in.Remediations)
	out.decideState(in, evidence)

	for _, a := range alerts {
		out.count(a)
	}
	out.Tactics = model.SortTactics(out.Tactics)
	out.Techniques = sortedSet(out.Techniques, maxTechniques)
	out.Services = sortedSet(out.Services, maxSources)
	out.Detections = sortedSet(out.Detections, maxSources)
	if in.People.SeveritySaid {
		out.Severity = in.People.Severity
	}
	out.Assets, out.Counts.Assets = gatherAssets(alerts)
	out.Evidence, out.Counts.Evidence = evidence[:min(len(evidence), maxEvidence)], len(evidence)
	out.Story, out.Counts.Links = tell(alerts)
	out.Title = in.People.Title
	if out.Title == "" {
		out.Title = generateTitle(alerts, out)
	}
	out.Priority = prioritize(alerts, out)
	out.note(in)
	return out
}

func (s *Summary) count(a Member) {
	s.Counts.Alerts++
	s.Counts.Occurrences += max(a.Occurrences, 1)
	if AlertState(a.Said, s.State) != Resolved {
		s.Counts.Active++
	}
	s.Severity = max(s.Severity, a.Severity)
	if s.First.IsZero() || a.First.Before(s.First) {
		s.First = a.First
	}
	if a.Last.After(s.Last) {
		s.Last = a.Last
	}
	s.Tactics = append(s.Tactics, a.Tactics...)
	s.Techniques = append(s.Techniques, a.Techniques...)
	s.Services = append(s.Services, a.Service)
	s.Detections = append(s.Detections, a.Detection)
}
