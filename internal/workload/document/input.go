// Package document holds the two files through which an investigation and its
// steps speak: what a step is asked, and what it answers. What an answer says is
// not trusted: it is bounded and checked.
package document

import (
	"encoding/json"
	"fmt"
)

const (
	// InputFile is the name of the input within its folder.
	InputFile = "input.json"
	// InputVersion is raised when a field changes its meaning.
	InputVersion = 1
	// MaxInputBytes keeps the ConfigMap of an input under 256 KiB.
	MaxInputBytes = 200 << 10
	// MaxAlerts is how many alerts of an incident an input tells of.
	MaxAlerts = 50
)

// Input is what a step is asked.
type Input struct {
	Version       int    `json:"version"`
	Incident      string `json:"incident"`
	Investigation string `json:"investigation"`
	// Entities are what to examine.
	Entities []Entity `json:"entities"`
	// Alerts are the incident's heaviest alerts; AlertsTotal counts them all.
	Alerts      []Alert `json:"alerts"`
	AlertsTotal int     `json:"alertsTotal"`
}

// Entity is what to examine.
type Entity struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Role is the worst part that it plays.
	Role string `json:"role,omitempty"`
	// Category is ImpactedAsset or RelatedEvidence.
	Category string `json:"category,omitempty"`
}

// Alert is an alert of the incident. Its text was written by whoever caused it.
type Alert struct {
	Rule       string   `json:"rule"`
	Title      string   `json:"title"`
	Severity   string   `json:"severity"`
	Tactics    []string `json:"tactics,omitempty"`
	Techniques []string `json:"techniques,omitempty"`
	// Entities are the places of the alert's entities in Input.Entities.
	Entities []int `json:"entities,omitempty"`
}

// EncodeInput writes an input, leaving out the lightest alerts, then the last
// entities, until it is small enough.
func EncodeInput(in Input) ([]byte, error) {
	in.Version = InputVersion
	for {
		raw, err := json.MarshalIndent(in, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("encoding input: %w", err)
		}
		switch {
		case len(raw) <= MaxInputBytes:
			return raw, nil
		case len(in.Alerts) > 0:
			in.Alerts = in.Alerts[:len(in.Alerts)/2]
		case len(in.Entities) > 1:
			in.Entities = in.Entities[:len(in.Entities)/2]
		default:
			return nil, fmt.Errorf("encoding input: one entity alone takes %d bytes", len(raw))
		}
	}
}

// DecodeInput reads an input.
func DecodeInput(raw []byte) (Input, error) {
	var in Input
	if err := json.Unmarshal(raw, &in); err != nil {
		return Input{}, fmt.Errorf("decoding input: %w", err)
	}
	if in.Version != InputVersion {
		return Input{}, fmt.Errorf("decoding input: version is %d, not %d", in.Version, InputVersion)
	}
	return in, nil
}
