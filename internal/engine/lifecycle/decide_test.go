package lifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	start   = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	digest  = "sha256:one"
	another = "sha256:two"
)

// proposed is an isolation that was shown to people and waits for them.
func proposed(change ...func(*Input)) Input {
	in := Input{
		Request: Request{Requester: "alice", Undoable: true},
		Digest:  digest,
		Record:  Record{State: PendingApproval, Digest: digest, Started: start},
		Now:     start.Add(time.Minute),
	}
	for _, c := range change {
		c(&in)
	}
	return in
}

// begun is an isolation that was approved and tried once.
func begun(change ...func(*Input)) Input {
	in := proposed(approvedBy("bob", digest, Granted), seen(TargetPresent, EffectAbsent))
	in.Record.State, in.Record.Acted, in.Record.LastAttempt, in.Record.Attempts = InProgress, start, start, 1
	in.Record.Held = true
	for _, c := range change {
		c(&in)
	}
	return in
}

// effective is an isolation in place.
func effective(change ...func(*Input)) Input {
	in := begun(seen(TargetPresent, EffectInPlace))
	in.Record.State, in.Record.Completed = Succeeded, start
	for _, c := range change {
		c(&in)
	}
	return in
}

func approvedBy(who, what string, p Permission) func(*Input) {
	return func(in *Input) {
		in.Request.Approvals = append(in.Request.Approvals, Approval{Approver: who, Digest: what, Permission: p})
	}
}

func rejectedBy(who string) func(*Input) {
	return func(in *Input) {
		in.Request.Approvals = append(in.Request.Approvals, Approval{Approver: who, Reject: true, Digest: "whatever"})
	}
}

func seen(t Target, e Effect) func(*Input) {
	return func(in *Input) { in.Observed = Observation{Looked: true, Target: t, Effect: e} }
}

func trouble(kind TroubleKind, message string) func(*Input) {
	return func(in *Input) { in.Observed.Looked, in.Observed.Trouble = true, Trouble{kind, message} }
}

func after(d time.Duration) func(*Input) { return func(in *Input) { in.Now = start.Add(d) } }

func automatic(in *Input)     { in.Request.Automatic = true }
func deletesPod(in *Input)    { in.Request.Undoable = false }
func cancelled(in *Input)     { in.Request.Cancelled = true }
func undo(in *Input)          { in.Request.UndoBecause = "it was a test" }
func falsePositive(in *Input) { in.Request.FalsePositive = true }
func deleted(in *Input)       { in.Request.DeletedAt = in.Now }
func neverSeen(in *Input)     { in.Record = Record{} }
func cannot(in *Input)        { in.Invalid = "no identity" }

func lives(ttl time.Duration) func(*Input) { return func(in *Input) { in.Request.TTL = ttl } }

const day = 24 * time.Hour

