package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// labelled is an event of which somebody else has said whether it must alert.
type labelled struct {
	Test     string
	Expected bool
	Event    json.RawMessage
}

// TestFixtures posts what real detectors send to the gateway. Every file is
// taken, event by event, or refused with the reason; and everything that was
// taken is counted once in the alerts that come of it.
func TestFixtures(t *testing.T) {
	t.Parallel()
	falco, audit := fixtures.Files(t, "falco"), fixtures.Files(t, "k8s-audit")
	const truth = "panther-labelled-events.json"
	var events []labelled
	if err := json.Unmarshal(audit[truth], &events); err != nil {
		t.Fatal(err)
	}
	delete(audit, truth)
	var steps []harness.Step
	for _, part := range []struct {
		source string
		files  map[string][]byte
	}{{tocsin.Falco, falco}, {tocsin.Audit, audit}} {
		for _, name := range slices.Sorted(maps.Keys(part.files)) {
			steps = append(steps, harness.Step{Name: name, Do: posting(t, part.source, name, part.files[name])})
		}
	}
	for i, event := range events {
		steps = append(steps, harness.Step{Name: fmt.Sprintf("%s %d", truth, i), Do: judging(t, event)})
	}
	steps = append(steps, harness.Step{Name: "everything is counted", Await: counted})
	result := play(t, harness.Scenario{
		Name: "fixtures", Process: tocsin.Process, Prepare: tocsin.Sources, Steps: steps,
		Outcome: nothing,
	})
	t.Logf("%d files and %d labelled events, in %s", len(falco)+len(audit), len(events), result.Duration)
}

// posting sends a whole file in one request.
func posting(t *testing.T, source, name string, data []byte) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		answer, err := tocsin.Post(ctx, r, source, data)
		if err != nil {
			return err
		}
		if answer.Status == http.StatusServiceUnavailable {
			return fmt.Errorf("come back later: %s", answer.Body)
		}
		t.Logf("%s: %d, %d accepted, %d suppressed, %d rejected", name, answer.Status, answer.Accepted, answer.Suppressed, answer.Rejected)
		var problem struct {
			Title, Detail string
			Errors        []any
		}
		if err := json.Unmarshal([]byte(answer.Body), &problem); err != nil {
			t.Errorf("%s: the answer is not JSON: %s", name, answer.Body)
		}
		switch {
		case answer.Status == http.StatusAccepted && answer.Accepted+answer.Suppressed+answer.Rejected == 0:
			t.Errorf("%s: nothing came of it: %s", name, answer.Body)
		case answer.Status == http.StatusAccepted && answer.Rejected > 0 && len(problem.Errors) == 0:
			t.Errorf("%s: rejected without a reason: %s", name, answer.Body)
		case answer.Status != http.StatusAccepted && (answer.Status >= 500 || problem.Detail == ""):
			t.Errorf("%s: refused without a reason: %d %s", name, answer.Status, answer.Body)
		}
		return nil
	}
}

// judging sends one event that others have judged.
func judging(t *testing.T, event labelled) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		answer, err := tocsin.Post(ctx, r, tocsin.Audit, event.Event)
		if err != nil {
			return err
		}
		if alerts := answer.Accepted == 1; alerts != event.Expected || answer.Status != http.StatusAccepted {
			t.Errorf("%s: want an alert: %t; the gateway said %d: %s", event.Test, event.Expected, answer.Status, answer.Body)
		}
		return nil
	}
}
