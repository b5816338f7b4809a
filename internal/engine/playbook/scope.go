package playbook

import (
	"cmp"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Scope is what an investigation examines: the entities of the alert that
// starts it, then those of the incident's other alerts, what can be examined
// best first; at most MaxEntities. An entity that plays several parts is
// listed once, with the worst.
func Scope(trigger Candidate, alerts []Candidate) []model.Entity {
	merged := map[model.Key]model.Entity{}
	for _, a := range alerts {
		for _, e := range a.Entities {
			merged[e.Key] = merge(merged[e.Key], e)
		}
	}
	own := map[model.Key]bool{}
	for _, e := range trigger.Entities {
		own[e.Key] = true
		merged[e.Key] = merge(merged[e.Key], e)
	}
	out := make([]model.Entity, 0, len(merged))
	for _, e := range merged {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b model.Entity) int {
		return cmp.Or(
			-cmp.Compare(kindWeight[a.Kind], kindWeight[b.Kind]),
			compareBool(own[b.Key], own[a.Key]),
			-cmp.Compare(roleWeight[a.Role], roleWeight[b.Role]),
			a.Key.Compare(b.Key),
		)
	})
	return out[:min(len(out), MaxEntities)]
}

// kindWeight puts first what an analyzer can examine.
var kindWeight = map[model.EntityKind]int{
	model.KindPod: 4, model.KindServiceAccount: 3, model.KindWorkload: 2, model.KindContainer: 1, model.KindNode: 1,
}

// roleWeight orders the roles by how much they say against an entity.
var roleWeight = map[model.Role]int{
	model.RoleContextual: 1, model.RoleScanned: 2, model.RoleLoaded: 3, model.RoleSource: 4, model.RoleDestination: 5,
	model.RoleAdded: 6, model.RoleEdited: 7, model.RoleCreated: 8, model.RolePolicyViolator: 9, model.RoleSuspicious: 10,
	model.RoleAttacked: 11, model.RoleCommandAndControl: 12, model.RoleAttacker: 13, model.RoleCompromised: 14,
}

func merge(a, b model.Entity) model.Entity {
	if a.Key == (model.Key{}) {
		return b
	}
	if roleWeight[b.Role] > roleWeight[a.Role] {
		a.Role = b.Role
	}
	if b.Category == model.CategoryAsset {
		a.Category = b.Category
	}
	return a
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Heaviest are the alerts that tell most about an incident: the severest first,
// then the earliest; at most limit of them.
func Heaviest(alerts []model.Alert, limit int) []model.Alert {
	out := slices.Clone(alerts)
	slices.SortFunc(out, func(a, b model.Alert) int {
		return cmp.Or(-cmp.Compare(a.Severity, b.Severity), a.First.Compare(b.First), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), limit)]
}
