package format

import (
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/ingest/cloudevents"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// CloudEvents is the name of the format whose events carry those of others.
const CloudEvents = "CloudEvents"

// Route says of which format the data of CloudEvents of a type is; a * at the
// end of the type stands for anything.
type Route struct{ Type, Format string }

// builtInRoutes come after those of the source: Falcosidekick's own type.
var builtInRoutes = []Route{{Type: "falco.rule.output.v1", Format: "Falco"}}

// It looks into the table itself, which therefore cannot name it.
func init() { table[CloudEvents] = newCloudEvents }

func newCloudEvents(o Options) (decode.Decoder, error) {
	var d cloudevents.Decoder
	for i, route := range append(slices.Clone(o.Routes), builtInRoutes...) {
		if route.Format == CloudEvents || route.Format == Generic {
			return nil, fmt.Errorf("cloudEvents.routes[%d].format: must not be %s", i, route.Format)
		}
		inner, err := New(route.Format, o)
		if err != nil {
			return nil, fmt.Errorf("cloudEvents.routes[%d].format: %w", i, err)
		}
		d.Routes = append(d.Routes, cloudevents.Route{Type: route.Type, Decoder: inner})
	}
	return d, nil
}
