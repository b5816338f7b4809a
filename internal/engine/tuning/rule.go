// Package tuning decides what becomes of a new alert of which people said that it
// means nothing, or less, or more.
//
// Whatever is in an alert is hostile: a rule whose expression fails on one does
// not match it.
package tuning

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Action is what a rule does with an alert.
type Action string

// The actions.
const (
	// Hide keeps the alert out of every incident.
	Hide Action = "Hide"
	// Resolve resolves the alert from the start.
	Resolve Action = "Resolve"
	// Rescore gives the alert another severity.
	Rescore Action = "Rescore"
)

// strongest lists the actions in the order in which they go before each other.
var strongest = []Action{Hide, Resolve, Rescore}

// Rule is what people said of some alerts.
type Rule struct {
	// Name is unique in the tenant.
	Name   string
	Match  match.Match
	Action Action
	// Severity is what Rescore gives.
	Severity model.Severity
	// Monitor says that the rule only counts what it matches.
	Monitor bool
	// Suspended says that it is out of force.
	Suspended bool
	// Expires is when it ends; zero is never.
	Expires time.Time
}

// InForce reports whether the rule counts or acts at a time.
func (r Rule) InForce(at time.Time) bool {
	return !r.Suspended && (r.Expires.IsZero() || at.Before(r.Expires))
}

// Ready is a rule ready for use, by many at once.
type Ready struct {
	Rule
	matcher *match.Matcher
}

// Compile makes a rule ready. An error begins with the field of a TuningRule's
// spec that it is about, such as match.expression.
func Compile(r Rule) (*Ready, error) {
	if !slices.Contains(strongest, r.Action) {
		return nil, fmt.Errorf("action: must be one of %v, is %q", strongest, r.Action)
	}
	r.Match.Field = "expression"
	matcher, err := match.Compile(r.Match)
	if err != nil {
		return nil, fmt.Errorf("match.%w", err)
	}
	return &Ready{r, matcher}, nil
}

// matches reports whether the rule is in force at a time and means the alert.
func (r *Ready) matches(a model.Alert, at time.Time) (bool, error) {
	if !r.InForce(at) {
		return false, nil
	}
	means, err := r.matcher.Matches(a)
	if err != nil {
		return false, &RuleError{Rule: r.Name, Err: fmt.Errorf("match.%w", err)}
	}
	return means, nil
}

// RuleError is that a rule failed on an alert.
type RuleError struct {
	// Rule is its name.
	Rule string
	// Err begins with the field that failed.
	Err error
}

func (e *RuleError) Error() string { return e.Rule + ": " + e.Err.Error() }
func (e *RuleError) Unwrap() error { return e.Err }

// Failures are the rules that failed, as an error of a decision tells them.
func Failures(err error) []*RuleError {
	if many, joined := err.(interface{ Unwrap() []error }); joined {
		var out []*RuleError
		for _, one := range many.Unwrap() {
			out = append(out, Failures(one)...)
		}
		return out
	}
	var one *RuleError
	if errors.As(err, &one) {
		return []*RuleError{one}
	}
	return nil
}
