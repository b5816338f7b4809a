package main

import (
	"fmt"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
)

// run is what the engine made of a dataset.
type run struct {
	incidents []int // for each event
	alerts    int
	decisions []correlation.Decision // for each alert
	alertOf   []int
}

// engineGrouping groups a dataset as the product does.
func engineGrouping(dp dedup.Policy, cp correlation.Policy) grouping {
	return func(d dataset) ([]int, int) {
		r := pipeline(d, dp, cp)
		return r.incidents, r.alerts
	}
}

// pipeline sends raw events the way the product does: the fingerprint's window
// decides on a new alert, the engine on its incident; each event belongs to the
// incident that its alert is in at the end.
func pipeline(d dataset, dp dedup.Policy, cp correlation.Policy) run {
	engine := correlation.New(cp)
	type window struct {
		state dedup.State
		alert int
	}
	windows := map[string]*window{}
	var names, incidents []string
	index := map[string]int{}
	var r run
	for _, e := range d.events {
		w := windows[e.alert.Fingerprint]
		if w == nil {
			w = &window{}
			windows[e.alert.Fingerprint] = w
		}
		var opened bool
		w.state, opened, _ = dp.Observe(w.state, e.at, 1)
		if opened {
			a := e.alert
			a.Name, a.Occurrences = fmt.Sprintf("a%07d", r.alerts), 1
			a.ProviderIncident = "" // a vendor's own grouping is the truth of a dataset
			w.alert = r.alerts
			dec := engine.Assign(a)
			for _, m := range dec.Moves {
				incidents[index[m.Alert]] = m.To
			}
			index[a.Name] = r.alerts
			r.decisions = append(r.decisions, dec)
			names, incidents = append(names, a.Name), append(incidents, dec.Incident)
			r.alerts++
		} else {
			engine.Observe(names[w.alert], e.at, w.state.Count)
		}
		r.alertOf = append(r.alertOf, w.alert)
	}
	ids := map[string]int{}
	for _, a := range r.alertOf {
		final := engine.Resolve(incidents[a])
		id, ok := ids[final]
		if !ok {
			id = len(ids)
			ids[final] = id
		}
		r.incidents = append(r.incidents, id)
	}
	return r
}
