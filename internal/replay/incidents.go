package replay

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// Incident is an incident at the end of a run.
type Incident struct {
	Name string
	// Summary is what an Incident in a cluster would show.
	incident.Summary
	// Path is the order in which assets were reached; TotalStages counts them all.
	Path        []correlation.Stage
	TotalStages int
	// Alerts are in the order in which they happened.
	Alerts []Placed
	// RedirectedFrom are the incidents that were merged into this one.
	RedirectedFrom []string
}

// maxStages is how many assets of a path are told.
const maxStages = 50

// Incidents returns all incidents, the widest first: the one with the most
// assets, then with the most tactics, then with the most alerts.
func (r *Run) Incidents() []Incident {
	members := map[string][]int{}
	for i := range r.alerts {
		if r.alerts[i].hidden() {
			continue
		}
		name := r.engine.Resolve(r.alerts[i].decision.Incident)
		members[name] = append(members[name], i)
	}
	sources := map[string][]string{}
	for _, m := range r.redirects {
		into := r.engine.Resolve(m.Source)
		sources[into] = append(sources[into], m.Source)
	}
	out := make([]Incident, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		out = append(out, r.incident(name, members[name], sources[name]))
	}
	slices.SortStableFunc(out, func(a, b Incident) int {
		return cmp.Or(
			-cmp.Compare(a.Counts.Assets, b.Counts.Assets), -cmp.Compare(len(a.Tactics), len(b.Tactics)),
			-cmp.Compare(a.Counts.Alerts, b.Counts.Alerts), a.First.Compare(b.First))
	})
	return out
}

func (r *Run) incident(name string, members []int, sources []string) Incident {
	slices.SortFunc(members, func(i, j int) int {
		a, b := &r.alerts[i], &r.alerts[j]
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Name, b.Name))
	})
	out := Incident{Name: name, RedirectedFrom: slices.Compact(slices.Sorted(slices.Values(sources)))}
	in := incident.Input{Name: name, Survivors: map[string]string{}}
	var tellers []correlation.Placed
	for _, i := range members {
		placed := r.Alert(i)
		out.Alerts = append(out.Alerts, placed)
		in.Alerts = append(in.Alerts, member(placed, r.alerts[i].decision))
		tellers = append(tellers, correlation.Placed{Alert: placed.Alert, Links: placed.Links})
		for _, s := range r.alerts[i].decision.Similar {
			in.Survivors[s.Incident] = r.engine.Resolve(s.Incident)
		}
		if placed.Alert.Last.After(in.Now) {
			in.Now = placed.Alert.Last
		}
	}
	out.Summary = incident.Summarize(in)
	story := correlation.Tell(tellers, maxStages)
	out.Path, out.TotalStages = story.Path, story.TotalStages
	return out
}

// member is an alert as an Incident in a cluster sees it.
func member(p Placed, d correlation.Decision) incident.Member {
	m := incident.Member{Alert: p.Alert, SurpriseBits: d.Surprise, Ended: p.Ended}
	if p.Tuning.Action == tuning.Resolve {
		m.Said, m.Settled, m.ResolvedByTuning = incident.Resolved, true, true
	}
	if len(p.Links) > 0 {
		m.Peer, m.LinkReason = p.Links[0].Peer, p.Links[0].Reason
		if p.Links[0].Entity != (model.Key{}) {
			m.Shared = p.Links[0].Entity.String()
		}
	}
	for _, s := range d.Similar {
		m.Similar = append(m.Similar, incident.Similar{Incident: s.Incident, Reason: s.Reason, Message: s.Message})
	}
	return m
}

// AssetNames lists the assets of each kind as "Kind/name", those with the most
// alerts first, as far as the summary has them.
func (i Incident) AssetNames() []string {
	var names []string
	for _, group := range i.Assets {
		for _, asset := range group.Top {
			names = append(names, strings.Join([]string{string(group.Kind), asset.Name}, "/"))
		}
	}
	return names
}
