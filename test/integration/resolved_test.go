package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// TestResolved posts a notification of a real Alertmanager, and then the same
// with each of its alerts resolved.
func TestResolved(t *testing.T) {
	t.Parallel()
	firing := fixtures.Files(t, "alertmanager")["webhook-v4-group.json"]
	const monitor = "alertmanager"
	post := func(body []byte) func(context.Context, *harness.Run) error {
		return func(ctx context.Context, r *harness.Run) error {
			answer, err := tocsin.Post(ctx, r, monitor, body)
			if err != nil {
				return err
			}
			if answer.Accepted == 0 {
				return fmt.Errorf("the gateway said %d: %s", answer.Status, answer.Body)
			}
			return nil
		}
	}
	play(t, harness.Scenario{
		Name: "resolved", Process: tocsin.Process, Outcome: nothing,
		Prepare: func(ctx context.Context, r *harness.Run) error {
			return errors.Join(r.Client.Create(ctx, tocsin.Token(r)), r.Client.Create(ctx,
				builders.AlertSource(r.Namespace, monitor, func(s *v1alpha1.AlertSource) { s.Spec.Type = v1alpha1.AlertSourceAlertmanager })))
		},
		Steps: []harness.Step{
			{Name: "firing", Do: post(firing), Await: states(v1alpha1.AlertNew)},
			{Name: "resolved", Do: post(resolved(t, firing)), Await: states(v1alpha1.AlertResolved)},
			{Name: "active", Await: noneActive},
			{Name: "everything is counted", Await: counted},
		},
	})
}

// resolved is the notification with all its alerts over by now.
func resolved(t *testing.T, firing []byte) []byte {
	t.Helper()
	var notification map[string]any
	if err := json.Unmarshal(firing, &notification); err != nil {
		t.Fatal(err)
	}
	for _, alert := range notification["alerts"].([]any) {
		alert.(map[string]any)["status"] = "resolved"
		alert.(map[string]any)["endsAt"] = clock.RealClock{}.Now().UTC().Format(time.RFC3339Nano)
	}
	over, err := json.Marshal(notification)
	if err != nil {
		t.Fatal(err)
	}
	return over
}

// states: there are alerts, all in that state, and they have ended if it is Resolved.
func states(want v1alpha1.AlertState) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		alerts := history.List[*v1alpha1.Alert](v)
		for _, a := range alerts {
			if ended := a.Status.EndedTime != nil; a.Status.State != want || ended != (want == v1alpha1.AlertResolved) {
				return fmt.Errorf("alert %s is %q, ended: %t", a.Name, a.Status.State, ended)
			}
		}
		if len(alerts) == 0 {
			return errors.New("there is no alert")
		}
		return nil
	}
}

// noneActive: the incidents are open, and have no active alert.
func noneActive(_ *harness.Run, v history.View) error {
	for _, i := range history.List[*v1alpha1.Incident](v) {
		if n := ptr.Deref(ptr.Deref(i.Status.Counts, v1alpha1.IncidentCounts{}).ActiveAlerts, -1); n != 0 || i.Status.State != v1alpha1.IncidentActive {
			return fmt.Errorf("incident %s is %s with %d active alerts", i.Name, i.Status.State, n)
		}
	}
	return nil
}
