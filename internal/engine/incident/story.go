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

// sortedSet drops empty and repeated strings.
func sortedSet(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" })
}

func firstOf[T any](list []T, limit int) []T { return list[:min(len(list), limit)] }

func lastOf[T any](list []T, limit int) []T { return list[max(0, len(list)-limit):] }
