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
	// Said is what people, or else a tuning rule, said of the alert's state; empty
	// when nobody did.
	Said State
	// Settled says that people or a tuning rule are done with the alert.
	Settled bool
	// ResolvedByTuning says that it is a tuning rule, and that no person spoke.
	ResolvedByTuning bool
	// Ended says that its sender regards the signal as over.
	Ended bool
	// SurpriseBits is how unlikely the alert was on its asset.
	SurpriseBits float64
	// Peer, LinkReason and Shared tell why the alert joined; empty for the first.
	Peer, LinkReason, Shared string
	// ByHand says that a person put it here.
	ByHand bool
	// Similar are incidents that resembled the one it opened, the closest first.
	Similar []Similar
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
	Name           string
	Now            time.Time
	People         People
	Alerts         []Member
	Investigations []Investigation
	Remediations   []Remediation
	// Redirect is where the incident was merged into, if it was.
	Redirect Redirect
	// Merged are the incidents that were merged into this one.
	Merged []Source
	// Departed are alerts that went from here to another incident.
	Departed []Departure
	// Survivors says what has become of incidents that were merged into others.
	Survivors map[string]string
	// ContinuedBy is the incident in which this one, which is full, goes on.
	ContinuedBy string
	// Previous is the summary that is in force.
	Previous Summary
}

// Summary is what an incident is.
type Summary struct {
	State              State
	StateReason        string
	StateMessage       string
	Title, TitleFrom   string
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
	Comments           []Comment
	Tags               []Tag
	Continues          string
	ContinuedBy        string
	Similar            []Similar
	Activities         []Activity
	Times              Times
}

// Counts are totals, where lists hold the first few.
type Counts struct {
	Alerts, Active, Assets, Evidence, Links, Activities int
	Techniques, Investigations, Remediations            int
	MergedFrom, Comments                                int
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
	maxComments       = 20
	maxTags           = 32
	maxSimilar        = 5
)

// Summarize derives an incident from what is in it. The same input gives the
// same summary, in whatever order the lists come.
func Summarize(in Input) Summary {
	alerts := slices.Clone(in.Alerts)
	slices.SortFunc(alerts, byTime)
	out := Summary{Times: in.Previous.Times, ContinuedBy: in.ContinuedBy}
	out.Investigations, out.InvestigationState = investigations(in.Investigations)
	out.Remediations = remediations(in.Remediations)
	out.Counts.Investigations, out.Counts.Remediations = len(in.Investigations), len(in.Remediations)
	evidence := gatherEvidence(in.Investigations, in.Remediations)
	out.decideState(in, evidence)

	for _, a := range alerts {
		out.count(a)
	}
	out.Tactics = model.SortTactics(out.Tactics)
	out.Techniques = sortedSet(out.Techniques)
	out.Counts.Techniques = len(out.Techniques)
	out.Techniques = firstOf(out.Techniques, maxTechniques)
	out.Services = firstOf(sortedSet(out.Services), maxSources)
	out.Detections = firstOf(sortedSet(out.Detections), maxSources)
	if in.People.SeveritySaid {
		out.Severity = in.People.Severity
	}
	out.Assets, out.Counts.Assets = gatherAssets(alerts)
	out.Evidence, out.Counts.Evidence = evidence[:min(len(evidence), maxEvidence)], len(evidence)
	out.Story, out.Counts.Links = tell(alerts)
	out.Priority = prioritize(alerts, out)
	out.Similar, out.Continues = resemblances(alerts, in)
	sources := inOrder(in.Merged)
	out.carry(sources, in.Previous)
	switch {
	case in.People.Title != "":
		out.Title, out.TitleFrom = in.People.Title, ""
	case out.TitleFrom == "":
		out.Title = generateTitle(alerts, out)
	}
	out.note(in, sources)
	return out
}

func (s *Summary) count(a Member) {
	s.Counts.Alerts++
	s.Counts.Occurrences += max(a.Occurrences, 1)
	if AlertState(a.Said, s.State, a.Ended) != Resolved {
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
