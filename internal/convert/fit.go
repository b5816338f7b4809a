package convert

import (
	"encoding/json"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// maxStatusBytes is the most that an Incident's status may take of the 256 KiB
// that an object may; the rest is for what people say.
const maxStatusBytes = 128 << 10

// fit halves the lists of a status until it is small enough. Names in it may be
// long where an attacker chose them. The totals beside the lists stay exact.
// Comments of merged incidents come next, the oldest first: they are still found
// on those. The activity log comes last: it cannot be rebuilt.
func fit(status *v1alpha1.IncidentStatus) {
	for !fits(status) {
		switch {
		case halveDerived(status):
		case len(status.Comments) > 0:
			status.Comments = status.Comments[(len(status.Comments)+1)/2:]
		case len(status.Activities) > 0:
			status.Activities = status.Activities[(len(status.Activities)+1)/2:]
		default:
			return
		}
	}
}

func fits(status *v1alpha1.IncidentStatus) bool {
	data, err := json.Marshal(status)
	return err != nil || len(data) <= maxStatusBytes
}

// halveDerived halves what can be derived again, if there is any left.
func halveDerived(status *v1alpha1.IncidentStatus) bool {
	left := len(status.Story) + len(status.Evidence)
	status.Story, status.Evidence = half(status.Story), half(status.Evidence)
	for i := range status.Assets {
		left += len(status.Assets[i].Top)
		status.Assets[i].Top = half(status.Assets[i].Top)
	}
	return left > 0
}

func half[T any](list []T) []T { return list[:len(list)/2] }
