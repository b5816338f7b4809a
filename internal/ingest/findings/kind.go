package findings

import (
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Kind is a kind of report.
type Kind struct {
	// Resource and Group name it as the API server does: configauditreports,
	// aquasecurity.github.io.
	Resource, Group string
	// Namespaced says whether its reports are in namespaces.
	Namespaced bool
	Nature
	// Read returns what a report, in JSON, says. What it cannot read is left out.
	Read func(report []byte, received time.Time) ([]Finding, error)
}

// Nature is what all alerts of a kind of report have in common.
type Nature struct {
	// Service is the product.
	Service string
	// One and Many are the noun for what was found.
	One, Many string
	// Role is the part that the subject plays.
	Role           model.Role
	Tactics        []model.Tactic
	Techniques     []string
	Recommendation string
}

// Name is what kubectl knows the kind by, and the rule of its alerts.
func (k Kind) Name() string { return k.Resource + "." + k.Group }
