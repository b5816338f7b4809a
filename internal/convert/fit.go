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
func fit(status *v1alpha1.IncidentStatus) {
	for range 16 {
		if data, err := json.Marshal(status); err != nil || len(data) <= maxStatusBytes {
			return
		}
		status.Story = half(status.Story)
		status.Evidence = half(status.Evidence)
		status.Activities = status.Activities[len(status.Activities)/2:]
		for i := range status.Assets {
			status.Assets[i].Top = half(status.Assets[i].Top)
		}
	}
}

func half[T any](list []T) []T { return list[:len(list)/2] }
