package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

// What an alert writes for itself, and what is written at most now and then
// however many alerts there are.
const (
	alertMade      = "POST alerts.tocsin.dev"
	alertJoined    = "PATCH alerts.tocsin.dev/status"
	incidentMade   = "POST incidents.tocsin.dev"
	incidentStatus = "PATCH incidents.tocsin.dev/status"
	sourceStatus   = "PATCH alertsources.tocsin.dev/status"
)

// storm is how many alerts come at once.
const storm = 50

// TestWritesOfAnAlert counts what is written to the API server from the POST of
// an alert until its incident is settled.
func TestWritesOfAnAlert(t *testing.T) {
	t.Parallel()
	var opens, joins, repeats, many map[string]int
	var took time.Duration
	play(t, harness.Scenario{
		Name: "writes of an alert", Process: tocsin.Process, Prepare: tocsin.Sources, Outcome: nothing,
		Steps: []harness.Step{
			{Name: "the source is in use", Await: sourcesReady},
			measured("an alert opens an incident", &opens, nil, 0, 1),
			measured("an alert joins it", &joins, nil, 1, 2),
			measured("the same happens again", &repeats, nil, 1, 2),
			measured("many alerts join it", &many, &took, 2, 2+storm),
		},
	})
	for name, writes := range map[string]map[string]int{"opens": opens, "joins": joins, "repeats": repeats, "many": many} {
		t.Logf("%s: %s", name, describe(writes))
	}
	t.Logf("%d alerts took %s", storm, took.Round(time.Millisecond))
	check(t, "an alert that opens an incident", opens, map[string]int{alertMade: 1, alertJoined: 1, incidentMade: 1, incidentStatus: 1, sourceStatus: 1})
	check(t, "an alert that joins", joins, map[string]int{alertMade: 1, alertJoined: 1, incidentStatus: 1, sourceStatus: 1})
	check(t, "a repetition", repeats, map[string]int{alertJoined: 1, incidentStatus: 1, sourceStatus: 1})
	// The incident is written at most once a second, the source every few.
	seconds := int(took/time.Second) + 2
	check(t, "many alerts", many, map[string]int{alertMade: storm, alertJoined: storm, incidentStatus: seconds, sourceStatus: seconds})
}

// check compares writes with the most that there may be of each kind.
func check(t *testing.T, what string, writes, most map[string]int) {
	t.Helper()
	for kind, n := range writes {
		if n > most[kind] {
			t.Errorf("%s: %d times %s, want %d at most", what, n, kind, most[kind])
		}
	}
}

func describe(writes map[string]int) string {
	words := []string{}
	for _, kind := range slices.Sorted(maps.Keys(writes)) {
		words = append(words, fmt.Sprintf("%d %s", writes[kind], kind))
	}
	return strings.Join(words, ", ")
}

// measured sends the alerts from number first to before last in one request,
// waits until all of it is settled, and counts what was written meanwhile.
func measured(name string, writes *map[string]int, took *time.Duration, first, last int) harness.Step {
	clk := clock.RealClock{}
	start, before := clk.Now(), 0
	return harness.Step{
		Name: name,
		Do: func(ctx context.Context, r *harness.Run) error {
			start, before = clk.Now(), len(r.Wire.Writes(wire.State))
			return shells(ctx, r, first, last)
		},
		Await: func(r *harness.Run, v history.View) error {
			if said := tocsin.Counted(r, v); said != tocsin.CountedOnce {
				return errors.New(said)
			}
			*writes = map[string]int{}
			for _, write := range r.Wire.Writes(wire.State)[before:] {
				(*writes)[write.Kind()]++
			}
			if took != nil {
				*took = clk.Since(start)
			}
			return nil
		},
	}
}

// shells sends alerts about one pod, each of another rule.
func shells(ctx context.Context, r *harness.Run, first, last int) error {
	var events []any
	for i := first; i < last; i++ {
		events = append(events, map[string]any{
			"hostname": "node-1", "rule": fmt.Sprintf("Rule %d", i), "priority": "Warning", "source": "syscall", "output": "Something ran",
			"time":          clock.RealClock{}.Now().UTC().Format(time.RFC3339Nano),
			"output_fields": map[string]any{"container.id": "0123456789ab", "k8s.ns.name": r.Namespace, "k8s.pod.name": "web-0"},
		})
	}
	data, err := json.Marshal(events)
	if err != nil {
		return err
	}
	answer, err := tocsin.Post(ctx, r, tocsin.Falco, data)
	if err != nil {
		return err
	}
	if answer.Accepted != int64(last-first) {
		return fmt.Errorf("the gateway said %d: %s", answer.Status, answer.Body)
	}
	return nil
}

// sourcesReady: both sources say that they are in use.
func sourcesReady(_ *harness.Run, v history.View) error {
	for _, source := range history.List[*v1alpha1.AlertSource](v) {
		if source.Status.Endpoint == "" {
			return fmt.Errorf("source %s has no endpoint yet", source.Name)
		}
	}
	return nil
}

func nothing(*harness.Run, history.View) any { return nil }

// TestQuiet: open alerts in an incident cause no write, neither when the process
// starts afresh nor in the minute after it.
func TestQuiet(t *testing.T) {
	t.Parallel()
	before := 0
	play(t, harness.Scenario{
		Name: "quiet", Process: tocsin.Process, Prepare: tocsin.Sources, Outcome: nothing, Quiet: time.Minute,
		Steps: []harness.Step{
			{Name: "alerts", Do: func(ctx context.Context, r *harness.Run) error { return shells(ctx, r, 0, storm) }, Await: counted},
			{Name: "restart", Do: func(ctx context.Context, r *harness.Run) error {
				if err := r.Settle(ctx, 3*time.Second); err != nil {
					return err
				}
				before = r.Wire.Total()
				if err := r.Restart(ctx); err != nil {
					return err
				}
				return r.Settle(ctx, 3*time.Second)
			}, Await: func(r *harness.Run, _ history.View) error {
				if wrote := r.Wire.Total() - before; wrote > 0 {
					return fmt.Errorf("the restart wrote %d times:\n%s", wrote, r.Wire.Tail(wrote))
				}
				return nil
			}},
		},
	})
}

func counted(r *harness.Run, v history.View) error {
	if said := tocsin.Counted(r, v); said != tocsin.CountedOnce {
		return errors.New(said)
	}
	return nil
}