func TestDecide(t *testing.T) {
	t.Parallel()
	type want struct {
		State     State
		Act       Act
		Hold      bool
		Approved  string
		Effective string
		After     time.Duration
	}
	tests := map[string]struct {
		reason string
		in     Input
		want   want
	}{
		"never seen": {
			reason: "the plan is shown before anybody can approve it",
			in:     proposed(neverSeen),
			want:   want{PendingApproval, NoAct, false, ReasonPending, ReasonPending, 7 * day},
		},
		"never seen, automatic": {
			reason: "the plan is written down before it acts",
			in:     proposed(neverSeen, automatic),
			want:   want{InProgress, NoAct, false, ReasonAutomatic, ReasonNotYet, 0},
		},
		"never seen, automatic, requester unknown": {
			reason: "without the admission policies nobody vouches for who asked",
			in:     proposed(neverSeen, automatic, func(in *Input) { in.Request.Requester = "" }),
			want:   want{PendingApproval, NoAct, false, ReasonRequesterUnknown, ReasonPending, 7 * day},
		},
		"never seen, can never be done": {
			reason: "an identity that is none ends it",
			in:     proposed(neverSeen, func(in *Input) { in.Invalid = "no identity" }),
			want:   want{Failed, NoAct, false, "", ReasonFailed, 0},
		},
		"in place, can no longer be rendered": {
			reason: "what cannot be taken back must not be let go of",
			in:     effective(cannot),
			want:   want{Succeeded, NoAct, true, "", ReasonUndoFailed, 0},
		},
		"in place, can no longer be rendered, being deleted": {
			reason: "a deletion waits an hour, as for anything that cannot be undone",
			in:     effective(cannot, deleted),
			want:   want{Succeeded, NoAct, true, "", ReasonUndoFailed, time.Hour},
		},
		"in place, can no longer be rendered, deleted long ago": {
			reason: "a namespace must not hang",
			in:     effective(cannot, deleted, func(in *Input) { in.Now = in.Now.Add(time.Hour) }),
			want:   want{Succeeded, NoAct, false, "", ReasonUndoFailed, 0},
		},
		"tried, can no longer be rendered": {
			reason: "it ends",
			in:     begun(cannot),
			want:   want{Failed, NoAct, false, "", ReasonFailed, 0},
		},
		"never seen, approved in advance of anything": {
			reason: "an approval cannot precede what it approves",
			in:     proposed(neverSeen, approvedBy("bob", digest, Granted)),
			want:   want{PendingApproval, NoAct, false, ReasonApproved, ReasonPending, 7 * day},
		},
		"nobody decided": {
			reason: "it waits until it expires",
			in:     proposed(),
			want:   want{PendingApproval, NoAct, false, ReasonPending, ReasonPending, 7*day - time.Minute},
		},
		"nobody decided for a week": {
			reason: "features 9b.8",
			in:     proposed(after(7 * day)),
			want:   want{Expired, NoAct, false, ReasonExpired, ReasonNotApproved, 0},
		},
		"approved, but a week has passed": {
			reason: "it expired, whoever was down at the time",
			in:     proposed(approvedBy("bob", digest, Granted), after(7*day)),
			want:   want{Expired, NoAct, false, ReasonExpired, ReasonNotApproved, 0},
		},
		"approved": {
			reason: "the approver is asked about before anything else",
			in:     proposed(approvedBy("bob", digest, Unasked)),
			want:   want{PendingApproval, Review, false, ReasonPending, ReasonPending, 7*day - time.Minute},
		},
		"approved by one without the verb": {
			reason: "the verb is checked again when it acts",
			in:     proposed(approvedBy("bob", digest, Denied)),
			want:   want{PendingApproval, NoAct, false, ReasonApproverNotPermitted, ReasonPending, reviewPause},
		},
		"approved by one without the verb and by one with": {
			reason: "one approval that counts is enough",
			in:     proposed(approvedBy("bob", digest, Denied), approvedBy("carol", digest, Granted)),
			want:   want{InProgress, Verify, false, ReasonApproved, ReasonNotYet, 0},
		},
		"approved by the requester": {
			reason: "T10",
			in:     proposed(approvedBy("alice", digest, Granted)),
			want:   want{PendingApproval, NoAct, false, ReasonPending, ReasonPending, 7*day - time.Minute},
		},
		"approved by nobody": {
			reason: "an approval that is not stamped is none",
			in:     proposed(approvedBy("", digest, Granted)),
			want:   want{PendingApproval, NoAct, false, ReasonPending, ReasonPending, 7*day - time.Minute},
		},
		"something else was approved": {
			reason: "T4",
			in:     proposed(approvedBy("bob", another, Granted)),
			want:   want{PendingApproval, NoAct, false, ReasonPending, ReasonPending, 7*day - time.Minute},
		},
		"the plan changed after the approval": {
			reason: "the new plan is shown, and must be approved anew",
			in:     proposed(approvedBy("bob", digest, Granted), func(in *Input) { in.Digest = another }),
			want:   want{PendingApproval, NoAct, false, ReasonPending, ReasonPending, 7*day - time.Minute},
		},
		"approved and rejected": {
			reason: "one rejection ends it",
			in:     proposed(approvedBy("bob", digest, Granted), rejectedBy("carol")),
			want:   want{Rejected, NoAct, false, ReasonRejected, ReasonNotApproved, 0},
		},
		"approved and cancelled": {
			reason: "cancelled before it acted",
			in:     proposed(approvedBy("bob", digest, Granted), cancelled),
			want:   want{Cancelled, NoAct, false, ReasonCancelled, ReasonNotApproved, 0},
		},
		"undone before it acted": {
			reason: "there is nothing to undo",
			in:     proposed(approvedBy("bob", digest, Granted), undo),
			want:   want{Cancelled, NoAct, false, ReasonUndone, ReasonNotApproved, 0},
		},
		"a false positive before it acted": {
			reason: "nothing is done about what is no attack",
			in:     proposed(automatic, falsePositive),
			want:   want{Cancelled, NoAct, false, ReasonUndone, ReasonNotApproved, 0},
		},
		"approved, target there": {
			reason: "it acts, and cannot vanish from then on",
			in:     proposed(approvedBy("bob", digest, Granted), seen(TargetPresent, EffectAbsent)),
			want:   want{InProgress, Apply, true, ReasonApproved, ReasonNotYet, 0},
		},
		"deleting a pod, approved, target there": {
			reason: "what cannot be undone needs not be kept for it",
			in:     proposed(deletesPod, approvedBy("bob", digest, Granted), seen(TargetPresent, EffectAbsent)),
			want:   want{InProgress, Apply, false, ReasonApproved, ReasonNotYet, 0},
		},
		"approved, target gone": {
			reason: "nothing can be done to it any more",
			in:     proposed(approvedBy("bob", digest, Granted), seen(TargetGone, EffectAbsent)),
			want:   want{Failed, NoAct, false, ReasonApproved, ReasonTargetNotFound, 0},
		},
		"deleting a pod, already gone before the first attempt": {
			reason: "it did nothing, so it did not succeed",
			in:     proposed(deletesPod, approvedBy("bob", digest, Granted), seen(TargetGone, EffectInPlace)),
			want:   want{Failed, NoAct, false, ReasonApproved, ReasonTargetNotFound, 0},
		},
		"approved, forbidden": {
			reason: "the right may be granted yet",
			in:     proposed(approvedBy("bob", digest, Granted), trouble(TroubleForbidden, "no")),
			want:   want{InProgress, NoAct, false, ReasonApproved, ReasonForbidden, refusedPause},
		},
		"forbidden for three days": {
			reason: "features 11.13",
			in: begun(trouble(TroubleForbidden, "no"), after(3*day), func(in *Input) {
				in.Record.Attempts, in.Record.Held = 0, false
			}),
			want: want{TimeOut, NoAct, false, "", ReasonTimeOut, 0},
		},
		"effect seen": {
			reason: "verified",
			in:     begun(seen(TargetPresent, EffectInPlace)),
			want:   want{Succeeded, NoAct, true, "", ReasonVerified, holdingPause},
		},
		"deleting a pod, gone after the attempt": {
			reason: "verified; nothing to hold",
			in:     begun(deletesPod, seen(TargetGone, EffectInPlace)),
			want:   want{Succeeded, NoAct, false, "", ReasonVerified, 0},
		},
		"deleting a pod, shutting down": {
			reason: "one attempt is enough for that",
			in:     begun(deletesPod, seen(TargetPresent, EffectUnderway)),
			want:   want{InProgress, NoAct, true, "", ReasonNotYet, underwayPause},
		},
		"attempt failed just now": {
			reason: "back-off; what was said of it stands",
			in:     begun(after(2 * time.Second)),
			want:   want{InProgress, NoAct, true, "", "", 3 * time.Second},
		},
		"attempt failed a while ago": {
			reason: "the next attempt",
			in:     begun(after(5 * time.Second)),
			want:   want{InProgress, Apply, true, ReasonApproved, ReasonNotYet, 0},
		},
		"attempt failed, approver lost the verb": {
			reason: "every attempt asks again",
			in: begun(after(5*time.Second), func(in *Input) {
				in.Request.Approvals[0].Permission = Denied
			}),
			want: want{InProgress, NoAct, true, ReasonApproverNotPermitted, ReasonNotApproved, reviewPause},
		},
		"cancelled after an attempt that left something": {
			reason: "it is taken back before it ends",
			in:     begun(cancelled, seen(TargetPresent, EffectPartial)),
			want:   want{InProgress, Undo, true, ReasonCancelled, "", 0},
		},
		"cancelled after an attempt, nothing left": {
			reason: "the end, and it can be deleted",
			in:     begun(cancelled, seen(TargetPresent, EffectAbsent)),
			want:   want{Cancelled, NoAct, false, ReasonCancelled, ReasonUndone, 0},
		},
		"cancelled while a pod shuts down": {
			reason: "a deletion cannot be stopped; it is reported as it happened",
			in:     begun(deletesPod, cancelled, seen(TargetGone, EffectInPlace)),
			want:   want{Succeeded, NoAct, false, "", ReasonVerified, 0},
		},
		"in place": {
			reason: "looked at every minute",
			in:     effective(),
			want:   want{Succeeded, NoAct, true, "", ReasonVerified, holdingPause},
		},
		"in place, late cancel and rejection": {
			reason: "both end what has not acted; this one has",
			in:     effective(cancelled, rejectedBy("carol")),
			want:   want{Succeeded, NoAct, true, "", ReasonVerified, holdingPause},
		},
		"in place, undo asked for": {
			reason: "undone",
			in:     effective(undo),
			want:   want{Succeeded, Undo, true, "", "", 0},
		},
		"in place, a false positive": {
			reason: "undone",
			in:     effective(falsePositive),
			want:   want{Succeeded, Undo, true, "", "", 0},
		},
		"in place, being deleted": {
			reason: "no isolation is left behind silently",
			in:     effective(deleted),
			want:   want{Succeeded, Undo, true, "", "", 0},
		},
		"in place, its time nearly over": {
			reason: "it is undone on time",
			in:     effective(lives(90*time.Second), after(80*time.Second)),
			want:   want{Succeeded, NoAct, true, "", ReasonVerified, 10 * time.Second},
		},
		"in place, its time over": {
			reason: "undone",
			in:     effective(lives(90*time.Second), after(90*time.Second)),
			want:   want{Succeeded, Undo, true, "", "", 0},
		},
		"undo asked for, nothing left": {
			reason: "undone",
			in:     effective(undo, seen(TargetPresent, EffectAbsent)),
			want:   want{Undone, NoAct, false, "", ReasonUndone, 0},
		},
		"undo forbidden": {
			reason: "it is still in place, and that is said",
			in:     effective(undo, trouble(TroubleForbidden, "no")),
			want:   want{Succeeded, NoAct, true, "", ReasonUndoFailed, refusedPause},
		},
		"undo forbidden for three days": {
			reason: "the end, but nothing is forgotten: it stays held",
			in: effective(undo, trouble(TroubleForbidden, "no"), after(3*day), func(in *Input) {
				in.Record.Undoing = start
			}),
			want: want{TimeOut, NoAct, true, "", ReasonUndoFailed, 0},
		},
		"deletion waited an hour for a forbidden undo": {
			reason: "a namespace must not hang",
			in: effective(trouble(TroubleForbidden, "no"), after(time.Hour), func(in *Input) {
				in.Request.DeletedAt = start
			}),
			want: want{Succeeded, NoAct, false, "", ReasonUndoFailed, 0},
		},
		"in place, pod gone, policy left": {
			reason: "the policy is cleaned up",
			in:     effective(seen(TargetGone, EffectPartial)),
			want:   want{Succeeded, Undo, true, "", "", 0},
		},
		"in place, pod gone, nothing left": {
			reason: "it did what it was for; nothing to hold",
			in:     effective(seen(TargetGone, EffectAbsent)),
			want:   want{Succeeded, NoAct, false, "", ReasonTargetNotFound, 0},
		},
		"in place, taken away by somebody": {
			reason: "put back, as an attempt",
			in:     effective(seen(TargetPresent, EffectPartial)),
			want:   want{InProgress, Apply, true, ReasonApproved, ReasonNotYet, 0},
		},
		"in place, taken away right after the attempt": {
			reason: "back-off is the brake against a quarrel; meanwhile nobody is told that it is in place",
			in:     effective(seen(TargetPresent, EffectPartial), after(time.Second)),
			want:   want{InProgress, NoAct, true, "", ReasonNotYet, 4 * time.Second},
		},
		"in place, taken away, approver lost the verb": {
			reason: "the same rules as the first time",
			in: effective(seen(TargetPresent, EffectPartial), func(in *Input) {
				in.Request.Approvals[0].Permission = Denied
			}),
			want: want{InProgress, NoAct, true, ReasonApproverNotPermitted, ReasonNotApproved, reviewPause},
		},
		"in place, can no longer be seen": {
			reason: "unknown is neither in place nor gone",
			in:     effective(trouble(TroubleForbidden, "no")),
			want:   want{Succeeded, NoAct, true, "", ReasonForbidden, refusedPause},
		},
		"being put back when its time is over": {
			reason: "it is not put back any more",
			in: begun(lives(time.Hour), after(time.Hour), seen(TargetPresent, EffectPartial), func(in *Input) {
				in.Record.Completed = start
			}),
			want: want{InProgress, Undo, true, "", "", 0},
		},
		"timed out with something in place, deleted": {
			reason: "one more try",
			in: effective(deleted, func(in *Input) {
				in.Record.State, in.Record.Undoing, in.Record.UndoAttempts = TimeOut, start, 9
			}),
			want: want{TimeOut, Undo, true, "", "", 0},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(test.in)
			got := want{d.State, d.Act, d.Hold, d.Approved.Reason, d.Effective.Reason, d.RecheckAfter}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s\n%+v", test.reason, diff, d)
			}
		})
	}
}

func TestFinalStatesAbsorb(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Failed, TimeOut, Cancelled, Rejected, Expired, Undone} {
		for name, in := range map[string]Input{
			"approved": begun(), "undo": effective(undo), "deleted": effective(deleted),
			"rejected": begun(rejectedBy("carol")), "changed": begun(func(in *Input) { in.Digest = another }),
			"invalid": begun(func(in *Input) { in.Invalid = "no identity" }),
		} {
			in.Record.State = state
			d := Decide(in)
			if d.State != state || d.Act == Apply {
				t.Errorf("%s, %s: %+v", state, name, d)
			}
		}
	}
}

// TestWhatMayBeLeftIsSaid: people have to clear away what Tocsin cannot.
func TestWhatMayBeLeftIsSaid(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   Input
		want string
	}{
		"in place":    {effective(cannot), "The effect is still in place: no identity"},
		"tried":       {begun(cannot), "What was tried may be left in place: no identity"},
		"never tried": {proposed(neverSeen, cannot), "no identity"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Decide(tc.in).Effective.Message; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
