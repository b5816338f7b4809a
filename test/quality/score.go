package main

import (
	"fmt"
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

// average is how a grouping does over many datasets.
type average struct {
	f1, worst, fragments, incidents float64
	most, alerts                    int
}

func (a average) String() string {
	return fmt.Sprintf("F1 %.3f  worst %.3f  fragments %4.1f  incidents %5.0f (most %d)", a.f1, a.worst, a.fragments, a.incidents, a.most)
}

func mean(sets []dataset, grouping func(dataset) ([]int, int)) average {
	out := average{worst: 1}
	n := 0.0
	for _, d := range sets {
		incidents, alerts := grouping(d)
		out.alerts += alerts
		out.incidents += float64(count(incidents)) / float64(len(sets))
		out.most = max(out.most, count(incidents))
		for _, intrusion := range d.scored() {
			s := score(d.events, incidents, intrusion)
			out.f1, out.fragments, out.worst, n = out.f1+s.f1, out.fragments+float64(s.fragments), min(out.worst, s.f1), n+1
		}
	}
	out.f1 /= n
	out.fragments /= n
	return out
}
