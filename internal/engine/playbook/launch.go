package playbook

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

const (
	// MaxEntities is how many entities one investigation examines. It keeps the
	// input file and the verdicts small.
	MaxEntities = 64
	// MaxInvestigations is how many investigations one incident may have:
	// whoever can raise alerts with ever new entities must not start Jobs
	// without end.
	MaxInvestigations = 10
	// Preexisting is how long before a playbook's declaration an alert may have
	// come and still start it. A new playbook must not set off an
	// investigation for everything that ever happened.
	Preexisting = time.Hour
)

// Candidate is an alert of an incident that may start an investigation.
type Candidate struct {
	model.Alert
	// Created is when it was stored.
	Created time.Time
}

// Former is an investigation that the incident already has.
type Former struct {
	Playbook string
	// Examining says that it has not given its verdicts yet.
	Examining bool
	Entities  []model.Entity
}

// LaunchFacts are what a launch is decided from.
type LaunchFacts struct {
	Alerts    []Candidate
	Playbooks []Playbook
	Former    []Former
}

// Launch is the investigation to start; none where Playbook is empty.
type Launch struct {
	Playbook string
	// Index counts the investigations of the incident, from 0.
	Index int
	// Alert is the alert that starts it.
	Alert           string
	Entities        []model.Entity
	Reason, Message string
}

// Why an investigation was or was not started (Launch.Reason), beside the
// reasons of a Selection.
const (
	ReasonStillExamining   = "StillExamining"
	ReasonNothingNew       = "NothingNew"
	ReasonNoEntity         = "NoEntity"
	ReasonPreexistingAlert = "PreexistingAlert"
	ReasonTooMany          = "TooManyInvestigations"
)

// Decide says whether an incident's alerts start an investigation: the first
// alert that matches a playbook does, and later one that names a pod or a
// service account which none of the former ones examined. While one examines,
// further alerts start nothing.
func Decide(f LaunchFacts) Launch {
	if slices.ContainsFunc(f.Former, func(i Former) bool { return i.Examining }) {
		return Launch{Reason: ReasonStillExamining, Message: "An investigation of the incident is under way"}
	}
	if len(f.Former) >= MaxInvestigations {
		return Launch{Reason: ReasonTooMany, Message: fmt.Sprintf("The incident had %d investigations already", MaxInvestigations)}
	}
	alerts := slices.Clone(f.Alerts)
	slices.SortFunc(alerts, Candidate.compare)
	covered := examined(f.Former)

	none := Launch{Reason: ReasonNoMatch, Message: "No alert of the incident matches a playbook"}
	for _, a := range alerts {
		decision := consider(f, covered, a)
		if decision.Playbook != "" {
			decision.Index, decision.Entities = len(f.Former), Scope(a, alerts)
			return decision
		}
		if decision.Reason != ReasonNoMatch {
			none = decision
		}
	}
	return none
}

// consider decides for one alert alone.
func consider(f LaunchFacts, covered map[model.Key]bool, a Candidate) Launch {
	s := Select(f.Playbooks, a.Alert)
	switch {
	case s.Playbook == "":
		return Launch{Reason: s.Reason, Message: s.Message}
	case len(a.Entities) == 0:
		return Launch{Reason: ReasonNoEntity, Message: "The alert names nothing that could be examined"}
	case preexisting(f.Playbooks, s.Playbook, a):
		return Launch{Reason: ReasonPreexistingAlert, Message: "The alert is older than the playbook"}
	case len(f.Former) > 0 && !bringsNew(covered, a):
		return Launch{Reason: ReasonNothingNew, Message: "Everything the alert names was examined before"}
	}
	return Launch{Playbook: s.Playbook, Alert: a.Name, Reason: s.Reason, Message: s.Message}
}

// compare orders alerts by when they were stored, then by name: the first that
// can start an investigation does.
func (c Candidate) compare(other Candidate) int {
	return cmp.Or(c.Created.Compare(other.Created), cmp.Compare(c.Name, other.Name))
}

func preexisting(playbooks []Playbook, name string, a Candidate) bool {
	return slices.ContainsFunc(playbooks, func(p Playbook) bool {
		return p.Name == name && a.Created.Before(p.Created.Add(-Preexisting))
	})
}

func examined(former []Former) map[model.Key]bool {
	out := map[model.Key]bool{}
	for _, i := range former {
		for _, e := range i.Entities {
			out[e.Key] = true
		}
	}
	return out
}

func bringsNew(covered map[model.Key]bool, a Candidate) bool {
	return slices.ContainsFunc(a.Entities, func(e model.Entity) bool {
		return (e.Kind == model.KindPod || e.Kind == model.KindServiceAccount) && !covered[e.Key]
	})
}
