package correlation

import (
	"cmp"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Placed is an alert with the decision that placed it.
type Placed struct {
	Alert model.Alert
	Links []Link
}

// Story answers, for one incident, where it started and how far it went.
type Story struct {
	// Edges are the incident's spanning tree: why each alert but the first is here.
	Edges []Edge
	// Path is the order in which assets were reached.
	Path []Stage
	// TotalEdges and TotalStages count what there is before anything was cut.
	TotalEdges, TotalStages int
}

// Edge is the strongest tie of an alert to an earlier one.
type Edge struct {
	Alert string
	At    time.Time
	Link
}

// Stage is the first time that an asset was reached, with the tactics seen there.
type Stage struct {
	Asset   model.Key
	Alert   string
	At      time.Time
	Tactics []model.Tactic
}

// Tell orders what is known of an incident by time, at most limit of each kind; of the
// edges the heaviest are kept, of the stages the first.
func Tell(members []Placed, limit int) Story {
	ordered := slices.Clone(members)
	slices.SortFunc(ordered, func(a, b Placed) int {
		return cmp.Or(a.Alert.First.Compare(b.Alert.First), cmp.Compare(a.Alert.Name, b.Alert.Name))
	})
	var s Story
	stages := map[model.Key]int{}
	for _, m := range ordered {
		if len(m.Links) > 0 {
			s.Edges = append(s.Edges, Edge{Alert: m.Alert.Name, At: m.Alert.First, Link: m.Links[0]})
		}
		key := assetOf(&m.Alert)
		if key.Name == "" {
			continue
		}
		i, known := stages[key]
		if !known {
			i = len(s.Path)
			stages[key] = i
			s.Path = append(s.Path, Stage{Asset: key, Alert: m.Alert.Name, At: m.Alert.First})
		}
		s.Path[i].Tactics = model.SortTactics(append(slices.Clone(s.Path[i].Tactics), m.Alert.Tactics...))
	}
	s.TotalEdges, s.TotalStages = len(s.Edges), len(s.Path)
	s.Path = s.Path[:min(len(s.Path), limit)]
	if len(s.Edges) > limit {
		byWeight := slices.Clone(s.Edges)
		slices.SortStableFunc(byWeight, func(a, b Edge) int { return -cmp.Compare(a.Weight, b.Weight) })
		s.Edges = byWeight[:limit]
		slices.SortStableFunc(s.Edges, func(a, b Edge) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Alert, b.Alert))
		})
	}
	return s
}
