// Package store holds what controllers keep in memory: for each tenant, the
// correlation engine over its alerts. Everything in it can be rebuilt from the
// API server.
package store

import (
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Tenant is the correlation of one namespace. It is not safe for concurrent use.
type Tenant struct {
	engine *correlation.Engine
	// undelivered holds decisions that are not written yet: the engine decides
	// once, a write may have to be tried again.
	undelivered map[string]correlation.Decision
	// placed says where each alert was last seen or put.
	placed map[string]string
}

// Known is an alert whose membership is written.
type Known struct {
	Alert      model.Alert
	Membership correlation.Decision
}

// NewTenant rebuilds a tenant from what is written, deciding nothing.
func NewTenant(policy correlation.Policy, alerts []Known, incidents []correlation.IncidentFacts) *Tenant {
	t := &Tenant{engine: correlation.New(policy), undelivered: map[string]correlation.Decision{}, placed: map[string]string{}}
	alerts = slices.Clone(alerts)
	slices.SortFunc(alerts, func(a, b Known) int {
		if c := a.Alert.First.Compare(b.Alert.First); c != 0 {
			return c
		}
		if a.Alert.Name < b.Alert.Name {
			return -1
		}
		return 1
	})
	for _, k := range alerts {
		t.restore(k)
	}
	for _, f := range incidents {
		t.engine.SetIncident(f)
	}
	return t
}

// FactsFunc looks up what people said of an incident; false when there is none.
type FactsFunc func(incident string) (correlation.IncidentFacts, bool)

// maxAttempts bounds how often a decision is taken again because the incident
// that it names turns out to be closed.
const maxAttempts = 8

// Assign decides where an alert belongs that is in no incident yet. Until
// Delivered is called, it gives the same answer again, unless an incident that
// the answer names was closed in the meantime.
func (t *Tenant) Assign(a model.Alert, facts FactsFunc) correlation.Decision {
	for range maxAttempts {
		d, ok := t.undelivered[a.Name]
		if !ok {
			d = t.engine.Assign(a)
			t.undelivered[a.Name], t.placed[a.Name] = d, d.Incident
		}
		if !t.learn(d, facts) {
			return d
		}
		t.Forget(a.Name)
	}
	d := t.engine.Assign(a)
	t.placed[a.Name] = d.Incident
	return d
}

// learn tells the engine what is known of the incidents that a decision names,
// and reports whether one of them is closed.
func (t *Tenant) learn(d correlation.Decision, facts FactsFunc) bool {
	closed := false
	names := []string{d.Incident}
	for _, m := range d.Merges {
		names = append(names, m.Source, m.Target)
	}
	for _, name := range names {
		if f, ok := facts(name); ok {
			t.set(f)
			closed = closed || f.Resolved
		}
	}
	return closed
}

// Keep takes over an alert whose membership is written, and returns the
// incident that it belongs to now: the one written, or where that was
// redirected to.
func (t *Tenant) Keep(k Known) string {
	now := t.engine.Resolve(k.Membership.Incident)
	if had := t.placed[k.Alert.Name]; had != "" && t.engine.Resolve(had) != now {
		t.Forget(k.Alert.Name) // what is written is the truth
	}
	t.restore(k)
	t.engine.Observe(k.Alert.Name, k.Alert.Last, k.Alert.Occurrences)
	return now
}

func (t *Tenant) restore(k Known) {
	t.engine.Restore(k.Alert, k.Membership)
	t.placed[k.Alert.Name] = k.Membership.Incident
}

// Move puts an alert into an incident because a person said so. Refused says
// why not, as a constant.
func (t *Tenant) Move(k Known, incident string, facts FactsFunc) (d correlation.Decision, refused string) {
	t.Keep(k)
	f, ok := facts(incident)
	if !ok {
		return d, correlation.RefusedNotFound
	}
	if f.RedirectedTo != "" {
		return d, correlation.RefusedRedirected
	}
	t.set(f)
	if d, refused = t.engine.Move(k.Alert.Name, incident); refused == "" {
		t.undelivered[k.Alert.Name], t.placed[k.Alert.Name] = d, d.Incident
	}
	return d, refused
}

// set takes over what people said of an incident. A redirect that was decided
// and is not written yet stays in force.
func (t *Tenant) set(f correlation.IncidentFacts) {
	if to := t.engine.Resolve(f.Name); f.RedirectedTo == "" && to != f.Name {
		f.RedirectedTo = to
	}
	t.engine.SetIncident(f)
}

// Delivered says that the alert's decision is written.
func (t *Tenant) Delivered(alert string) { delete(t.undelivered, alert) }

// Forget drops an alert that is gone.
func (t *Tenant) Forget(alert string) {
	delete(t.undelivered, alert)
	delete(t.placed, alert)
	t.engine.Forget(alert)
}
