package convert

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
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

// An incident whose alerts were moved away, or are resolved by tuning, takes alerts
// again.
func TestAnEmptiedIncidentIsOpen(t *testing.T) {
	for reason, resolved := range map[string]bool{incident.ReasonEmpty: false, incident.ReasonResolvedByTuning: false, incident.ReasonAllRemediatedOrClean: true} {
		inc := &v1alpha1.Incident{Status: v1alpha1.IncidentStatus{
			State: v1alpha1.IncidentResolved, Conditions: []metav1.Condition{{Type: v1alpha1.IncidentConditionResolved, Reason: reason}},
		}}
		if got := IncidentFacts(inc).Resolved; got != resolved {
			t.Errorf("%s: resolved is %t, want %t", reason, got, resolved)
		}
		inc.Spec.State = v1alpha1.IncidentResolved
		if !IncidentFacts(inc).Resolved {
			t.Errorf("%s: a person resolved it", reason)
		}
	}
}

// What an incident brings to another one comes back from its status as written.
func TestWhatIsCarriedSurvivesAWrite(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	source := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Name: "source"},
		Spec: v1alpha1.IncidentSpec{
			Title: "Intruder", Tags: []string{"red"},
			Comments:  []v1alpha1.Comment{{Text: "who?", Author: "alice", Time: timeOf(at)}, {Text: "no time"}},
			MergeInto: &v1alpha1.IncidentMerge{Name: "target", Reason: "the same", RequestedBy: "bob"},
		},
		Status: v1alpha1.IncidentStatus{
			RedirectedTo: "target", Tags: []v1alpha1.CarriedTag{{IncidentName: "older", Tag: "blue"}}, Counts: counts(incident.Counts{Comments: 3}),
			Conditions: []metav1.Condition{{Type: v1alpha1.IncidentConditionMerged, Reason: ReasonMergedByPerson, LastTransitionTime: *timeOf(at)}},
			Activities: []v1alpha1.Activity{{Time: metav1.NewMicroTime(at), Type: "Created", Message: "Incident created"}},
		},
	}
	brought := Source(source)
	if brought.By != "bob" || brought.Why != "the same" || !brought.At.Equal(at) || brought.CommentTotal != 5 {
		t.Errorf("got %+v", brought)
	}
	in := incident.Input{Name: "target", Now: at.Add(time.Hour), Merged: []incident.Source{brought}, Alerts: []incident.Member{{Alert: model.Alert{Name: "a", First: at, Last: at}}}}
	first := incident.Summarize(in)
	status := IncidentStatus(first)
	if status.TitleFrom != "source" || len(status.Comments) != 2 || len(status.Tags) != 2 || *status.Counts.Comments != 5 {
		t.Errorf("wrote %+v", status)
	}
	in.Previous = PreviousSummary(&status)
	again := IncidentStatus(incident.Summarize(in))
	if diff := cmp.Diff(status, again); diff != "" {
		t.Errorf("carried twice: %s", diff)
	}
	source.Status.Conditions[0].Reason = correlation.MergeSharedEvidence
	if got := Redirect(source); got.By != "" || got.Why != correlation.MergeSharedEvidence {
		t.Errorf("correlation did it; got %+v", got)
	}
}

// The reasons of similar incidents are ordered as the engine knows them.
func TestSimilarIncidentsAreOrdered(t *testing.T) {
	want := []string{
		correlation.SimilarResolved, correlation.SimilarContinues, correlation.SimilarMergeRefused, correlation.SimilarEntities, correlation.SimilarTechniques,
	}
	alert := &v1alpha1.Alert{}
	for i, reason := range want {
		alert.Status.Similar = append([]v1alpha1.SimilarIncident{{Name: v1alpha1.LocalName(fmt.Sprint(i)), Reason: reason}}, alert.Status.Similar...)
	}
	status := IncidentStatus(incident.Summarize(incident.Input{Alerts: []incident.Member{Member(alert)}}))
	var got []string
	for _, s := range status.Similar {
		got = append(got, s.Reason)
	}
	if diff := cmp.Diff(want, got); diff != "" || status.Continues != "1" {
		t.Errorf("it continues %q; %s", status.Continues, diff)
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

	commented := v1alpha1.IncidentStatus{Activities: lines(50, 512)}
	for i := range 20 {
		commented.Comments = append(commented.Comments, v1alpha1.CarriedComment{Comment: v1alpha1.Comment{Author: fmt.Sprint(i), Text: strings.Repeat("é", 8192)}})
	}
	fit(&commented)
	if kept := len(commented.Comments); len(commented.Activities) != 50 || kept == 0 || commented.Comments[kept-1].Author != "19" || !fits(&commented) {
		t.Errorf("kept %d lines of the log and %d comments, want 50 and the newest", len(commented.Activities), kept)
	}

	alone := v1alpha1.IncidentStatus{Activities: lines(50, maxStatusBytes/40)}
	fit(&alone)
	if len(alone.Activities) == 0 || !fits(&alone) {
		t.Errorf("kept %d lines of a log that is too long itself", len(alone.Activities))
	}
	huge := v1alpha1.IncidentStatus{Title: strings.Repeat("x", 2*maxStatusBytes)}
	fit(&huge) // comes to an end
}
