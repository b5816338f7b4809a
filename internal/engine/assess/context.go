package assess

import (
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Context is what the incident's alerts say of an entity.
type Context struct {
	// Role is the worst part that it plays.
	Role model.Role
	// Alerts are the alerts that speak of it, or of what it acts as.
	Alerts []Alert
}

// Alert is what counts of an alert.
type Alert struct {
	// ID tells the incident's alerts apart.
	ID       int
	Severity model.Severity
	Tactics  []model.Tactic
}

// Join is the context of an entity that acts as another: a pod as its service account.
func (c Context) Join(other Context) Context {
	out := Context{Role: c.Role, Alerts: slices.Clone(c.Alerts)}
	for _, a := range other.Alerts {
		if !slices.ContainsFunc(out.Alerts, func(known Alert) bool { return known.ID == a.ID }) {
			out.Alerts = append(out.Alerts, a)
		}
	}
	if rolePoints[other.Role] > rolePoints[out.Role] {
		out.Role = other.Role
	}
	return out
}

// rolePoints is how much the part that an entity plays speaks against it.
var rolePoints = map[model.Role]int{
	model.RoleCompromised: 40, model.RoleAttacker: 40, model.RoleCommandAndControl: 40,
	model.RoleAttacked: 20, model.RoleSuspicious: 20, model.RolePolicyViolator: 10, model.RoleCreated: 5,
}

var severityPoints = map[model.Severity]int{model.SeverityHigh: 30, model.SeverityMedium: 20, model.SeverityLow: 10}

// followUp are the tactics that show that an intruder went on.
var followUp = []model.Tactic{
	model.TacticPersistence, model.TacticPrivilegeEscalation, model.TacticCredentialAccess, model.TacticLateralMovement,
	model.TacticCollection, model.TacticCommandAndControl, model.TacticExfiltration, model.TacticImpact,
}

// entry are the tactics by which an intruder comes in.
var entry = []model.Tactic{model.TacticInitialAccess, model.TacticExecution}

// findings weigh the role, the severest alert, and whether the attack went on.
func (c Context) findings() []finding {
	var out []finding
	if p := rolePoints[c.Role]; p > 0 {
		out = append(out, finding{p, "alerts see it in the role " + string(c.Role)})
	}
	worst := model.SeverityUnknown
	for _, a := range c.Alerts {
		worst = max(worst, a.Severity)
	}
	if p := severityPoints[worst]; p > 0 {
		out = append(out, finding{p, "an alert of severity " + worst.String() + " speaks of it"})
	}
	if tactic, ok := c.wentOn(); ok {
		out = append(out, finding{40, "the attack went on from Execution to " + string(tactic)})
	}
	return out
}

// wentOn reports whether one alert tells of the way in and another of a later
// step, and which tactic that was, the furthest one.
func (c Context) wentOn() (model.Tactic, bool) {
	furthest := model.Tactic("")
	for _, in := range c.Alerts {
		if !slices.ContainsFunc(in.Tactics, func(t model.Tactic) bool { return slices.Contains(entry, t) }) {
			continue
		}
		for _, later := range c.Alerts {
			if later.ID == in.ID {
				continue
			}
			for _, t := range later.Tactics {
				if slices.Contains(followUp, t) && t.Order() > furthest.Order() {
					furthest = t
				}
			}
		}
	}
	return furthest, furthest != ""
}

// WithoutRole keeps the alerts alone: what a pod acts as may be an attacker
// without the pod being one.
func (c Context) WithoutRole() Context { return Context{Role: model.RoleUnknown, Alerts: c.Alerts} }
