package crd_test

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

func remediationFacts() []ruleCase {
	full := func() client.Object {
		return builders.Remediation(namespace, "", func(r *v1alpha1.Remediation) {
			r.Spec.TTLSeconds = ptr(int32(3600))
			r.Spec.IncidentName, r.Spec.InvestigationName = "shell-in-web", "look"
			r.Spec.RequestedBy = "alice"
		})
	}
	bare := func() client.Object { return builders.Remediation(namespace, "") }
	cancelled := remediation(func(r *v1alpha1.Remediation) { r.Spec.Cancel = &v1alpha1.CancelRequest{Reason: "enough"} })
	var cases []ruleCase
	fact := func(rule string, edits map[string]func(*v1alpha1.RemediationSpec), added func(*v1alpha1.RemediationSpec)) {
		changes := map[string]func(client.Object){}
		for name, edit := range edits {
			changes[name] = remediation(func(r *v1alpha1.Remediation) { edit(&r.Spec) })
		}
		var add func(client.Object)
		if added != nil {
			add = remediation(func(r *v1alpha1.Remediation) { added(&r.Spec) })
		}
		cases = append(cases, immutable("Remediation", rule, full, bare, cancelled, changes, add)...)
	}
	type edits = map[string]func(*v1alpha1.RemediationSpec)
	fact("action is immutable", edits{"changed": func(s *v1alpha1.RemediationSpec) { s.Action = v1alpha1.ActionDeletePod }}, nil)
	fact("target is immutable", edits{
		"namespace": func(s *v1alpha1.RemediationSpec) { s.Target.Namespace = "kube-system" },
		"name":      func(s *v1alpha1.RemediationSpec) { s.Target.Name = "db-0" },
		"uid":       func(s *v1alpha1.RemediationSpec) { s.Target.UID = "another" },
	}, nil)
	fact("serviceAccountName is immutable", edits{"changed": func(s *v1alpha1.RemediationSpec) { s.ServiceAccountName = "root" }}, nil)
	fact("approval is immutable", edits{
		"changed": func(s *v1alpha1.RemediationSpec) { s.Approval = v1alpha1.ApprovalAutomatic },
	}, nil)
	fact("reason is immutable", edits{"changed": func(s *v1alpha1.RemediationSpec) { s.Reason = "because" }}, nil)
	fact("ttlSeconds is immutable", edits{
		"changed": func(s *v1alpha1.RemediationSpec) { s.TTLSeconds = ptr(int32(60)) },
		"removed": func(s *v1alpha1.RemediationSpec) { s.TTLSeconds = nil },
	}, func(s *v1alpha1.RemediationSpec) { s.TTLSeconds = ptr(int32(60)) })
	fact("incidentName is immutable", edits{
		"changed": func(s *v1alpha1.RemediationSpec) { s.IncidentName = "another" },
		"removed": func(s *v1alpha1.RemediationSpec) { s.IncidentName = "" },
	}, func(s *v1alpha1.RemediationSpec) { s.IncidentName = "late" })
	fact("investigationName is immutable", edits{
		"changed": func(s *v1alpha1.RemediationSpec) { s.InvestigationName = "another" },
		"removed": func(s *v1alpha1.RemediationSpec) { s.InvestigationName = "" },
	}, func(s *v1alpha1.RemediationSpec) { s.InvestigationName = "late" })
	fact("requestedBy is immutable", edits{
		"changed": func(s *v1alpha1.RemediationSpec) { s.RequestedBy = "bob" },
		"removed": func(s *v1alpha1.RemediationSpec) { s.RequestedBy = "" },
	}, func(s *v1alpha1.RemediationSpec) { s.RequestedBy = "bob" })
	return cases
}

