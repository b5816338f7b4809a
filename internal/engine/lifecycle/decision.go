package lifecycle

import "time"

// Act is what the controller is to do before it decides again; NoAct ends the
// reconciliation.
type Act string

// What is to be done.
const (
	NoAct Act = ""
	// Review asks whether the approvers still hold the verb "approve".
	Review Act = "Review"
	// Verify looks at the target and the effect.
	Verify Act = "Verify"
	// Apply makes the effect. It is an attempt.
	Apply Act = "Apply"
	// Undo takes the effect back. It is an attempt.
	Undo Act = "Undo"
)

// Truth is the status of a condition.
type Truth string

// The statuses of a condition.
const (
	True    Truth = "True"
	False   Truth = "False"
	Unknown Truth = "Unknown"
)

// Finding is one condition. The zero value leaves the condition as it is.
type Finding struct {
	Truth   Truth
	Reason  string
	Message string
}

// Reasons of findings.
const (
	ReasonPending              = "Pending"
	ReasonApproved             = "Approved"
	ReasonAutomatic            = "Automatic"
	ReasonRejected             = "Rejected"
	ReasonExpired              = "Expired"
	ReasonCancelled            = "Cancelled"
	ReasonApproverNotPermitted = "ApproverNotPermitted"
	ReasonRequesterUnknown     = "RequesterUnknown"
	ReasonVerified             = "Verified"
	ReasonNotYet               = "NotYet"
	ReasonFailed               = "Failed"
	ReasonTimeOut              = "TimeOut"
	ReasonForbidden            = "Forbidden"
	ReasonTargetNotFound       = "TargetNotFound"
	ReasonUndone               = "Undone"
	ReasonUndoFailed           = "UndoFailed"
	ReasonNotApproved          = "NotApproved"
)

// Decision is what happens next, and why.
type Decision struct {
	State State
	Act   Act
	// Hold keeps the remediation from vanishing before its effect is undone.
	Hold bool
	// Undoing is true from the moment it is to be taken back.
	Undoing             bool
	Approved, Effective Finding
	// ApprovedBy is who let it act, if it acts.
	ApprovedBy string
	// RecheckAfter is when to decide again if nothing happens; 0 is never.
	RecheckAfter time.Duration
}

// Decide says what happens next.
func Decide(in Input) Decision {
	if in.Invalid != "" && (in.Record.Held || !in.Record.State.Final()) {
		return invalid(in)
	}
	switch in.Record.State {
	case New, PendingApproval:
		return pending(in)
	case InProgress:
		return progress(in)
	case Succeeded:
		return holding(in)
	default:
		return ended(in)
	}
}

// Final reports whether the state never changes any more.
func (s State) Final() bool {
	switch s {
	case New, PendingApproval, InProgress, Succeeded:
		return false
	default:
		return true
	}
}

// invalid ends what can never be done.
func invalid(in Input) Decision {
	switch {
	case in.Record.Held && (in.Record.State == Succeeded || in.Record.State == TimeOut):
		return stranded(in)
	case in.Record.State.Final():
		return ended(in)
	case in.Record.State == Succeeded:
		return Decision{State: Succeeded, Effective: Finding{Unknown, ReasonFailed, in.Invalid}}
	case in.Record.Attempts > 0:
		return failed("What was tried may be left in place: " + in.Invalid).final()
	}
	return failed(in.Invalid).final()
}

// stranded holds what is in place and cannot be rendered any more, so that it
// cannot be taken back either. A deletion does not wait for it longer than for
// anything else.
func stranded(in Input) Decision {
	if gaveUp, ok := giveUp(in, outcome{}); ok {
		return gaveUp
	}
	d := Decision{State: in.Record.State, Hold: true, Effective: undoFailed(in.Invalid)}
	if in.Request.deleting() {
		return d.after(left(in.Request.DeletedAt, deletionLimit, in.Now))
	}
	return d
}

// ended absorbs. What a remediation left in place that timed out goes when the
// remediation goes.
func ended(in Input) Decision {
	if in.Record.Held && in.Record.State == TimeOut {
		if in.Request.deleting() {
			return withdraw(in, outcome{state: TimeOut})
		}
		return Decision{State: TimeOut, Hold: true}
	}
	return Decision{State: in.Record.State}
}

func (r Request) deleting() bool { return !r.DeletedAt.IsZero() }
