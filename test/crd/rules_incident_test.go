package crd_test

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// determinations are those of Microsoft Defender XDR.
var determinations = map[v1alpha1.Classification][]v1alpha1.Determination{
	v1alpha1.ClassificationTruePositive: {
		v1alpha1.DeterminationMultiStagedAttack, v1alpha1.DeterminationMaliciousUserActivity,
		v1alpha1.DeterminationCompromisedAccount, v1alpha1.DeterminationMalware, v1alpha1.DeterminationPhishing,
		v1alpha1.DeterminationUnwantedSoftware, v1alpha1.DeterminationOther,
	},
	v1alpha1.ClassificationInformationalExpectedActivity: {
		v1alpha1.DeterminationSecurityTesting, v1alpha1.DeterminationLineOfBusinessApplication,
		v1alpha1.DeterminationConfirmedActivity, v1alpha1.DeterminationOther,
	},
	v1alpha1.ClassificationFalsePositive: {
		v1alpha1.DeterminationNotMalicious, v1alpha1.DeterminationNotEnoughDataToValidate, v1alpha1.DeterminationOther,
	},
}

// classification tries every classification with every determination.
func classification() []ruleCase {
	messages := map[v1alpha1.Classification]string{
		"": "determination needs a classification; set classification too",
		v1alpha1.ClassificationTruePositive: "with classification TruePositive, determination must be MultiStagedAttack, " +
			"MaliciousUserActivity, CompromisedAccount, Malware, Phishing, UnwantedSoftware or Other",
		v1alpha1.ClassificationInformationalExpectedActivity: "with classification InformationalExpectedActivity, determination must be " +
			"SecurityTesting, LineOfBusinessApplication, ConfirmedActivity or Other",
		v1alpha1.ClassificationFalsePositive: "with classification FalsePositive, determination must be " +
			"NotMalicious, NotEnoughDataToValidate or Other",
	}
	known := map[v1alpha1.Determination]bool{"": true}
	for _, allowed := range determinations {
		for _, d := range allowed {
			known[d] = true
		}
	}
	var cases []ruleCase
	for c, message := range messages {
		allowed := map[v1alpha1.Determination]bool{"": true}
		for _, d := range determinations[c] {
			allowed[d] = true
		}
		for d := range known {
			name := "classified " + string(c) + "/" + string(d)
			cases = append(cases,
				ruleCase{kind: "Incident", rule: message, name: name, refused: !allowed[d],
					object: builders.Incident(namespace, ""), change: incident(func(i *v1alpha1.Incident) {
						i.Spec.Classification, i.Spec.Determination = c, d
					})},
				ruleCase{kind: "Alert", rule: message, name: name, refused: !allowed[d],
					object: builders.Alert(namespace, ""), change: alert(func(a *v1alpha1.Alert) {
						a.Spec.Triage = &v1alpha1.AlertTriage{Classification: c, Determination: d}
					})})
		}
	}
	return cases
}

func incidentRules() []ruleCase {
	with := func(spec v1alpha1.IncidentSpec) client.Object {
		return builders.Incident(namespace, "", func(i *v1alpha1.Incident) { i.Spec = spec })
	}
	const (
		note   = "resolutionNote needs state Resolved"
		state  = "state must be Active, InProgress or Resolved; to merge, set mergeInto"
		merged = "redirectedTo cannot be changed once it is set: a merge is final"
	)
	cases := []ruleCase{
		{rule: note, name: "note of a resolved incident", object: with(v1alpha1.IncidentSpec{State: v1alpha1.IncidentResolved, ResolutionNote: "done"})},
		{rule: note, name: "note of an active incident", object: with(v1alpha1.IncidentSpec{State: v1alpha1.IncidentActive, ResolutionNote: "done"}), refused: true},
		{rule: note, name: "note without a state", object: with(v1alpha1.IncidentSpec{ResolutionNote: "done"}), refused: true},
		{rule: state, name: "state Redirected", object: with(v1alpha1.IncidentSpec{State: v1alpha1.IncidentRedirected}), refused: true},
		{rule: commentsTooLong, name: "comments that just fit", object: with(v1alpha1.IncidentSpec{Comments: comments(2, 8192)})},
		{rule: commentsTooLong, name: "comments too long", object: with(v1alpha1.IncidentSpec{Comments: comments(3, 5462)}), refused: true},
		{rule: merged, name: "first merge", object: with(v1alpha1.IncidentSpec{}), status: true,
			change: incident(func(i *v1alpha1.Incident) { i.Status.RedirectedTo = "first" })},
	}
	for _, s := range []v1alpha1.IncidentState{v1alpha1.IncidentActive, v1alpha1.IncidentInProgress, v1alpha1.IncidentResolved} {
		cases = append(cases, ruleCase{rule: state, name: "state " + string(s), object: with(v1alpha1.IncidentSpec{State: s})})
	}
	into := func(name v1alpha1.LocalName) func(client.Object) {
		return incident(func(i *v1alpha1.Incident) { i.Status.RedirectedTo = name })
	}
	for name, tc := range map[string]struct {
		change  func(client.Object)
		refused bool
	}{
		"merge into another":     {into("second"), true},
		"merge taken back":       {into(""), true},
		"merged, status emptied": {incident(func(i *v1alpha1.Incident) { i.Status = v1alpha1.IncidentStatus{} }), true},
		"merge kept":             {incident(func(i *v1alpha1.Incident) { i.Status.Title = "changed" }), false},
	} {
		cases = append(cases, ruleCase{rule: merged, name: name, object: with(v1alpha1.IncidentSpec{}), status: true,
			first: into("first"), change: tc.change, refused: tc.refused})
	}
	for i := range cases {
		cases[i].kind = "Incident"
	}
	return cases
}
