package convert

import (
	"errors"
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// TuningRule is the engine's view of a TuningRule.
func TuningRule(r *v1alpha1.TuningRule) tuning.Rule {
	out := tuning.Rule{
		Name:   r.Name,
		Match:  match.Match{Rules: r.Spec.Match.Rules, Expression: r.Spec.Match.Expression},
		Action: tuning.Action(r.Spec.Action), Severity: model.ParseSeverity(string(r.Spec.Severity)),
		Monitor: r.Spec.Mode == v1alpha1.TuningMonitor, Suspended: ptr.Deref(r.Spec.Suspend, false),
	}
	for _, source := range r.Spec.Match.AlertSources {
		out.Match.AlertSources = append(out.Match.AlertSources, string(source))
	}
	if r.Spec.ExpiresAt != nil {
		out.Expires = r.Spec.ExpiresAt.UTC()
	}
	return out
}

// TuningRuleProblems names what makes no sense in a TuningRule, each with its
// field. It is checked whole, as one read from a file was seen by no API server.
func TuningRuleProblems(s v1alpha1.TuningRuleSpec) error {
	rescores := s.Action == v1alpha1.TuningRescore
	var problems []error
	switch {
	case rescores != (s.Severity != ""):
		problems = append(problems, errors.New("severity: goes with action Rescore, which needs it"))
	case rescores && model.ParseSeverity(string(s.Severity)).String() != string(s.Severity):
		problems = append(problems, fmt.Errorf("severity: there is no severity %q", s.Severity))
	}
	if s.Mode != "" && s.Mode != v1alpha1.TuningEnforce && s.Mode != v1alpha1.TuningMonitor {
		problems = append(problems, fmt.Errorf("mode: must be Enforce or Monitor, is %q", s.Mode))
	}
	if s.Reason == "" {
		problems = append(problems, errors.New("reason: is missing"))
	}
	switch {
	case s.HiddenAlerts == "":
	case s.HiddenAlerts != v1alpha1.HiddenAlertsKeep && s.HiddenAlerts != v1alpha1.HiddenAlertsRelease:
		problems = append(problems, fmt.Errorf("hiddenAlerts: must be Keep or Release, is %q", s.HiddenAlerts))
	case s.Action != v1alpha1.TuningHide:
		problems = append(problems, errors.New("hiddenAlerts: goes with action Hide only"))
	}
	_, err := tuning.Compile(TuningRule(&v1alpha1.TuningRule{Spec: s}))
	return errors.Join(append(problems, err)...)
}

// AlertTuning is what an Alert keeps of a decision about it; nil where no rule
// matched. detected is the severity that the detector gave.
func AlertTuning(d tuning.Decision, detected model.Severity) *v1alpha1.AlertTuning {
	if d.Rule == "" && len(d.Monitored) == 0 {
		return nil
	}
	out := &v1alpha1.AlertTuning{RuleName: v1alpha1.LocalName(d.Rule), Action: v1alpha1.TuningAction(d.Action)}
	if d.Action == tuning.Rescore {
		out.DetectedSeverity = v1alpha1.Severity(detected.String())
	}
	for _, name := range d.Monitored {
		out.Monitored = append(out.Monitored, v1alpha1.LocalName(name))
	}
	return out
}

// Hidden names the tuning rule that keeps the alert out of every incident; empty
// where none does, or where the alert was released.
func Hidden(a *v1alpha1.Alert) string {
	if a.Status.ReleasedTime != nil || a.Spec.Tuning == nil || a.Spec.Tuning.Action != v1alpha1.TuningHide {
		return ""
	}
	return string(a.Spec.Tuning.RuleName)
}

// Tuned is what a tuning rule made of the alert, as far as it still holds: not of
// one that was released, or reopened by people.
func Tuned(a *v1alpha1.Alert) tuning.Decision {
	t := a.Spec.Tuning
	if t == nil || t.Action == v1alpha1.TuningHide && Hidden(a) == "" || t.Action == v1alpha1.TuningResolve && !ResolvedByTuning(a) {
		return tuning.Decision{}
	}
	return tuning.Decision{Rule: string(t.RuleName), Action: tuning.Action(t.Action), Severity: model.ParseSeverity(string(a.Spec.Severity))}
}

// Said is what was said of an alert's state: by people, or else by the tuning rule
// that resolves or hides it; empty where nobody did.
func Said(a *v1alpha1.Alert) incident.State {
	switch {
	case a.Spec.Triage != nil && a.Spec.Triage.State != "":
		return incident.State(a.Spec.Triage.State)
	case Hidden(a) != "", ResolvedByTuning(a):
		return incident.Resolved
	}
	return ""
}

// ResolvedByTuning reports whether a tuning rule resolved the alert and no person
// has said otherwise since.
func ResolvedByTuning(a *v1alpha1.Alert) bool {
	return a.Spec.Tuning != nil && a.Spec.Tuning.Action == v1alpha1.TuningResolve &&
		(a.Spec.Triage == nil || a.Spec.Triage.State == "" || a.Spec.Triage.State == v1alpha1.AlertResolved)
}
