package replay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flooding is a source whose rules make few alerts.
const flooding = `
apiVersion: tocsin.dev/v1alpha1
kind: AlertSource
metadata: {name: probe}
spec:
  type: Generic
  limits: {rollUp: {alertsPerRule: 2, rules: [{rule: noisy, alerts: 1}]}}
  generic:
    title: event.name
    time: event.at
    fingerprint: event.id
    entities:
    - {kind: Device, name: event.host}
`

// TestFlood: further alerts of a rule on a device are rolled up, by the limits of
// the source; an hour later it begins anew.
func TestFlood(t *testing.T) {
	from := sourceOf(t, flooding)
	run := New(DefaultPolicies())
	var states []State
	feed := NewFeed(run, false, func(_ int, o Outcome) { states = append(states, o.State) })
	for i, e := range []struct{ rule, host, at string }{
		{"scan", "a", "08:00"}, {"scan", "a", "08:01"}, {"scan", "b", "08:02"}, {"scan", "a", "08:03"}, {"scan", "a", "08:04"},
		{"noisy", "a", "08:05"}, {"noisy", "a", "08:06"}, {"noisy", "a", "08:07"}, {"scan", "a", "09:30"},
	} {
		event := fmt.Sprintf(`{"id": "%d", "name": %q, "host": %q, "at": "2026-05-04T%s:00Z"}`, i, e.rule, e.host, e.at)
		records, err := Open(strings.NewReader(event), "events", from)
		if err == nil {
			err = feed.Read(records, from)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []State{StateNew, StateNew, StateNew, StateNew, StateRolledUp, StateNew, StateNew, StateRolledUp, StateNew}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	var rolled []string
	for i := range run.Alerts() {
		if a := run.Alert(i).Alert; run.RollsUp(i) {
			rolled = append(rolled, fmt.Sprintf("%s: %d", a.Title, a.Occurrences))
		}
	}
	if diff := cmp.Diff([]string{"scan (further alerts of this rule on a): 2", "noisy (further alerts of this rule on a): 2"}, rolled); diff != "" {
		t.Error(diff)
	}
}
