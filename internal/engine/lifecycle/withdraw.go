package lifecycle

import (
	"cmp"
	"fmt"
	"time"
)

// withdraw takes the effect back, then ends as said.
func withdraw(in Input, end outcome) Decision {
	undoing := Decision{State: in.Record.State, Hold: true, Undoing: true, Approved: end.approved}
	if !in.Observed.Looked {
		undoing.Act = Verify
		return undoing
	}
	if in.Observed.Effect == EffectAbsent {
		return end.final()
	}
	if gaveUp, ok := giveUp(in, end); ok {
		return gaveUp
	}
	if in.Observed.Trouble.Kind != NoTrouble {
		undoing.Effective = undoFailed(in.Observed.Trouble.Message)
		return undoing.after(cmp.Or(undoDue(in), refusedPause))
	}
	if wait := undoDue(in); wait > 0 {
		return undoing.after(wait)
	}
	undoing.Act = Undo
	return undoing
}

// undoDue is how long to wait before it is tried again to undo. A deletion asks anew.
func undoDue(in Input) time.Duration {
	if in.Request.deleting() && in.Record.LastAttempt.Before(in.Request.DeletedAt) {
		return 0
	}
	return due(in.Record, in.Record.UndoAttempts, in.Now)
}

// giveUp ends what cannot be undone in time. What is left in place is said, and
// deleting the remediation tries once more.
func giveUp(in Input, end outcome) (Decision, bool) {
	if in.Request.deleting() {
		if left(in.Request.DeletedAt, deletionLimit, in.Now) > 0 {
			return Decision{}, false
		}
		return Decision{State: in.Record.State, Effective: undoFailed("given up after an hour; the effect is left in place")}, true
	}
	if left(in.Record.Undoing, actingLimit, in.Now) > 0 {
		return Decision{}, false
	}
	return Decision{State: TimeOut, Hold: true, Undoing: true, Approved: end.approved,
		Effective: undoFailed("given up after three days; delete the remediation to try again")}, true
}

func undoFailed(why string) Finding {
	return Finding{True, ReasonUndoFailed, fmt.Sprintf("The effect is still in place: %s", why)}
}
