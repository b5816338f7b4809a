package correlation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// life is an engine that goes on, with what is written of its alerts.
type life struct {
	*Engine
	written map[string]model.Alert
	order   []string
	r       *rand.Rand
}

// next decides on an alert, and lets something else happen to an earlier one.
func (l *life) next(a model.Alert) Decision {
	l.written[a.Name], l.order = a, append(l.order, a.Name)
	d := l.Assign(a)
	if l.r.IntN(50) == 0 { // a false alarm: the newest are all deleted
		for range min(len(l.order)-1, l.r.IntN(8*l.limit)) {
			l.forget(l.order[len(l.order)-1])
		}
	}
	other := l.written[l.order[l.r.IntN(len(l.order))]]
	switch l.r.IntN(8) {
	case 0:
		l.forget(other.Name)
	case 1:
		if a.First.After(other.Last) {
			other.Last = a.First
			other.Occurrences += int64(l.r.IntN(50))
			l.written[other.Name] = other
			l.Observe(other.Name, other.Last, other.Occurrences)
		}
	case 2:
		l.Move(other.Name, l.order[l.r.IntN(len(l.order))])
	case 3:
		other.Entities = append(slices.Clone(other.Entities), evidence(model.KindURL, fmt.Sprintf("https://x/%d", l.r.IntN(40))))
		l.written[other.Name] = other
		l.Reassign(other)
	case 4:
		at, _ := l.Recall(other.Name)
		f := IncidentFacts{Name: at.Incident, Resolved: l.r.IntN(4) == 0, HumanWork: l.r.IntN(3)}
		l.SetIncident(f)
	}
	return d
}

func (l *life) forget(name string) {
	l.Forget(name)
	delete(l.written, name)
	l.order = slices.DeleteFunc(l.order, func(n string) bool { return n == name })
}

// rebuilt is another engine made of what is written, in any order.
func (l *life) rebuilt() *life {
	anew := &life{Engine: New(l.policy), written: map[string]model.Alert{}, order: slices.Clone(l.order), r: rand.New(rand.NewPCG(1, l.r.Uint64()))}
	facts := factsOf(l.Engine)
	for n, i := range l.r.Perm(len(l.order)) {
		if n == len(l.order)/2 {
			for _, f := range facts {
				anew.SetIncident(f)
			}
		}
		a := l.written[l.order[i]]
		d, _ := l.Recall(a.Name)
		anew.Restore(a, d)
		anew.written[a.Name] = a
	}
	return anew
}

// found is what an engine finds incidents by, in words.
func found(e *Engine) map[string][]string {
	out := map[string][]string{}
	say := func(by string, l *postings) {
		for _, p := range e.newest(l) {
			out[by] = append(out[by], fmt.Sprint(e.incidents.keys[p.incident], " by ", e.alerts.keys[p.peer], " ", p.alerts, " ", p.notable, " ", p.last))
		}
	}
	for i := range e.entities.rows {
		say(e.entities.keys[i].String(), &e.entities.rows[i].postings)
	}
	for i := range e.recent {
		say(fmt.Sprint("recent ", i), &e.recent[i])
	}
	for _, q := range e.quiet.newest(e.limit) {
		out["quiet"] = append(out["quiet"], e.alerts.keys[q])
	}
	return out
}

// FuzzRebuilt: an engine that lived through everything and one that was rebuilt
// know and decide the same, also of entities in more incidents than are looked at.
func FuzzRebuilt(f *testing.F) {
	f.Add(uint64(1), uint16(32), uint16(700))
	f.Add(uint64(167), uint16(81), uint16(126)) // a redirect to what is no more
	f.Add(uint64(5), uint16(1), uint16(304))    // an incident that once had many alerts is merged
	for seed := range uint64(12) {
		f.Add(seed, uint16(seed%4), uint16(300))
	}
	f.Fuzz(func(t *testing.T, seed uint64, hub, n uint16) {
		p := DefaultPolicy()
		p.HubIncidents = 2 + int(hub)%40
		p.MaxAlerts = 3 * crowd
		r := rand.New(rand.NewPCG(seed, 3))
		old := &life{Engine: New(p), written: map[string]model.Alert{}, r: rand.New(rand.NewPCG(seed, 4))}
		alerts := hubs(r, int(n)%1000)
		rebuild := r.IntN(len(alerts) + 1)
		for _, a := range alerts[:rebuild] {
			old.next(a)
		}
		anew := old.rebuilt()
		old.r, anew.r = rand.New(rand.NewPCG(seed, 5)), rand.New(rand.NewPCG(seed, 5))
		for i, a := range alerts[rebuild:] {
			if i%20 == 0 {
				if diff := cmp.Diff(found(old.Engine), found(anew.Engine)); diff != "" {
					t.Fatalf("rebuilt after %d alerts, %d later it knows other things (-lived +rebuilt):\n%s", rebuild, i, diff)
				}
			}
			if diff := cmp.Diff(old.next(a), anew.next(a)); diff != "" {
				t.Fatalf("rebuilt after %d alerts, alert %s is decided otherwise (-lived +rebuilt):\n%s", rebuild, a.Name, diff)
			}
		}
		check(t, old.Engine, nil)
	})
}

// hubs is a row of alerts of which most share an address, a node and techniques with many others.
func hubs(r *rand.Rand, n int) []model.Alert {
	var out []model.Alert
	var at time.Duration
	for i := range n {
		at += time.Duration(r.IntN(400)) * time.Second
		begin := at
		if r.IntN(5) == 0 { // comes late
			begin -= time.Duration(r.IntN(7200)) * time.Second
		}
		a := alertAt(fmt.Sprintf("a%05d", i), begin, fmt.Sprint("r", int(r.ExpFloat64()*10)),
			asset(model.KindDevice, fmt.Sprint("h", r.IntN(150))), asset(model.KindNode, fmt.Sprint("n", r.IntN(3))),
			evidence(model.KindIP, fmt.Sprint("203.0.113.", r.IntN(3))), evidence(model.KindFile, fmt.Sprint("sha256:", int(r.ExpFloat64()*40))))
		a.Tactics = []model.Tactic{model.Tactics[r.IntN(len(model.Tactics))]}
		a.CorrelationDisabled = r.IntN(40) == 0
		if r.IntN(3) == 0 { // routine
			a.Rule, a.Entities = "heartbeat", []model.Entity{asset(model.KindDevice, fmt.Sprint("h", r.IntN(3))), a.Entities[1]}
		}
		for range r.IntN(4) {
			a.Techniques = append(a.Techniques, fmt.Sprintf("T100%d", r.IntN(6)))
		}
		out = append(out, a)
	}
	return out
}
