package entity

import (
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// MaxEntities is how many entities an alert keeps: the first. A detector names a
// handful.
const MaxEntities = 64

// MaxNamed bounds the entities that are told apart, so that they can be counted:
// an attacker may name any number.
const MaxNamed = 10_000

// List gathers the entities of one alert, each once, in the order in which they
// were added: the first mention decides on the role.
type List struct {
	items []model.Entity
	seen  map[model.Key]bool
}

// Asset adds something that was hit.
func (l *List) Asset(role model.Role) func(model.Key, bool) {
	return l.adder(role, model.CategoryAsset)
}

// Evidence adds something that only speaks of the hit.
func (l *List) Evidence(role model.Role) func(model.Key, bool) {
	return l.adder(role, model.CategoryEvidence)
}

// Add adds an entity in the category that its kind has by nature.
func (l *List) Add(role model.Role) func(model.Key, bool) {
	return func(key model.Key, ok bool) { l.adder(role, CategoryOf(key.Kind))(key, ok) }
}

// adder takes what the constructors of this package return.
func (l *List) adder(role model.Role, category model.Category) func(model.Key, bool) {
	return func(key model.Key, ok bool) {
		if !ok || l.seen[key] || len(l.items) >= MaxNamed {
			return
		}
		if l.seen == nil {
			l.seen = map[model.Key]bool{}
		}
		l.seen[key] = true
		l.items = append(l.items, model.Entity{Key: key, Role: role, Category: category})
	}
}

// Items returns the entities, of which an alert keeps the first MaxEntities.
func (l *List) Items() []model.Entity { return l.items }
