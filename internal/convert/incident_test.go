package convert

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// TestWhatCannotBeRebuiltIsCarriedOver: the log and the moments come back from
// the status as they were written.
func TestWhatCannotBeRebuiltIsCarriedOver(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	summary := incident.Summarize(incident.Input{
		Now: at, People: incident.People{AssignedTo: "alice"},
		Alerts: []incident.Member{{Alert: model.Alert{Name: "a", First: at, Last: at, Severity: model.SeverityHigh}}},
	})
	status := IncidentStatus(summary)
	again := PreviousSummary(&status)
	if diff := cmp.Diff(summary.Activities, again.Activities); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(summary.Times, again.Times); diff != "" {
		t.Error(diff)
	}
	if again.State != summary.State || again.Severity != summary.Severity || again.Priority.Band != summary.Priority.Band {
		t.Errorf("got %+v", again)
	}
}

func TestResolvedFacts(t *testing.T) {
	cases := map[string]struct {
		said, is v1alpha1.IncidentState
		want     bool
	}{
		"open":                      {"", v1alpha1.IncidentActive, false},
		"resolved by itself":        {"", v1alpha1.IncidentResolved, true},
		"a person just resolved it": {v1alpha1.IncidentResolved, v1alpha1.IncidentActive, true},
		"a person just reopened it": {v1alpha1.IncidentActive, v1alpha1.IncidentResolved, false},
		"not summarised yet":        {"", "", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inc := &v1alpha1.Incident{Spec: v1alpha1.IncidentSpec{State: tc.said}, Status: v1alpha1.IncidentStatus{State: tc.is}}
			if got := IncidentFacts(inc).Resolved; got != tc.want {
				t.Errorf("resolved is %t, want %t", got, tc.want)
			}
		})
	}
}

func TestFitHalvesUntilSmallAndKeepsTotals(t *testing.T) {
	status := v1alpha1.IncidentStatus{Counts: counts(incident.Counts{Evidence: 5000})}
	for range 5000 {
		status.Evidence = append(status.Evidence, v1alpha1.Evidence{EntityKey: v1alpha1.EntityKey{Kind: "URL", Name: strings.Repeat("x", 512)}})
	}
	fit(&status)
	data, err := json.Marshal(status)
	if err != nil || len(data) > maxStatusBytes {
		t.Errorf("the status takes %d bytes, want at most %d (%v)", len(data), maxStatusBytes, err)
	}
	if len(status.Evidence) == 0 || *status.Counts.Evidence != 5000 {
		t.Errorf("kept %d of %d: want some of the list, and the whole total", len(status.Evidence), *status.Counts.Evidence)
	}
}

// TestFitSparesTheLog: what is halved in it is gone for ever, as the next
// summary goes on from it.
func TestFitSparesTheLog(t *testing.T) {
	lines := func(n, size int) (out []v1alpha1.Activity) {
		for range n {
			out = append(out, v1alpha1.Activity{Message: strings.Repeat("x", size)})
		}
		return out
	}
	status := v1alpha1.IncidentStatus{Activities: lines(50, 512)}
	for range 500 {
		status.Story = append(status.Story, v1alpha1.StoryEdge{Title: strings.Repeat("x", 512)})
	}
	fit(&status)
	if len(status.Activities) != 50 || len(status.Story) == 0 || !fits(&status) {
		t.Errorf("kept %d lines of the log and %d of the story, want 50 and some", len(status.Activities), len(status.Story))
	}

	alone := v1alpha1.IncidentStatus{Activities: lines(50, maxStatusBytes/40)}
	fit(&alone)
	if len(alone.Activities) == 0 || !fits(&alone) {
		t.Errorf("kept %d lines of a log that is too long itself", len(alone.Activities))
	}
	huge := v1alpha1.IncidentStatus{Title: strings.Repeat("x", 2*maxStatusBytes)}
	fit(&huge) // comes to an end
}
