package model

import "time"

// Alert is one deduplicated signal of one detector.
type Alert struct {
	// Name is unique within the tenant.
	Name string
	// Source is the name of the AlertSource that brought it.
	Source string
	// Service is the product, Detection the sensor within it, Rule the rule that fired.
	Service, Detection, Rule string
	Title, Description       string
	RecommendedActions       string
	Severity                 Severity
	Tactics                  []Tactic
	Techniques               []string
	First, Last              time.Time
	// Fingerprint is equal for repetitions of the same signal.
	Fingerprint string
	Entities    []Entity
	// EntityTotal counts the entities that were named, where that is more than are
	// kept; else it is 0.
	EntityTotal int
	// ProviderIncident is the id of the incident that the sender itself put the
	// alert into: a strong hint within its source. Empty where it has none.
	ProviderIncident string
	// CorrelationDisabled keeps the alert out of every incident but its own.
	CorrelationDisabled bool
	// Occurrences counts the events folded into the alert; at least 1.
	Occurrences int64
}
