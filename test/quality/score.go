package main

import (
	"fmt"
	"iter"
	"maps"
	"slices"
)

// floodCap is how many events of one signature on one host count towards
// precision, so that a flood does not decide.
const floodCap = 50

// result is how well a grouping serves one intrusion.
type result struct {
	recall, precision, f1 float64
	fragments             int
	phases                map[string]float64
	incident              int
}

type hostSignature struct{ host, signature string }

// score judges a grouping (an incident for each event) for one intrusion.
func score(events []event, incidents []int, intrusion string) result {
	phaseSize := map[string]float64{}
	for _, e := range events {
		if e.intrusion == intrusion {
			phaseSize[e.phase]++
		}
	}
	type tally struct {
		phase  map[string]float64
		total  map[hostSignature]float64
		inside map[hostSignature]float64
	}
	tallies := map[int]*tally{}
	for i, e := range events {
		t := tallies[incidents[i]]
		if t == nil {
			t = &tally{map[string]float64{}, map[hostSignature]float64{}, map[hostSignature]float64{}}
			tallies[incidents[i]] = t
		}
		hs := hostSignature{e.host, e.signature}
		t.total[hs]++
		if e.during == intrusion {
			t.inside[hs]++
		}
		if e.intrusion == intrusion {
			t.phase[e.phase]++
		}
	}
	var best result
	var masses []float64
	for _, id := range slices.Sorted(maps.Keys(tallies)) {
		t := tallies[id]
		if len(t.phase) == 0 {
			continue
		}
		r := result{phases: map[string]float64{}, incident: id}
		for phase, size := range phaseSize {
			r.phases[phase] = t.phase[phase] / size
			r.recall += t.phase[phase] / size / float64(len(phaseSize))
		}
		var all, in float64
		for hs, n := range t.total {
			all += min(n, floodCap)
			in += min(n, floodCap) * t.inside[hs] / n
		}
		r.precision = in / all
		r.f1 = 2 * r.precision * r.recall / (r.precision + r.recall)
		masses = append(masses, r.recall)
		if r.f1 > best.f1 {
			best = r
		}
	}
	slices.Sort(masses)
	slices.Reverse(masses)
	held := 0.0
	for _, m := range masses {
		if held += m; held >= 0.9-1e-9 {
			best.fragments++
			break
		}
		best.fragments++
	}
	return best
}

func count(incidents []int) int {
	seen := map[int]bool{}
	for _, id := range incidents {
		seen[id] = true
	}
	return len(seen)
}

// grouping gives each event of a dataset an incident, and says how many alerts there were.
type grouping func(dataset) (incidents []int, alerts int)

// average is how a grouping does over many datasets.
type average struct {
	f1, worst, fragments, incidents     float64
	most, alerts, scenarios, intrusions int
}

func (a average) String() string {
	return fmt.Sprintf("F1 %.3f  worst %.3f  fragments %4.1f  incidents %5.0f (most %d)", a.f1, a.worst, a.fragments, a.incidents, a.most)
}

func mean(sets iter.Seq[dataset], g grouping) average { return means(sets, []grouping{g})[0] }

// means judges several groupings while each dataset is there.
func means(sets iter.Seq[dataset], groupings []grouping) []average {
	out := make([]average, len(groupings))
	for i := range out {
		out[i].worst = 1
	}
	for d := range sets {
		for i, g := range groupings {
			out[i].add(d, g)
		}
	}
	for i := range out {
		out[i].incidents /= float64(out[i].scenarios)
		out[i].f1 /= float64(out[i].intrusions)
		out[i].fragments /= float64(out[i].intrusions)
	}
	return out
}

// add judges one dataset. Means are sums until all are judged.
func (a *average) add(d dataset, g grouping) {
	incidents, alerts := g(d)
	a.scenarios++
	a.alerts += alerts
	a.incidents += float64(count(incidents))
	a.most = max(a.most, count(incidents))
	for _, intrusion := range d.scored() {
		s := score(d.events, incidents, intrusion)
		a.f1, a.fragments, a.worst, a.intrusions = a.f1+s.f1, a.fragments+float64(s.fragments), min(a.worst, s.f1), a.intrusions+1
	}
}
