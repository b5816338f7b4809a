package incident

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// AssetGroup is the impacted assets of one kind.
type AssetGroup struct {
	Kind  model.EntityKind
	Total int
	Top   []Asset
}

// Asset is something that was hit, and how many alerts speak of it.
type Asset struct {
	Name   string
	Alerts int
}

const maxTopAssets = 10

// gatherAssets groups the impacted assets by kind, those with the most alerts
// first, and counts them.
func gatherAssets(alerts []Member) ([]AssetGroup, int) {
	counts := map[model.EntityKind]map[string]int{}
	total := 0
	for _, a := range alerts {
		seen := map[model.Key]bool{}
		for _, e := range a.Entities {
			if e.Category != model.CategoryAsset || seen[e.Key] {
				continue
			}
			seen[e.Key] = true
			if counts[e.Kind] == nil {
				counts[e.Kind] = map[string]int{}
			}
			if counts[e.Kind][e.Name] == 0 {
				total++
			}
			counts[e.Kind][e.Name]++
		}
	}
	out := make([]AssetGroup, 0, len(counts))
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, AssetGroup{Kind: kind, Total: len(counts[kind]), Top: top(counts[kind])})
	}
	return out, total
}

func top(counts map[string]int) []Asset {
	out := make([]Asset, 0, len(counts))
	for name, n := range counts {
		out = append(out, Asset{Name: name, Alerts: n})
	}
	slices.SortFunc(out, func(a, b Asset) int {
		return cmp.Or(-cmp.Compare(a.Alerts, b.Alerts), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), maxTopAssets)]
}
