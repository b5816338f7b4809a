package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

// monitor is the AlertSource of Alertmanager, miner the rule that fires.
const (
	monitor = "alertmanager"
	miner   = "PodMinesCoins"
)

// TestResolved plays an alert of Alertmanager that fires, is resolved, and fires
// again: the first alert ends, once, and another one follows it. Each write is
// spoiled in every way; the perturbations that do not depend on the flow are left
// to the main job.
func TestResolved(t *testing.T) {
	spoilEachWrite(t, resolvedAlert())
}

// spoilEachWrite plays a scenario undisturbed, and then with each of its writes
// spoiled in every way.
func spoilEachWrite(t *testing.T, s harness.Scenario) {
	c := cluster(t)
	t.Parallel()
	base, err := c.Base(t.Context(), s)
	if err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	var missed atomic.Int32
	t.Cleanup(func() {
		if n := missed.Load(); n > 4 { // writes that are coalesced come and go
			t.Errorf("%d runs never came to the write that they were to spoil", n)
		}
	})
	for name, effect := range map[string]wire.Effect{
		"P1 crash before": wire.CrashBefore, "P2 crash after": wire.CrashAfter,
		"P3 time-out": wire.TimeOut, "P3 bad gateway": wire.BadGateway,
	} {
		for k := range base.Wire.Writes(wire.State) {
			if effect == []wire.Effect{wire.TimeOut, wire.BadGateway}[k%2] {
				continue // one of the two is enough
			}
			t.Run(fmt.Sprintf("%s %03d", name, k+1), func(t *testing.T) {
				t.Parallel()
				p := harness.Perturbation{Name: t.Name(), Fault: wire.Fault{Effect: effect, Class: wire.State, Number: k + 1}}
				result, err := c.Try(t.Context(), s, p, base.Outcome)
				if err != nil {
					t.Error(err)
				} else if result.Wire.Fired() == nil {
					missed.Add(1)
				}
			})
		}
	}
}

func resolvedAlert() harness.Scenario {
	return harness.Scenario{
		Name: "resolved", Process: tocsin.Process, Quiet: 300 * time.Millisecond,
		Prepare: func(ctx context.Context, r *harness.Run) error {
			return errors.Join(create(ctx, r, tocsin.Token(r)), create(ctx, r,
				builders.AlertSource(r.Namespace, monitor, func(s *v1alpha1.AlertSource) { s.Spec.Type = v1alpha1.AlertSourceAlertmanager })))
		},
		Steps: []harness.Step{
			{Name: "firing", Do: notify("firing"), Await: active("1/1", v1alpha1.AlertNew)},
			// The second of a pair of Alertmanagers says the same.
			{Name: "resolved", Do: notify("resolved", "resolved"), Await: active("0/1", v1alpha1.AlertResolved)},
			{Name: "firing again", Do: notify("firing"), Await: func(r *harness.Run, v history.View) error {
				if said := tocsin.Counted(r, v); said != tocsin.CountedOnce {
					return errors.New(said)
				}
				return active("1/2", v1alpha1.AlertNew, v1alpha1.AlertResolved)(r, v)
			}},
		},
		Outcome: func(r *harness.Run, v history.View) any {
			return []any{outcome(r, v), endsOnce(r), each(v, func(a *v1alpha1.Alert) string {
				return fmt.Sprintf("alert %s ended: %t", a.Status.State, a.Status.EndedTime != nil)
			})}
		},
	}
}

// notify sends one notification about the pod, with an alert for each status.
func notify(statuses ...string) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		now := clock.RealClock{}.Now().UTC().Format(time.RFC3339Nano)
		var alerts []any
		for _, status := range statuses {
			alerts = append(alerts, map[string]any{
				"status": status, "startsAt": now, "endsAt": now,
				"labels": map[string]string{"alertname": miner, "severity": "critical", "namespace": r.Namespace, "pod": malicious},
			})
		}
		data, err := json.Marshal(map[string]any{"version": "4", "alerts": alerts})
		if err != nil {
			return err
		}
		answer, err := tocsin.Post(ctx, r, monitor, data)
		if err != nil {
			return err
		}
		if answer.Accepted != int64(len(statuses)) {
			return fmt.Errorf("the gateway said %d: %s", answer.Status, answer.Body)
		}
		return nil
	}
}

// active: there are alerts in these states, and the only incident counts so many
// of them active.
func active(ofTotal string, states ...v1alpha1.AlertState) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		left := map[v1alpha1.AlertState]int{}
		for _, state := range states {
			left[state]++
		}
		for _, a := range history.List[*v1alpha1.Alert](v) {
			left[a.Status.State]--
		}
		for state, n := range left {
			if n != 0 {
				return fmt.Errorf("alerts in state %q: %d are missing", state, n)
			}
		}
		incidents := history.List[*v1alpha1.Incident](v)
		if len(incidents) != 1 {
			return fmt.Errorf("there are %d incidents", len(incidents))
		}
		if got := ptr.Deref(incidents[0].Status.Counts, v1alpha1.IncidentCounts{}).ActiveOfTotal; got != ofTotal {
			return fmt.Errorf("incident %s counts %s, want %s", incidents[0].Name, got, ofTotal)
		}
		return nil
	}
}

// endsOnce looks at every revision: an end is never taken back or changed.
func endsOnce(r *harness.Run) string {
	ended := map[string]string{}
	for _, revision := range r.Log.Revisions() {
		a, ok := revision.Object.(*v1alpha1.Alert)
		if !ok {
			continue
		}
		now := ""
		if a.Status.EndedTime != nil {
			now = a.Status.EndedTime.String()
		}
		if was := ended[a.Name]; was != "" && was != now {
			return fmt.Sprintf("alert %s ended at %s, then at %q", a.Name, was, now)
		}
		ended[a.Name] = now
	}
	return "each end is written once"
}
