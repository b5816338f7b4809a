package incident

import (
	"cmp"
	"slices"
)

// Similar is an incident that resembles another one but stays apart. Reason is a
// constant.
type Similar struct{ Incident, Reason, Message string }

// reasonContinues is the reason of a full incident that goes on in another one.
const reasonContinues = "Continues"

// closeness orders the reasons for which incidents resemble each other, the
// closest first: only a rule kept apart the first three.
var closeness = []string{"SameEntitiesResolved", reasonContinues, "MergeRefused", "SameEntities", "SameTechniques"}

// resemblances are the incidents that those resembled which the alerts opened,
// the closest first, as what they are part of now; and the one which this one
// continues. The incident itself is none of them.
func resemblances(alerts []Member, in Input) (similar []Similar, continues string) {
	type found struct {
		Similar
		closeness, place int
	}
	var all []found
	for _, a := range alerts {
		for place, s := range a.Similar {
			s.Incident = cmp.Or(in.Survivors[s.Incident], s.Incident)
			if s.Incident == in.Name {
				continue
			}
			rank := slices.Index(closeness, s.Reason)
			if rank < 0 {
				rank = len(closeness)
			}
			all = append(all, found{s, rank, place})
			if s.Reason == reasonContinues && continues == "" {
				continues = s.Incident
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.closeness, b.closeness), cmp.Compare(a.place, b.place))
	})
	for _, f := range firstOf(once(all, func(f found) string { return f.Incident }), maxSimilar) {
		similar = append(similar, f.Similar)
	}
	return similar, continues
}
