package faults_test

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
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// reading is the rule that floods.
const reading = "Read sensitive file"

// TestFlood plays a rule that fires on file after file: the first two alerts are
// kept, the others are rolled up into one, and every event is counted once.
func TestFlood(t *testing.T) { spoilEachWrite(t, floodedPod()) }

func floodedPod() harness.Scenario {
	return harness.Scenario{
		Name: "flood", Process: tocsin.Process, Quiet: 300 * time.Millisecond,
		Prepare: func(ctx context.Context, r *harness.Run) error {
			return errors.Join(create(ctx, r, tocsin.Token(r)), create(ctx, r,
				builders.AlertSource(r.Namespace, tocsin.Falco, func(s *v1alpha1.AlertSource) {
					s.Spec.Limits.RollUp.AlertsPerRule = ptr.To[int32](2)
				})))
		},
		Steps: []harness.Step{ // one by one at first: the order of alerts decides on their links
			{Name: "first", Do: read(0, 1), Await: alerts(1, 0, 0)},
			{Name: "second", Do: read(1, 1), Await: alerts(2, 0, 0)},
			{Name: "rolled up", Do: read(2, 1), Await: alerts(2, 1, 1)},
			{Name: "flood", Do: read(0, 6), Await: alerts(2, 1, 4)},
			{Name: "it goes on", Do: read(4, 6), Await: func(r *harness.Run, v history.View) error {
				if said := tocsin.Counted(r, v); said != tocsin.CountedOnce {
					return errors.New(said)
				}
				return alerts(2, 1, 8)(r, v)
			}},
		},
		Outcome: func(r *harness.Run, v history.View) any {
			return []any{outcome(r, v), each(v, func(a *v1alpha1.Alert) string {
				return fmt.Sprintf("alert rolls up %+v: %d alerts, %d entities", a.Spec.RollUp != nil, rolledUp(a), ptr.Deref(ptr.Deref(a.Status.RollUp, v1alpha1.RolledUp{}).EntityTotal, 0))
			})}
		},
	}
}

// read sends one request of n events, each of another file.
func read(from, n int) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		var events []any
		for i := range n {
			events = append(events, map[string]any{
				"hostname": "node-1", "rule": reading, "priority": "Critical", "source": "syscall", "output": reading,
				"time": clock.RealClock{}.Now().UTC().Format(time.RFC3339Nano),
				"output_fields": map[string]any{
					"container.id": "0123456789ab", "k8s.ns.name": r.Namespace, "k8s.pod.name": malicious, "fd.name": fmt.Sprintf("/etc/secret-%d", from+i),
				},
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
		if answer.Accepted != int64(n) {
			return fmt.Errorf("the gateway said %d: %s", answer.Status, answer.Body)
		}
		return nil
	}
}

// rolledUp is how many different alerts went into an alert: one that rolls up
// others tells so with its second event.
func rolledUp(a *v1alpha1.Alert) int64 {
	if a.Spec.RollUp == nil {
		return 0
	}
	return ptr.Deref(ptr.Deref(a.Status.RollUp, v1alpha1.RolledUp{Alerts: ptr.To[int64](1)}).Alerts, 0)
}

// alerts: there are so many, all in an incident, and those that roll up others
// tell of so many different ones.
func alerts(single, rollUps int, different int64) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		gotSingle, gotRollUps, gotDifferent := 0, 0, int64(0)
		for _, a := range history.List[*v1alpha1.Alert](v) {
			if a.Status.IncidentName == "" {
				return fmt.Errorf("alert %s has no incident", a.Name)
			}
			if a.Spec.RollUp == nil {
				gotSingle++
			} else {
				gotRollUps++
			}
			gotDifferent += rolledUp(a)
		}
		if gotSingle != single || gotRollUps != rollUps || gotDifferent != different {
			return fmt.Errorf("there are %d alerts and %d that roll up %d, want %d, %d and %d", gotSingle, gotRollUps, gotDifferent, single, rollUps, different)
		}
		return nil
	}
}
