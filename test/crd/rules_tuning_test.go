package crd_test

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

func tuningRuleRules() []ruleCase {
	const (
		all      = "give at least one of alertSources, rules and expression: a rule for everything would tune every alert"
		severity = "severity goes with action Rescore, which needs it"
		hidden   = "hiddenAlerts goes with action Hide only"
	)
	rule := func(change func(*v1alpha1.TuningRuleSpec)) client.Object {
		return builders.TuningRule(namespace, "", func(r *v1alpha1.TuningRule) { change(&r.Spec) })
	}
	matching := func(m v1alpha1.TuningMatch) client.Object {
		return rule(func(s *v1alpha1.TuningRuleSpec) { s.Match = m })
	}
	acting := func(action v1alpha1.TuningAction, severity v1alpha1.Severity, hidden v1alpha1.HiddenAlertPolicy) client.Object {
		return rule(func(s *v1alpha1.TuningRuleSpec) { s.Action, s.Severity, s.HiddenAlerts = action, severity, hidden })
	}
	cases := []ruleCase{
		{rule: all, name: "by source", object: matching(v1alpha1.TuningMatch{AlertSources: []v1alpha1.LocalName{"falco"}})},
		{rule: all, name: "by rule", object: matching(v1alpha1.TuningMatch{Rules: []string{"Terminal shell"}})},
		{rule: all, name: "by expression", object: matching(v1alpha1.TuningMatch{Expression: "alert.service == 'falco'"})},
		{rule: all, name: "by nothing", object: matching(v1alpha1.TuningMatch{Rules: []string{}}), refused: true},

		{rule: severity, name: "rescored", object: acting(v1alpha1.TuningRescore, v1alpha1.SeverityLow, "")},
		{rule: severity, name: "resolved without severity", object: acting(v1alpha1.TuningResolve, "", "")},
		{rule: severity, name: "rescored without severity", object: acting(v1alpha1.TuningRescore, "", ""), refused: true},
		{rule: severity, name: "hidden with severity", object: acting(v1alpha1.TuningHide, v1alpha1.SeverityLow, ""), refused: true},

		{rule: hidden, name: "hidden and released", object: acting(v1alpha1.TuningHide, "", v1alpha1.HiddenAlertsRelease)},
		{rule: hidden, name: "resolved and released", object: acting(v1alpha1.TuningResolve, "", v1alpha1.HiddenAlertsRelease), refused: true},
		{rule: hidden, name: "rescored and kept", object: acting(v1alpha1.TuningRescore, v1alpha1.SeverityLow, v1alpha1.HiddenAlertsKeep), refused: true},
	}
	for i := range cases {
		cases[i].kind = "TuningRule"
	}
	return cases
}

func alertTuningRules() []ruleCase {
	const (
		together = "ruleName and action go together"
		some     = "give ruleName or monitored"
		detected = "detectedSeverity goes with action Rescore, which needs it"
	)
	tuned := func(tuning v1alpha1.AlertTuning) client.Object {
		return builders.Alert(namespace, "", func(a *v1alpha1.Alert) { a.Spec.Tuning = &tuning })
	}
	monitored := []v1alpha1.LocalName{"nights"}
	cases := []ruleCase{
		{rule: together, name: "hidden", object: tuned(v1alpha1.AlertTuning{RuleName: "debugging", Action: v1alpha1.TuningHide})},
		{rule: together, name: "without action", object: tuned(v1alpha1.AlertTuning{RuleName: "debugging"}), refused: true},
		{rule: together, name: "without rule", object: tuned(v1alpha1.AlertTuning{Action: v1alpha1.TuningHide, Monitored: monitored}), refused: true},

		{rule: some, name: "monitored", object: tuned(v1alpha1.AlertTuning{Monitored: monitored})},
		{rule: some, name: "nothing", object: tuned(v1alpha1.AlertTuning{}), refused: true},

		{rule: detected, name: "rescored", object: tuned(v1alpha1.AlertTuning{RuleName: "debugging", Action: v1alpha1.TuningRescore, DetectedSeverity: v1alpha1.SeverityHigh})},
		{rule: detected, name: "rescored from nothing", object: tuned(v1alpha1.AlertTuning{RuleName: "debugging", Action: v1alpha1.TuningRescore}), refused: true},
		{rule: detected, name: "hidden from a severity", object: tuned(v1alpha1.AlertTuning{RuleName: "debugging", Action: v1alpha1.TuningHide, DetectedSeverity: v1alpha1.SeverityHigh}), refused: true},
		{rule: detected, name: "monitored from a severity", object: tuned(v1alpha1.AlertTuning{Monitored: monitored, DetectedSeverity: v1alpha1.SeverityHigh}), refused: true},
	}
	for i := range cases {
		cases[i].kind = "Alert"
	}
	return cases
}
