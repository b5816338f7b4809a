package invariant

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// graph gives the states that may follow each state. A state without followers
// is final. The empty state may be followed by any but is never returned to.
type graph map[string][]string

// Written down here again, and not taken from the code under test, on purpose.
var (
	incidentGraph = graph{
		"Active":     {"InProgress", "Resolved", "Empty", "Redirected"},
		"InProgress": {"Active", "Resolved", "Empty", "Redirected"},
		"Resolved":   {"Active", "InProgress", "Empty"}, // by people; it takes no alerts before
		// Resolved because its alerts went elsewhere: people may move some back.
		"Empty":      {"Active", "InProgress", "Resolved", "Redirected"},
		"Redirected": {},
	}
	investigationGraph = graph{
		"Queued":  append([]string{"Running"}, investigationEnds...),
		"Running": append([]string{"PendingApproval"}, investigationEnds...),
		// A remediation that was decided may still be under way.
		"PendingApproval": append([]string{"Running"}, investigationEnds...),
	}
	investigationEnds = []string{
		"Benign", "SuccessfullyRemediated", "PartiallyRemediated", "PartiallyInvestigated",
		"Failed", "TerminatedByUser", "TerminatedBySystem",
	}
	stepGraph = graph{
		"Queued":  {"Running", "Succeeded", "Failed", "TimedOut", "Cancelled"},
		"Running": {"Succeeded", "Failed", "TimedOut", "Cancelled"},
	}
	remediationGraph = graph{
		"PendingApproval": {"InProgress", "Succeeded", "Failed", "Cancelled", "Rejected", "Expired"},
		"InProgress":      {"Succeeded", "Failed", "TimeOut", "Cancelled"},
		"Succeeded":       {"Undone"},
		"Failed":          {"Undone"}, // what was half done can be taken back
		"TimeOut":         {"Undone"},
	}
)

func (g graph) allows(from, to string) bool {
	return from == to || from == "" || slices.Contains(g[from], to)
}

// states lists the state machines of an object, by name.
func states(o client.Object) map[string]struct {
	graph graph
	state string
} {
	type machine = struct {
		graph graph
		state string
	}
	switch o := o.(type) {
	case *v1alpha1.Incident:
		state := string(o.Status.State)
		if state == "Resolved" && emptied(o) {
			state = "Empty"
		}
		return map[string]machine{"": {incidentGraph, state}}
	case *v1alpha1.Investigation:
		all := map[string]machine{"": {investigationGraph, string(o.Status.State)}}
		for _, step := range o.Status.Steps {
			all["step "+step.Name] = machine{stepGraph, string(step.State)}
		}
		return all
	case *v1alpha1.Remediation:
		return map[string]machine{"": {remediationGraph, string(o.Status.State)}}
	default:
		return nil
	}
}

func statesFollowGraph() Invariant {
	return Invariant{Name: "I8 states", Revision: func(before history.View, r history.Revision) error {
		old := before.Before(r.Object)
		if old == nil || r.Event == watch.Deleted {
			return nil
		}
		now := states(r.Object)
		for name, was := range states(old) {
			if !was.graph.allows(was.state, now[name].state) {
				return fmt.Errorf("%s from %s to %q", name, was.state, now[name].state)
			}
		}
		return nil
	}}
}
