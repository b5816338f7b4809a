package incident

import (
	"cmp"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Edge joins one alert of the story to an earlier one.
type Edge struct {
	Alert, Title         string
	Time                 time.Time
	Tactic               model.Tactic
	Peer, Reason, Shared string
}

// tell lists the alerts in the order in which they happened, each with the one
// link that joined it, and counts the links.
func tell(alerts []Member) ([]Edge, int) {
	edges := make([]Edge, 0, min(len(alerts), maxStory))
	links := 0
	for _, a := range alerts {
		if a.LinkReason != "" {
			links++
		}
		if len(edges) < maxStory {
			edges = append(edges, Edge{
				Alert: a.Name, Title: a.Title, Time: a.First, Tactic: furthest(a.Tactics),
				Peer: a.Peer, Reason: a.LinkReason, Shared: a.Shared,
			})
		}
	}
	return edges, links
}

func furthest(tactics []model.Tactic) model.Tactic {
	sorted := model.SortTactics(tactics)
	if len(sorted) == 0 {
		return ""
	}
	return sorted[len(sorted)-1]
}

func byTime(a, b Member) int {
	return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Name, b.Name))
}

// sortedSet drops empty and repeated strings and keeps the first few.
func sortedSet(in []string, limit int) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	out = slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" })
	return out[:min(len(out), limit)]
}

// firstMerged keeps the names that were listed before, then adds new ones by
// name, as long as there is room: what was told once does not vanish again.
func firstMerged(in, before []string) []string {
	listed := map[string]bool{}
	for _, name := range before {
		listed[name] = true
	}
	out := slices.Compact(slices.Sorted(slices.Values(in)))
	slices.SortStableFunc(out, func(a, b string) int {
		switch {
		case listed[a] == listed[b]:
			return 0
		case listed[a]:
			return -1
		}
		return 1
	})
	out = out[:min(len(out), maxMergedFrom)]
	slices.Sort(out)
	return out
}
