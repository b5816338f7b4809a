package lifecycle

import (
	"cmp"
	"fmt"
)

// pending waits until it may act.
func pending(in Input) Decision {
	if end, ok := calledOff(in); ok {
		return end.final()
	}
	remaining := left(in.Record.Started, approvalLimit, in.Now)
	if remaining == 0 {
		return notActing(Expired, ReasonExpired, "Nobody decided within seven days").final()
	}
	g := approve(in)
	wait := Decision{State: PendingApproval, Approved: g.Finding, RecheckAfter: remaining,
		Effective: Finding{Unknown, ReasonPending, "Waits for approval"}}
	switch {
	case in.Record.State == New || in.Digest != in.Record.Digest:
		return announce(in, g, wait)
	case g.ask:
		wait.Act = Review
	case g.open:
		return passed(g, progress(in))
	case g.Truth == False:
		wait.RecheckAfter = min(reviewPause, remaining)
	}
	return wait
}

// passed says who opened the gate, where nothing newer is to be said of it.
func passed(g gate, d Decision) Decision {
	if d.Approved == (Finding{}) {
		d.Approved, d.ApprovedBy = g.Finding, g.by
	}
	return d
}

// announce shows what would be done before anything is done, so that it can be
// approved, and is known whatever happens next.
func announce(in Input, g gate, wait Decision) Decision {
	if !in.Request.Automatic || !g.open {
		return wait
	}
	return Decision{State: InProgress, Approved: g.Finding, Hold: in.Record.Held,
		Effective: Finding{False, ReasonNotYet, "About to act"}}
}

// progress acts until the effect is verified, or it may act no longer.
func progress(in Input) Decision {
	if end, ok := calledOff(in); ok {
		return stop(in, end)
	}
	if end, ok := outlived(in); ok {
		return stop(in, end)
	}
	if in.Digest != in.Record.Digest {
		return reannounce(in)
	}
	remaining := left(in.Record.Acted, actingLimit, in.Now)
	if remaining == 0 && in.Record.Attempts == 0 {
		return timedOut().final()
	}
	if !in.Observed.Looked {
		return acting(in, Verify)
	}
	seen := in.Observed
	switch {
	case in.Record.Attempts > 0 && seen.Effect == EffectInPlace:
		return succeeded(in)
	case seen.Target == TargetGone:
		return stop(in, targetNotFound())
	case remaining == 0:
		return stop(in, timedOut())
	case seen.Trouble.Kind != NoTrouble:
		return refused(in)
	case in.Record.Attempts > 0 && seen.Effect == EffectUnderway:
		return waiting(in, Finding{False, ReasonNotYet, "Underway"}).after(underwayPause)
	}
	return attempt(in)
}

// attempt acts if it is time and still allowed.
func attempt(in Input) Decision {
	if d := due(in.Record, in.Record.Attempts, in.Now); d > 0 {
		return waiting(in, Finding{}).after(d)
	}
	g := approve(in)
	switch {
	case g.ask:
		return acting(in, Review)
	case g.open:
		d := acting(in, Apply)
		d.Approved, d.ApprovedBy = g.Finding, g.by
		d.Hold = d.Hold || in.Request.Undoable
		return d
	case in.Record.Attempts == 0:
		return Decision{State: PendingApproval, Approved: g.Finding, RecheckAfter: reviewPause,
			Effective: Finding{Unknown, ReasonPending, "Waits for approval"}}
	}
	d := waiting(in, Finding{False, ReasonNotApproved, "It may no longer act: " + g.Message}).after(reviewPause)
	d.Approved = g.Finding
	return d
}

// reannounce shows a plan that changed after the first one was shown. An
// approval of the first does not count for it.
func reannounce(in Input) Decision {
	g := approve(in)
	d := Decision{State: InProgress, Approved: g.Finding, Hold: in.Record.Held,
		Effective: Finding{False, ReasonNotYet, "What is to be done has changed"}}
	if !g.open && in.Record.Attempts == 0 {
		d.State, d.Effective = PendingApproval, Finding{Unknown, ReasonPending, "Waits for approval"}
	}
	return d
}

func acting(in Input, act Act) Decision {
	return Decision{State: InProgress, Act: act, Hold: in.Record.Held,
		Effective: Finding{False, ReasonNotYet, "Acting"}}
}

func waiting(in Input, effective Finding) Decision {
	return Decision{State: InProgress, Hold: in.Record.Held, Effective: effective}
}

// refused keeps trying: a right may be granted, an obstacle removed.
func refused(in Input) Decision {
	return waiting(in, in.Observed.Trouble.finding()).
		after(cmp.Or(due(in.Record, in.Record.Attempts, in.Now), refusedPause))
}

func (t Trouble) finding() Finding {
	if t.Kind == TroubleForbidden {
		return Finding{False, ReasonForbidden, t.Message}
	}
	return Finding{False, ReasonNotYet, t.Message}
}

// stop ends the remediation, taking back what an attempt may have left.
func stop(in Input, end outcome) Decision {
	switch {
	case in.Record.Attempts == 0:
		return end.final()
	case !in.Request.Undoable:
		return stopLate(in, end)
	case end.effective.Reason == ReasonNotApproved:
		end.effective = Finding{False, ReasonUndone, "Undone: " + end.approved.Message}
	}
	return withdraw(in, end)
}

// stopLate ends what cannot be undone: if the effect came about all the same, it did.
func stopLate(in Input, end outcome) Decision {
	switch {
	case !in.Observed.Looked:
		return acting(in, Verify)
	case in.Observed.Effect == EffectInPlace:
		return succeeded(in)
	case in.Observed.Effect == EffectUnderway && left(in.Record.Acted, actingLimit, in.Now) > 0:
		return waiting(in, Finding{False, ReasonNotYet, "Underway"}).after(underwayPause)
	}
	if end.effective.Reason == ReasonNotApproved {
		end.effective = Finding{False, ReasonFailed, "It was tried without effect. " + end.approved.Message}
	}
	return end.final()
}

func failed(why string) outcome {
	return outcome{state: Failed, effective: Finding{False, ReasonFailed, why}}
}

func timedOut() outcome {
	return outcome{state: TimeOut, effective: Finding{False, ReasonTimeOut,
		fmt.Sprintf("It could not be done within %d days", int(actingLimit.Hours())/24)}}
}

func targetNotFound() outcome {
	return outcome{state: Failed, effective: Finding{False, ReasonTargetNotFound, "The target does not exist, or another object has its name"}}
}
