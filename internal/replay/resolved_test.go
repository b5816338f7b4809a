package replay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
)

// TestResolved: a notice that a signal is over ends its alert at its own place in
// time, and is no alert itself.
func TestResolved(t *testing.T) {
	alert := func(status, from, to string) string {
		return fmt.Sprintf(`{"status": %q, "labels": {"alertname": "disk"}, "startsAt": "2026-05-04T%s:00Z", "endsAt": "2026-05-04T%s:00Z"}`, status, from, to)
	}
	stray, first, end, late, second := alert("resolved", "07:00", "07:30"), alert("firing", "08:00", "00:00"),
		alert("resolved", "08:00", "08:10"), alert("firing", "08:09", "00:00"), alert("firing", "08:20", "00:00")
	openEnd := `{"status": "resolved", "labels": {"alertname": "disk"}, "startsAt": "2026-05-04T08:20:00Z"}`
	for name, tc := range map[string]struct {
		sorted bool
		events []string
		want   []string
		active string
	}{
		"in the order of the input": {
			events: []string{stray, first, end, late, second},
			want:   []string{"suppressed Resolved", "new 0", "suppressed Resolved", "duplicate 0", "new 1"},
			active: "1/2",
		},
		"by their own time": {
			sorted: true,
			events: []string{second, end, end, late, first, stray},
			want:   []string{"new 1", "suppressed Resolved", "suppressed Resolved", "duplicate 0", "new 0", "suppressed Resolved"},
			active: "1/2",
		},
		"without a time of its own": {
			events: []string{first, second, openEnd, alert("firing", "08:30", "00:00")},
			want:   []string{"new 0", "duplicate 0", "suppressed Resolved", "new 1"},
			active: "1/2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := sourceOf(t, "{apiVersion: tocsin.dev/v1alpha1, kind: AlertSource, metadata: {name: am}, spec: {type: Alertmanager}}")
			run, got := New(DefaultPolicies()), make([]string, len(tc.events))
			feed := NewFeed(run, tc.sorted, func(event int, o Outcome) {
				if got[event] = fmt.Sprint(o.State, " ", o.Reason); o.Reason == "" {
					got[event] = fmt.Sprint(o.State, " ", o.Alert)
				}
			})
			if err := feed.Read(body.Objects(strings.NewReader(strings.Join(tc.events, "\n"))), from); err != nil {
				t.Fatal(err)
			}
			feed.End()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			active, alerts := 0, 0
			for _, i := range run.Incidents() {
				active, alerts = active+i.Counts.Active, alerts+i.Counts.Alerts
			}
			if got := fmt.Sprintf("%d/%d", active, alerts); got != tc.active {
				t.Errorf("%s alerts are active, want %s", got, tc.active)
			}
		})
	}
}
