package convert

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

func TestTuningRule(t *testing.T) {
	ends := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	got := TuningRule(&v1alpha1.TuningRule{
		ObjectMeta: metav1.ObjectMeta{Name: "staging"},
		Spec: v1alpha1.TuningRuleSpec{
			Match:  v1alpha1.TuningMatch{AlertSources: []v1alpha1.LocalName{"falco"}, Rules: []string{"Shell"}, Expression: "alert.title == 'x'"},
			Action: v1alpha1.TuningRescore, Severity: v1alpha1.SeverityLow, Reason: "It is staging",
			ExpiresAt: ptr.To(metav1.NewTime(ends.In(time.FixedZone("", 3600)))), Mode: v1alpha1.TuningMonitor, Suspend: ptr.To(true),
		},
	})
	want := tuning.Rule{
		Name:  "staging",
		Match: match.Match{AlertSources: []string{"falco"}, Rules: []string{"Shell"}, Expression: "alert.title == 'x'"}, Action: tuning.Rescore,
		Severity: model.SeverityLow, Monitor: true, Suspended: true, Expires: ends,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTuningRuleProblems(t *testing.T) {
	valid := func(change func(*v1alpha1.TuningRuleSpec)) v1alpha1.TuningRuleSpec {
		s := v1alpha1.TuningRuleSpec{Match: v1alpha1.TuningMatch{Rules: []string{"Shell"}}, Action: v1alpha1.TuningHide, Reason: "Noise"}
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		change func(*v1alpha1.TuningRuleSpec)
		want   []string
	}{
		"none": {func(*v1alpha1.TuningRuleSpec) {}, nil},
		"none, released": {func(s *v1alpha1.TuningRuleSpec) {
			s.HiddenAlerts, s.Mode = v1alpha1.HiddenAlertsRelease, v1alpha1.TuningMonitor
		}, nil},
		"none, rescored": {func(s *v1alpha1.TuningRuleSpec) {
			s.Action, s.Severity = v1alpha1.TuningRescore, v1alpha1.SeverityUnknown
		}, nil},
		"no severity":    {func(s *v1alpha1.TuningRuleSpec) { s.Action = v1alpha1.TuningRescore }, []string{"severity: goes with action Rescore"}},
		"severity":       {func(s *v1alpha1.TuningRuleSpec) { s.Severity = v1alpha1.SeverityLow }, []string{"severity: goes with action Rescore"}},
		"other severity": {func(s *v1alpha1.TuningRuleSpec) { s.Action, s.Severity = v1alpha1.TuningRescore, "Lower" }, []string{`severity: there is no severity "Lower"`}},
		"mode":           {func(s *v1alpha1.TuningRuleSpec) { s.Mode = "Audit" }, []string{`mode: must be Enforce or Monitor, is "Audit"`}},
		"no reason":      {func(s *v1alpha1.TuningRuleSpec) { s.Reason = "" }, []string{"reason: is missing"}},
		"hidden alerts":  {func(s *v1alpha1.TuningRuleSpec) { s.HiddenAlerts = "Drop" }, []string{`hiddenAlerts: must be Keep or Release, is "Drop"`}},
		"nothing hidden": {func(s *v1alpha1.TuningRuleSpec) {
			s.Action, s.HiddenAlerts = v1alpha1.TuningResolve, v1alpha1.HiddenAlertsKeep
		}, []string{"hiddenAlerts: goes with action Hide only"}},
		"match, and more": {func(s *v1alpha1.TuningRuleSpec) { s.Match, s.Reason = v1alpha1.TuningMatch{}, "" }, []string{"reason: is missing", "match.expression: give at least one"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := TuningRuleProblems(valid(tc.change))
			if err == nil && tc.want != nil || err != nil && tc.want == nil {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

func TestAlertTuning(t *testing.T) {
	for name, tc := range map[string]struct {
		decision tuning.Decision
		want     *v1alpha1.AlertTuning
	}{
		"nothing":   {tuning.Decision{Severity: model.SeverityLow}, nil},
		"hidden":    {tuning.Decision{Rule: "a", Action: tuning.Hide}, &v1alpha1.AlertTuning{RuleName: "a", Action: v1alpha1.TuningHide}},
		"rescored":  {tuning.Decision{Rule: "a", Action: tuning.Rescore, Severity: model.SeverityLow}, &v1alpha1.AlertTuning{RuleName: "a", Action: v1alpha1.TuningRescore, DetectedSeverity: v1alpha1.SeverityHigh}},
		"monitored": {tuning.Decision{Monitored: []string{"a", "b"}}, &v1alpha1.AlertTuning{Monitored: []v1alpha1.LocalName{"a", "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, AlertTuning(tc.decision, model.SeverityHigh)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a rule did to an alert holds until it is released, or people say otherwise.
func TestTunedAlert(t *testing.T) {
	alert := func(action v1alpha1.TuningAction, change func(*v1alpha1.Alert)) *v1alpha1.Alert {
		a := &v1alpha1.Alert{Spec: v1alpha1.AlertSpec{Tuning: &v1alpha1.AlertTuning{RuleName: "noise", Action: action}}}
		change(a)
		return a
	}
	as := func(*v1alpha1.Alert) {}
	says := func(state v1alpha1.AlertState) func(*v1alpha1.Alert) {
		return func(a *v1alpha1.Alert) { a.Spec.Triage = &v1alpha1.AlertTriage{State: state, AssignedTo: "ann"} }
	}
	released := func(a *v1alpha1.Alert) { a.Status.ReleasedTime = ptr.To(metav1.NowMicro()) }
	for name, tc := range map[string]struct {
		alert    *v1alpha1.Alert
		hidden   string
		resolved bool
		said     incident.State
	}{
		"untouched":         {&v1alpha1.Alert{}, "", false, ""},
		"monitored":         {&v1alpha1.Alert{Spec: v1alpha1.AlertSpec{Tuning: &v1alpha1.AlertTuning{Monitored: []v1alpha1.LocalName{"noise"}}}}, "", false, ""},
		"hidden":            {alert(v1alpha1.TuningHide, as), "noise", false, incident.Resolved},
		"hidden, taken up":  {alert(v1alpha1.TuningHide, says(v1alpha1.AlertInProgress)), "noise", false, incident.InProgress},
		"released":          {alert(v1alpha1.TuningHide, released), "", false, ""},
		"rescored":          {alert(v1alpha1.TuningRescore, as), "", false, ""},
		"resolved":          {alert(v1alpha1.TuningResolve, as), "", true, incident.Resolved},
		"resolved, noted":   {alert(v1alpha1.TuningResolve, says("")), "", true, incident.Resolved},
		"reopened":          {alert(v1alpha1.TuningResolve, says(v1alpha1.AlertInProgress)), "", false, incident.InProgress},
		"resolved by hands": {alert(v1alpha1.TuningResolve, says(v1alpha1.AlertResolved)), "", true, incident.Resolved},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Hidden(tc.alert); got != tc.hidden {
				t.Errorf("hidden by %q, want %q", got, tc.hidden)
			}
			acts := tc.hidden != "" || tc.resolved || tc.alert.Spec.Tuning != nil && tc.alert.Spec.Tuning.Action == v1alpha1.TuningRescore
			if got := Tuned(tc.alert); (got.Rule == "noise") != acts || acts && string(got.Action) != string(tc.alert.Spec.Tuning.Action) {
				t.Errorf("tuned: %+v", got)
			}
			if got := ResolvedByTuning(tc.alert); got != tc.resolved {
				t.Errorf("resolved: %t, want %t", got, tc.resolved)
			}
			if got := Said(tc.alert); got != tc.said {
				t.Errorf("said %q, want %q", got, tc.said)
			}
			if got := Settled(tc.alert); got != (tc.said == incident.Resolved) {
				t.Errorf("settled: %t", got)
			}
		})
	}
}
