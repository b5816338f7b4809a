package lifecycle

import "fmt"

// gate says whether the remediation may act.
type gate struct {
	open bool
	// ask is true when it depends on an approver who was not yet asked about.
	ask bool
	by  string
	Finding
}

// approve finds who lets the remediation act. Whoever asked for it is never
// counted, nor anybody while it is unknown who asked.
func approve(in Input) gate {
	if in.Request.Requester == "" {
		return gate{Finding: Finding{False, ReasonRequesterUnknown,
			"Nobody is stamped as the requester; Tocsin's admission policies must be installed before anything is asked for"}}
	}
	if in.Request.Automatic {
		return gate{open: true, Finding: Finding{True, ReasonAutomatic, "No approval is needed"}}
	}
	result := gate{Finding: Finding{Unknown, ReasonPending, "Waits for another person than the requester to approve or reject"}}
	for _, a := range in.Request.Approvals {
		if !in.Counts(a) {
			continue
		}
		switch a.Permission {
		case Granted:
			return gate{open: true, by: a.Approver, Finding: Finding{True, ReasonApproved, "Approved by " + a.Approver}}
		case Denied:
			result.Finding = Finding{False, ReasonApproverNotPermitted,
				fmt.Sprintf("%s no longer holds the verb approve on this remediation; another person must approve it", a.Approver)}
		case Unasked:
			result.ask = true
		}
	}
	return result
}

// Counts reports whether an approval is of exactly what would be done, by
// somebody else than the requester.
func (in Input) Counts(a Approval) bool {
	return !a.Reject && a.Approver != "" && a.Approver != in.Request.Requester &&
		in.Request.Requester != "" && in.Digest != "" && a.Digest == in.Digest
}

// outcome is a state to end in, and what to say of it.
type outcome struct {
	state    State
	approved Finding
	// effective is said once the effect is gone.
	effective Finding
}

// calledOff says whether people ended the remediation, before or while it acts.
func calledOff(in Input) (outcome, bool) {
	for _, a := range in.Request.Approvals {
		if a.Reject {
			return notActing(Rejected, ReasonRejected, "Rejected by "+a.Approver), true
		}
	}
	switch {
	case in.Request.Cancelled:
		return notActing(Cancelled, ReasonCancelled, "Cancelled"), true
	case in.Request.deleting():
		return notActing(Cancelled, ReasonCancelled, "The remediation is being deleted"), true
	}
	undone, ok := takenBack(in)
	if ok && in.Record.Attempts == 0 {
		return notActing(Cancelled, undone.effective.Reason, undone.effective.Message), true
	}
	return undone, ok
}

// takenBack says whether people want the effect undone.
func takenBack(in Input) (outcome, bool) {
	undone := outcome{state: Undone, effective: Finding{False, ReasonUndone, ""}}
	switch {
	case in.Request.FalsePositive:
		undone.effective.Message = "Undone: the incident is a false positive"
	case in.Request.UndoBecause != "":
		undone.effective.Message = "Undone on request: " + in.Request.UndoBecause
	default:
		return outcome{}, false
	}
	return undone, true
}

func notActing(state State, reason, message string) outcome {
	return outcome{
		state:     state,
		approved:  Finding{False, reason, message},
		effective: Finding{False, ReasonNotApproved, "Nothing was done: " + message},
	}
}

// final is a state with nothing left in place.
func (o outcome) final() Decision {
	return Decision{State: o.state, Approved: o.approved, Effective: o.effective}
}