func remediationRules() []ruleCase {
	const (
		undoStays   = "undo cannot be changed or taken back"
		cancelStays = "cancel cannot be changed or taken back"
		undoOf      = "undo: only IsolatePod can be undone"
		ttlOf       = "ttlSeconds: only IsolatePod can be undone"
	)
	with := func(mutate func(*v1alpha1.RemediationSpec)) client.Object {
		return builders.Remediation(namespace, "", func(r *v1alpha1.Remediation) { mutate(&r.Spec) })
	}
	plain := func(*v1alpha1.RemediationSpec) {}
	undo := func(s *v1alpha1.RemediationSpec) {
		s.Undo = &v1alpha1.UndoRequest{Reason: "false alarm", RequestedBy: "alice"}
	}
	cancel := func(s *v1alpha1.RemediationSpec) { s.Cancel = &v1alpha1.CancelRequest{Reason: "enough"} }
	ttl := func(s *v1alpha1.RemediationSpec) { s.TTLSeconds = ptr(int32(60)) }
	deletePod := func(more func(*v1alpha1.RemediationSpec)) func(*v1alpha1.RemediationSpec) {
		return func(s *v1alpha1.RemediationSpec) { s.Action = v1alpha1.ActionDeletePod; more(s) }
	}
	to := func(change func(*v1alpha1.RemediationSpec)) func(client.Object) {
		return remediation(func(r *v1alpha1.Remediation) { change(&r.Spec) })
	}
	cases := []ruleCase{
		{rule: undoStays, name: "undo asked for", object: with(plain), change: to(undo)},
		{rule: undoStays, name: "undo kept", object: with(undo), change: to(cancel)},
		{rule: undoStays, name: "undo taken back", object: with(undo), change: to(func(s *v1alpha1.RemediationSpec) { s.Undo = nil }), refused: true},
		{rule: undoStays, name: "undo for another reason", object: with(undo), change: to(func(s *v1alpha1.RemediationSpec) { s.Undo.Reason = "why not" }), refused: true},
		{rule: undoStays, name: "undo of another person", object: with(undo), change: to(func(s *v1alpha1.RemediationSpec) { s.Undo.RequestedBy = "bob" }), refused: true},
		{rule: cancelStays, name: "cancelled", object: with(plain), change: to(cancel)},
		{rule: cancelStays, name: "cancellation kept", object: with(cancel), change: to(undo)},
		{rule: cancelStays, name: "cancellation taken back", object: with(cancel), change: to(func(s *v1alpha1.RemediationSpec) { s.Cancel = nil }), refused: true},
		{rule: cancelStays, name: "cancelled for another reason", object: with(cancel), change: to(func(s *v1alpha1.RemediationSpec) { s.Cancel.Reason = "why not" }), refused: true},
		{rule: undoOf, name: "undo of an isolation", object: with(undo)},
		{rule: undoOf, name: "undo of a deletion", object: with(deletePod(undo)), refused: true},
		{rule: ttlOf, name: "ttl of an isolation", object: with(ttl)},
		{rule: ttlOf, name: "deletion without ttl", object: with(deletePod(plain))},
		{rule: ttlOf, name: "ttl of a deletion", object: with(deletePod(ttl)), refused: true},
	}
	for i := range cases {
		cases[i].kind = "Remediation"
	}
	return cases
}

const (
	finalStates    = "state cannot be changed any more: Failed, TimeOut, Cancelled, Rejected, Expired and Undone are final"
	afterSucceeded = "after Succeeded, state can only become InProgress, TimeOut or Undone"
)

// after says which states may follow which; all may follow the others.
var after = map[v1alpha1.RemediationState][]v1alpha1.RemediationState{
	v1alpha1.RemediationSucceeded: {v1alpha1.RemediationInProgress, v1alpha1.RemediationTimeOut, v1alpha1.RemediationUndone},
	v1alpha1.RemediationFailed:    {}, v1alpha1.RemediationTimeOut: {}, v1alpha1.RemediationCancelled: {},
	v1alpha1.RemediationRejected: {}, v1alpha1.RemediationExpired: {}, v1alpha1.RemediationUndone: {},
}

var states = []v1alpha1.RemediationState{
	"", v1alpha1.RemediationPendingApproval, v1alpha1.RemediationInProgress, v1alpha1.RemediationSucceeded,
	v1alpha1.RemediationFailed, v1alpha1.RemediationTimeOut, v1alpha1.RemediationCancelled,
	v1alpha1.RemediationRejected, v1alpha1.RemediationExpired, v1alpha1.RemediationUndone,
}

// remediationStates tries every step between all states.
func remediationStates() []ruleCase {
	set := func(state v1alpha1.RemediationState) func(client.Object) {
		return remediation(func(r *v1alpha1.Remediation) {
			r.Status.State, r.Status.Plan = state, "from before "+string(state)
		})
	}
	var cases []ruleCase
	for _, from := range states {
		for _, to := range states {
			followers, limited := after[from]
			rule := finalStates
			if from == v1alpha1.RemediationSucceeded {
				rule = afterSucceeded
			}
			cases = append(cases, ruleCase{
				kind: "Remediation", rule: rule, name: "state/" + string(from) + " to " + string(to),
				object: builders.Remediation(namespace, ""), status: true, first: set(from), change: set(to),
				refused: limited && from != to && !slices.Contains(followers, to),
			})
		}
	}
	return cases
}
