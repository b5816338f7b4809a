package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/replay"
)

// eventLine is the line of an event.
type eventLine struct {
	Input    int          `json:"input"`
	Alert    string       `json:"alert,omitempty"`
	Incident string       `json:"incident,omitempty"`
	State    replay.State `json:"state"`
	Reason   string       `json:"reason,omitempty"`
	*alertLine
	Links []linkLine `json:"links"`
}

// alertLine is what became of the fields of an event that opened an alert.
type alertLine struct {
	Title      string         `json:"title"`
	Rule       string         `json:"rule"`
	Severity   string         `json:"severity"`
	Time       time.Time      `json:"time"`
	Tactics    []model.Tactic `json:"tactics,omitempty"`
	Techniques []string       `json:"techniques,omitempty"`
	Entities   []entityLine   `json:"entities,omitempty"`
	Tuning     *tuningLine    `json:"tuning,omitempty"`
}

// tuningLine is what tuning rules made of an alert.
type tuningLine struct {
	Rule             string        `json:"rule,omitempty"`
	Action           tuning.Action `json:"action,omitempty"`
	DetectedSeverity string        `json:"detectedSeverity,omitempty"`
	Monitored        []string      `json:"monitored,omitempty"`
}

func newTuningLine(p replay.Placed) *tuningLine {
	if p.Tuning.Rule == "" && len(p.Tuning.Monitored) == 0 {
		return nil
	}
	line := &tuningLine{Rule: p.Tuning.Rule, Action: p.Tuning.Action, Monitored: p.Tuning.Monitored}
	if p.Tuning.Action == tuning.Rescore {
		line.DetectedSeverity = p.DetectedSeverity.String()
	}
	return line
}

type entityLine struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Role string `json:"role"`
}

func newAlertLine(p replay.Placed) *alertLine {
	a := p.Alert
	line := &alertLine{
		Title: a.Title, Rule: a.Rule, Severity: a.Severity.String(), Time: a.First,
		Tactics: a.Tactics, Techniques: a.Techniques, Tuning: newTuningLine(p),
	}
	for _, e := range a.Entities {
		line.Entities = append(line.Entities, entityLine{string(e.Kind), e.Name, string(e.Role)})
	}
	return line
}

type linkLine struct {
	Reason string  `json:"reason"`
	Entity string  `json:"entity,omitempty"`
	Peer   string  `json:"peer,omitempty"`
	Weight float64 `json:"weight"`
}

func linkLines(links []correlation.Link) []linkLine {
	out := make([]linkLine, 0, len(links)) // in JSON an empty list, not null
	for _, l := range links {
		out = append(out, linkLine{l.Reason, entityName(l.Entity), l.Peer, l.Weight})
	}
	return out
}

// entityName is "Kind/name", or nothing.
func entityName(k model.Key) string {
	if k == (model.Key{}) {
		return ""
	}
	return k.String()
}

// writeEvents writes a line for each event.
func writeEvents(out io.Writer, run *replay.Run, outcomes []replay.Outcome) error {
	lines := newLines(out)
	for i, o := range outcomes {
		line := eventLine{Input: i, State: o.State, Reason: o.Reason, Links: linkLines(nil)}
		if o.HasAlert() {
			a := run.Alert(o.Alert)
			line.Alert, line.Incident, line.Links = a.Alert.Name, a.Incident, linkLines(a.Links)
			if o.Opened {
				line.alertLine = newAlertLine(a)
			}
		}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// incidentLine is the line of an incident.
type incidentLine struct {
	Name           string         `json:"name"`
	Title          string         `json:"title"`
	Severity       string         `json:"severity"`
	FirstTime      time.Time      `json:"firstTime"`
	LastTime       time.Time      `json:"lastTime"`
	Alerts         []string       `json:"alerts"`
	Events         int64          `json:"events"`
	Tactics        []model.Tactic `json:"tactics,omitempty"`
	Techniques     []string       `json:"techniques,omitempty"`
	Assets         []string       `json:"assets,omitempty"`
	TotalAssets    int            `json:"totalAssets"`
	RedirectedFrom []string       `json:"redirectedFrom,omitempty"`
	Similar        []similarLine  `json:"similar,omitempty"`
}

type similarLine struct {
	Incident string `json:"incident"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
}

// writeIncidents writes a line for each incident.
func writeIncidents(out io.Writer, incidents []replay.Incident) error {
	lines := newLines(out)
	for _, i := range incidents {
		line := incidentLine{
			Name: i.Name, Title: i.Title, Severity: i.Severity.String(), FirstTime: i.First, LastTime: i.Last,
			Events: i.Counts.Occurrences, Tactics: i.Tactics, Techniques: i.Techniques,
			Assets: i.AssetNames(), TotalAssets: i.Counts.Assets, RedirectedFrom: i.RedirectedFrom,
		}
		for _, a := range i.Alerts {
			line.Alerts = append(line.Alerts, a.Alert.Name)
		}
		for _, s := range i.Similar {
			line.Similar = append(line.Similar, similarLine{s.Incident, s.Reason, s.Message})
		}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// newLines encodes a value a line, as it reads: nothing here ends up in HTML.
func newLines(out io.Writer) *json.Encoder {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	return lines
}
