package playbook

import (
	"cmp"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Automation says which remediations need no approval.
type Automation string

// The automation levels.
const (
	AutomationFull Automation = "Full"
	AutomationSemi Automation = "Semi"
	AutomationNone Automation = "NoAutomatedResponse"
)

// The actions that a response can ask for.
const (
	ActionIsolatePod = "IsolatePod"
	ActionDeletePod  = "DeletePod"
)

// Playbook declares how alerts are investigated and answered.
type Playbook struct {
	Name string
	// Created is when it was declared.
	Created time.Time
	// Rank decides between playbooks that match the same alert; the lowest runs.
	Rank       int32
	Match      Match
	Automation Automation
	// Monitor investigates and proposes nothing.
	Monitor bool
	// Suspended and Invalid playbooks start nothing.
	Suspended, Invalid bool
	Responses          []Response
}

// Response says what to do about an entity with a verdict.
type Response struct {
	Name, Action   string
	MinimumVerdict model.Verdict
	// AlwaysApprove waits for a person, whatever the automation level says.
	AlwaysApprove bool
	// TTLSeconds is how long the remediation holds; 0 is until it is undone.
	TTLSeconds int32
}

// Compare orders playbooks by rank, then by name: the first one runs.
func (p Playbook) Compare(other Playbook) int {
	return cmp.Or(cmp.Compare(p.Rank, other.Rank), cmp.Compare(p.Name, other.Name))
}

// usable reports whether the playbook takes part at all.
func (p Playbook) usable() bool { return !p.Suspended && !p.Invalid }
