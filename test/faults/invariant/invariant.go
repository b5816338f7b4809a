// Package invariant says what must hold at every revision of every object,
// whatever goes wrong, and what must hold once it is over. The numbers are
// those of the project's list of invariants.
package invariant

import (
	"fmt"

	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// Invariant is one thing that must hold.
type Invariant struct {
	// Name starts with the number in the list.
	Name string
	// Revision judges one revision, given what existed just before it.
	Revision func(before history.View, r history.Revision) error
	// End judges what exists once all is quiet.
	End func(end history.View) error
}

// New returns fresh instances of all invariants; some of them remember what
// they saw, so each serves for one history.
func New() []Invariant {
	return []Invariant{
		membership(), incidentsHaveAlerts(), redirects(), hidden(),
		oneJobAnAttempt(),
		oneEffectAnAttempt(), noEffectBeforeApproval(),
		digestStands(), approverIsNotRequester(),
		statesFollowGraph(),
		observedGeneration(), transitionTimes(),
		noOrphans(), nothingTerminating(),
		size(),
	}
}

// Check judges a history, and its end where that was reached, and returns what
// was violated.
func Check(revisions []history.Revision, ended bool, invariants []Invariant) []error {
	var violations []error
	end := history.Replay(revisions, func(before history.View, r history.Revision) {
		for _, i := range invariants {
			if i.Revision == nil {
				continue
			}
			if err := i.Revision(before, r); err != nil {
				violations = append(violations, fmt.Errorf("%s: %s: %w", i.Name, r, err))
			}
		}
	})
	for _, i := range invariants {
		if i.End == nil || !ended {
			continue
		}
		if err := i.End(end); err != nil {
			violations = append(violations, fmt.Errorf("%s: in the end: %w", i.Name, err))
		}
	}
	return violations
}
