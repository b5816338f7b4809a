package lifecycle

import (
	"cmp"
	"time"
)

// succeeded is the moment at which the effect is verified.
func succeeded(in Input) Decision {
	d := Decision{State: Succeeded, Effective: verified(in.Observed)}
	if !in.Request.Undoable {
		return d
	}
	d.Hold = true
	return d.after(holdFor(in))
}

func verified(o Observation) Finding {
	return Finding{True, ReasonVerified, cmp.Or(o.Note, "The effect is in place")}
}

// holding keeps the effect in place until it is to be undone.
func holding(in Input) Decision {
	if !in.Request.Undoable || in.Record.Gone {
		return Decision{State: Succeeded}
	}
	if end, ok := release(in); ok {
		return withdraw(in, end)
	}
	if !in.Observed.Looked {
		return Decision{State: Succeeded, Act: Verify, Hold: true}
	}
	switch {
	case in.Observed.Target == TargetGone:
		return withdraw(in, outcome{state: Succeeded, effective: Finding{False, ReasonTargetNotFound,
			"The target is gone, and the effect with it; nothing is left in place"}})
	case in.Observed.Trouble.Kind != NoTrouble:
		f := in.Observed.Trouble.finding()
		f.Truth = Unknown
		return Decision{State: Succeeded, Hold: true, Effective: f}.after(min(refusedPause, holdFor(in)))
	case in.Observed.Effect == EffectInPlace:
		return succeeded(in)
	}
	return putBack(in)
}

// putBack makes the effect again that somebody else took away, under the same
// rules as the first time.
func putBack(in Input) Decision {
	in.Record.State, in.Record.Acted = InProgress, in.Now
	in.Record.Held = true
	d := progress(in)
	if d.Effective == (Finding{}) {
		d.Effective = Finding{False, ReasonNotYet, "Somebody took the effect away; it is put back"}
	}
	return d
}

// release says whether the effect is to be undone.
func release(in Input) (outcome, bool) {
	if end, ok := takenBack(in); ok {
		return end, true
	}
	if in.Request.deleting() {
		return outcome{state: Undone, effective: Finding{False, ReasonUndone, "Undone: the remediation is being deleted"}}, true
	}
	return outlived(in)
}

// outlived says whether the effect has held for as long as it was to.
func outlived(in Input) (outcome, bool) {
	if in.Request.TTL <= 0 || left(in.Record.Completed, in.Request.TTL, in.Now) > 0 {
		return outcome{}, false
	}
	return outcome{state: Undone, effective: Finding{False, ReasonUndone, "Undone: its time is over"}}, true
}

// holdFor is when to look again.
func holdFor(in Input) time.Duration {
	if in.Request.TTL == 0 {
		return holdingPause
	}
	return max(time.Second, min(holdingPause, left(in.Record.Completed, in.Request.TTL, in.Now)))
}

func (d Decision) after(pause time.Duration) Decision {
	d.RecheckAfter = pause
	return d
}
