// Package store holds what controllers keep in memory: for each tenant, the
// correlation engine over its alerts. Everything in it can be rebuilt from the
// API server.
package store

import (
	"cmp"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Tenant is the correlation of one namespace. It is not safe for concurrent use.
//
// The engine decides once; a write may have to be tried again. Until a decision
// is written, the engine is ahead of the API server: alerts follow a merge only
// when its redirect is written, and a decision that people have overtaken in
// the meantime is given up together with the tenant, which is then rebuilt from
// what is written.
type Tenant struct {
	engine *correlation.Engine
	// undelivered holds the decisions that are not written yet.
	undelivered map[string]pending
	// placed says where each alert was last seen or put.
	placed map[string]string
	// facts are what is written of each incident.
	facts map[string]correlation.IncidentFacts
}

// pending is a decision, and what was known of the alert when it was made.
type pending struct {
	correlation.Decision
	enrichment string
	// byHand says that a person wanted it.
	byHand bool
}

// Known is an alert, and where it is written to belong.
type Known struct {
	Alert      model.Alert
	Membership correlation.Decision
	// Enrichment differs when what the cluster adds to the alert's entities does.
	Enrichment string
}

// NewTenant rebuilds a tenant from what is written, deciding nothing.
func NewTenant(policy correlation.Policy, alerts []Known, incidents []correlation.IncidentFacts) *Tenant {
	t := &Tenant{
		engine: correlation.New(policy), undelivered: map[string]pending{},
		placed: map[string]string{}, facts: map[string]correlation.IncidentFacts{},
	}
	alerts = slices.Clone(alerts)
	slices.SortFunc(alerts, func(a, b Known) int {
		return cmp.Or(a.Alert.First.Compare(b.Alert.First), cmp.Compare(a.Alert.Name, b.Alert.Name))
	})
	for _, k := range alerts {
		t.restore(k)
	}
	for _, f := range incidents {
		t.Learn(f)
	}
	return t
}

// Learn takes over what is written of an incident. A redirect is final: who does
// not speak of it looked earlier. One that was decided and is not written yet
// stays in force for the engine.
func (t *Tenant) Learn(f correlation.IncidentFacts) {
	if f.RedirectedTo == "" {
		f.RedirectedTo = t.facts[f.Name].RedirectedTo
	}
	t.facts[f.Name] = f
	if end := t.facts[t.Follow(f.Name)]; end.RedirectedTo != "" { // a circle ends there
		end.RedirectedTo = ""
		t.engine.ForgetIncident(end.Name)
		t.engine.SetIncident(end)
		if end.Name == f.Name {
			return
		}
		f.RedirectedTo = end.Name
	}
	if to := t.engine.Resolve(f.Name); f.RedirectedTo == "" && to != f.Name {
		f.RedirectedTo = to
	}
	t.engine.SetIncident(f)
}

// Remember takes over the redirects that another tenant of the namespace knows to
// be written, of incidents that are still there.
func (t *Tenant) Remember(other *Tenant) {
	if other == nil {
		return
	}
	for name, f := range other.facts {
		if _, there := t.facts[name]; there && f.RedirectedTo != "" {
			t.Merged(name, f.RedirectedTo)
		}
	}
}

// ForgetIncident drops an incident that is gone.
func (t *Tenant) ForgetIncident(name string) {
	delete(t.facts, name)
	t.engine.ForgetIncident(name)
}

// Assign decides where an alert belongs that is in no incident yet. Until
// Delivered is called, it gives the same answer again.
func (t *Tenant) Assign(k Known) correlation.Decision {
	return t.decide(k, t.engine.Assign)
}

// Reassign decides again for an alert whose membership is written and whose
// entities have changed since. It is as Assign otherwise. A Move that is not
// written yet is dropped: nobody wants it any more, or it is refused by now.
func (t *Tenant) Reassign(k Known) correlation.Decision {
	if p, waiting := t.undelivered[k.Alert.Name]; !waiting || p.byHand {
		delete(t.undelivered, k.Alert.Name)
		t.Keep(k)
	}
	return t.decide(k, t.engine.Reassign)
}

func (t *Tenant) decide(k Known, by func(model.Alert) correlation.Decision) correlation.Decision {
	if p, ok := t.undelivered[k.Alert.Name]; ok {
		return p.Decision
	}
	d := by(k.Alert)
	t.undelivered[k.Alert.Name], t.placed[k.Alert.Name] = pending{Decision: d, enrichment: k.Enrichment}, d.Incident
	for _, m := range d.Moves {
		t.placed[m.Alert] = m.To
		if waiting, ok := t.undelivered[m.Alert]; ok {
			waiting.Incident, waiting.Links, waiting.Routine = m.To, []correlation.Link{m.Link}, false
			waiting.New, waiting.Reason, waiting.Message = false, correlation.ReasonJoined, correlation.Recollected(k.Alert.Name)
			t.undelivered[m.Alert] = waiting
		}
	}
	return d
}

// Overtaken reports whether something was said or found since the decision on
// an alert was made that speaks against it. An alert may stay in an incident that
// is resolved; none may be put there.
func (t *Tenant) Overtaken(k Known, d correlation.Decision) bool {
	if !d.New && d.Incident != t.Follow(k.Membership.Incident) && t.facts[d.Incident].Resolved {
		return true
	}
	if p, waiting := t.undelivered[k.Alert.Name]; waiting && p.enrichment != k.Enrichment {
		return true
	}
	return slices.ContainsFunc(d.Merges, func(m correlation.Merge) bool {
		source, target := t.facts[m.Source], t.facts[m.Target]
		return source.Resolved || target.Resolved ||
			t.Follow(m.Source) != m.Source && source.RedirectedTo != m.Target || t.Follow(m.Target) == m.Source ||
			differ(source.AssignedTo, target.AssignedTo) ||
			differ(source.Classification, target.Classification) ||
			differ(source.Determination, target.Determination)
	})
}

func differ(a, b string) bool { return a != "" && b != "" && a != b }

// Merge says into which incident one is merged that people want merged into the
// named one: that, or where it was merged into itself. Refused says why it may
// not be, as a constant. Nothing is done before Merged is called.
func (t *Tenant) Merge(source, named string) (target, refused string) {
	target = t.Follow(named)
	switch f, there := t.facts[target]; {
	case target == source:
		return target, correlation.RefusedSame
	case !there:
		return target, correlation.RefusedNotFound
	case f.RedirectedTo != "": // a circle
		return target, correlation.RefusedRedirected
	}
	return target, t.engine.CanMerge(source, target)
}

// Merged says that the redirect of an incident is written.
func (t *Tenant) Merged(source, target string) {
	f := t.facts[source]
	f.Name, f.RedirectedTo = source, target
	t.Learn(f)
}

// Keep takes over an alert whose membership is written, and returns the
// incident that it belongs to now: the one written, or where that was
// redirected to.
func (t *Tenant) Keep(k Known) string {
	now := t.Follow(k.Membership.Incident)
	if had := t.placed[k.Alert.Name]; had != "" && t.engine.Resolve(had) != t.engine.Resolve(now) {
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

// Follow is where the redirects that are written lead from an incident. In a
// circle, which two that decide at once can write, it is the first by name.
func (t *Tenant) Follow(incident string) string {
	for range len(t.facts) {
		next := t.facts[incident].RedirectedTo
		if next == "" {
			return incident
		}
		incident = next
	}
	first := incident
	for at := t.facts[incident].RedirectedTo; at != "" && at != incident; at = t.facts[at].RedirectedTo {
		first = min(first, at)
	}
	return first
}

// Holds reports whether an alert is in the incident, or about to be put there, as
// far as no redirect was followed.
func (t *Tenant) Holds(incident string) bool {
	for _, where := range t.placed {
		if where == incident {
			return true
		}
	}
	return false
}

// Move puts an alert into an incident because a person said so; its own name
// means an incident of its own. Refused says why not, as a constant.
func (t *Tenant) Move(k Known, incident string) (d correlation.Decision, refused string) {
	t.Keep(k)
	f, ok := t.facts[incident]
	switch {
	case !ok && incident != k.Alert.Name:
		return d, correlation.RefusedNotFound
	case f.RedirectedTo != "":
		return d, correlation.RefusedRedirected
	}
	if d, refused = t.engine.Move(k.Alert.Name, incident); refused == "" {
		t.undelivered[k.Alert.Name], t.placed[k.Alert.Name] = pending{Decision: d, enrichment: k.Enrichment, byHand: true}, d.Incident
	}
	return d, refused
}

// Delivered says that the alert's decision is written.
func (t *Tenant) Delivered(alert string) { delete(t.undelivered, alert) }

// Written reports whether the alert is written to be in an incident, as far as is
// known here: a cache may not show it yet.
func (t *Tenant) Written(alert string) bool {
	_, waiting := t.undelivered[alert]
	return t.placed[alert] != "" && !waiting
}

// Forget drops an alert that is gone. It reports whether a decision goes with it
// that others were drawn into: the engine is then wrong about those.
func (t *Tenant) Forget(alert string) (wrong bool) {
	d := t.undelivered[alert]
	delete(t.undelivered, alert)
	delete(t.placed, alert)
	t.engine.Forget(alert)
	return len(d.Merges)+len(d.Moves) > 0
}
