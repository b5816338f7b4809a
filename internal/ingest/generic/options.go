// Package generic reads any JSON object, as CEL expressions say.
package generic

import "github.com/tocsin-dev/tocsin/internal/engine/model"

// Options say how an event becomes an alert. Each is a CEL expression over
// "event"; all but Title may be left out.
type Options struct {
	// Events gives the events in a record, When says whether one is an alert.
	Events, When string
	// Title, Rule, Service, Detection, Severity, Description and
	// RecommendedActions give strings.
	Title, Rule, Service, Detection string
	Severity                        string
	Description, RecommendedActions string
	// Time gives a timestamp, a string or a number.
	Time string
	// Tactics, Techniques and Fingerprint give lists of strings.
	Tactics, Techniques, Fingerprint string
	Entities                         []Entity
}

// Entity makes entities of a kind.
type Entity struct {
	Kind model.EntityKind
	// Name is an expression that gives a string or a list of strings.
	Name     string
	Role     model.Role
	Category model.Category
}

// Unmapped is for the events of a source that is gone or whose options are no
// longer valid: they were acknowledged, so they are told of, as one alert with
// their number.
func Unmapped() Options {
	return Options{Title: `"Events of a source that is gone or not valid"`, Service: `"unknown"`, Severity: `"Low"`}
}
