package lifecycle

import (
	"math/rand/v2"
	"testing"
	"time"
)

// world is a cluster as one remediation sees it, and the people around it.
type world struct {
	*testing.T
	*rand.Rand
	in     Input
	effect Effect
	target Target
	// forbidden refuses everything; flaky fails what is tried.
	forbidden, flaky bool
	permitted        map[string]Permission
	applied          int
	trail            []State
}

// edges is the graph of the package comment.
var edges = map[State][]State{
	New:             {PendingApproval, InProgress, Failed, Cancelled, Rejected},
	PendingApproval: {InProgress, Succeeded, Rejected, Expired, Cancelled, Failed, TimeOut},
	InProgress:      {PendingApproval, Succeeded, Failed, TimeOut, Cancelled, Rejected, Undone},
	Succeeded:       {Undone, TimeOut, InProgress, Cancelled, Rejected},
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{T: t, Rand: r, target: TargetPresent, effect: EffectAbsent, permitted: map[string]Permission{}}
	w.in = Input{Now: start, Digest: digest, Request: Request{
		Requester: "alice", Automatic: r.IntN(2) == 0, Undoable: r.IntN(3) > 0,
	}}
	if w.in.Request.Undoable && r.IntN(2) == 0 {
		w.in.Request.TTL = time.Duration(1+r.IntN(100)) * time.Hour
	}
	for _, who := range []string{"alice", "bob", "carol", ""} {
		w.permitted[who] = Permission(1 + r.IntN(2))
	}
	return w
}

// disturb lets people, other controllers and fate do something.
func (w *world) disturb() {
	request := &w.in.Request
	switch w.IntN(24) {
	case 0:
		request.Cancelled = true
	case 1:
		request.UndoBecause = "enough"
	case 2:
		request.FalsePositive = true
	case 3:
		request.DeletedAt = w.in.Now
	case 4, 5, 6, 7:
		if len(request.Approvals) < 8 {
			who := []string{"alice", "bob", "carol", ""}[w.IntN(4)]
			request.Approvals = append(request.Approvals, Approval{
				Approver: who, Digest: []string{digest, another}[w.IntN(2)], Reject: w.IntN(12) == 0,
			})
		}
	case 8:
		w.in.Digest = another
	case 9:
		w.target = TargetGone
		w.effect = min(w.effect, EffectPartial)
	case 10, 11:
		w.forbidden = !w.forbidden
	case 12, 13:
		w.flaky = !w.flaky
	case 14:
		if w.effect > EffectAbsent && w.target == TargetPresent && request.Undoable {
			w.effect = EffectAbsent
		}
	case 15:
		w.permitted["bob"] = Permission(1 + w.IntN(2))
	}
}

// reconcile does what the controller does, and checks every step.
func (w *world) reconcile() Decision {
	w.in.Observed = Observation{}
	for i := range w.in.Request.Approvals {
		w.in.Request.Approvals[i].Permission = Unasked
	}
	for range 8 {
		d := Decide(w.in)
		switch d.Act {
		case Review:
			for i, a := range w.in.Request.Approvals {
				w.in.Request.Approvals[i].Permission = w.permitted[a.Approver]
			}
		case Verify:
			w.look()
		case Apply:
			w.mayApply(d)
			w.record(d)
			w.in.Record.Attempts++
			w.attempt(EffectInPlace)
		case Undo:
			w.record(d)
			w.in.Record.UndoAttempts++
			w.attempt(EffectAbsent)
		case NoAct:
			w.record(d)
			w.in.Record.Digest = w.in.Digest
			return d
		}
	}
	w.Fatalf("no end within one reconciliation: %+v", w.in)
	return Decision{}
}

func (w *world) look() {
	if w.forbidden {
		w.in.Observed = Observation{Looked: true, Trouble: Trouble{TroubleForbidden, "no"}}
		return
	}
	w.in.Observed = Observation{Looked: true, Target: w.target, Effect: w.effect}
}

func (w *world) attempt(to Effect) {
	w.in.Record.LastAttempt = w.in.Now
	if to == EffectInPlace {
		w.applied++
	}
	if !w.flaky && !w.forbidden {
		w.effect = to
	}
	if to == EffectInPlace && !w.in.Request.Undoable && w.effect == EffectInPlace {
		w.target = TargetGone
	}
	w.look()
	if w.flaky {
		w.in.Observed.Trouble = Trouble{TroubleRefused, "not now"}
	}
}

// mayApply is I5, I6 and I7.
func (w *world) mayApply(d Decision) {
	r := w.in.Request
	if r.Cancelled || r.UndoBecause != "" || r.FalsePositive || r.deleting() {
		w.Fatalf("acts although it was called off: %+v", w.in)
	}
	if w.in.Record.Digest != w.in.Digest {
		w.Fatalf("acts on a plan that was not shown: %+v", w.in)
	}
	if d.Hold != r.Undoable {
		w.Fatalf("acts without being held: %+v", d)
	}
	approved := r.Automatic
	for _, a := range r.Approvals {
		if a.Reject {
			w.Fatalf("acts although it was rejected: %+v", w.in)
		}
		approved = approved || !a.Reject && a.Digest == w.in.Digest && a.Approver != "" &&
			a.Approver != r.Requester && w.permitted[a.Approver] == Granted
	}
	if !approved {
		w.Fatalf("acts without approval: %+v", w.in)
	}
}

func (w *world) record(d Decision) {
	r := &w.in.Record
	if d.State != r.State {
		allowed := false
		for _, to := range edges[r.State] {
			allowed = allowed || to == d.State
		}
		if !allowed {
			w.Fatalf("%s to %s after %v", r.State, d.State, w.trail)
		}
		w.trail = append(w.trail, d.State)
		if d.State == InProgress {
			r.Acted = w.in.Now
		}
	}
	r.State, r.Held = d.State, d.Hold
	if r.Started.IsZero() {
		r.Started = w.in.Now
	}
	if d.Undoing && r.Undoing.IsZero() {
		r.Undoing = w.in.Now
	}
	if d.State == Succeeded && r.Completed.IsZero() {
		r.Completed = w.in.Now
	}
	if d.Effective != (Finding{}) {
		r.Gone = d.Effective.Truth == False && d.Effective.Reason == ReasonTargetNotFound
	}
}

// settled is a state in which nothing more is to happen by itself.
func settled(w *world, d Decision) bool {
	vanished := w.in.Request.deleting() && !d.Hold
	return vanished || d.State.Final() || d.State == Succeeded && (!w.in.Request.Undoable || w.in.Record.Gone)
}

// live runs one remediation through a disturbed world, then through a quiet one.
func live(t *testing.T, seed uint64) *world {
	w := newWorld(t, seed)
	var d Decision
	for range 40 {
		w.disturb()
		d = w.reconcile()
		w.check(d)
		if w.IntN(2) == 0 && d.RecheckAfter > 0 {
			w.in.Now = w.in.Now.Add(d.RecheckAfter)
		}
	}
	if w.in.Request.Undoable && w.in.Request.TTL == 0 && w.in.Request.UndoBecause == "" {
		w.in.Request.UndoBecause = "in the end"
	}
	for range 20_000 {
		d = w.reconcile()
		w.check(d)
		if settled(w, d) {
			if d.State != TimeOut && w.in.Request.Undoable && w.effect > EffectAbsent && !w.in.Request.deleting() {
				t.Fatalf("seed %d: something is left in place: %+v %v", seed, w.in, w.trail)
			}
			return w
		}
		if d.RecheckAfter == 0 {
			t.Fatalf("seed %d: neither settled nor rechecked: %+v", seed, d)
		}
		w.in.Now = w.in.Now.Add(d.RecheckAfter)
	}
	t.Fatalf("seed %d: no end: %+v %v", seed, w.in, w.trail)
	return w
}

func (w *world) check(d Decision) {
	if d.RecheckAfter < 0 || d.RecheckAfter > approvalLimit {
		w.Fatalf("rechecks after %s", d.RecheckAfter)
	}
	again := w.in
	if second := Decide(again); second.Act == Apply {
		w.Fatalf("would act twice in one reconciliation: %+v", w.in)
	}
}

func TestEveryRemediationEnds(t *testing.T) {
	t.Parallel()
	ends := map[State]int{}
	for seed := range uint64(3000) {
		w := live(t, seed)
		ends[w.in.Record.State]++
	}
	for _, state := range []State{Succeeded, Failed, TimeOut, Cancelled, Rejected, Expired, Undone} {
		if ends[state] == 0 {
			t.Errorf("no remediation ended as %s: the test does not reach it; %v", state, ends)
		}
	}
}

func FuzzLifecycle(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { live(t, seed) })
}

func TestPauseIsBounded(t *testing.T) {
	t.Parallel()
	for attempts := range 10_000 {
		if p := pause(attempts); p < firstPause || p > longestPause {
			t.Fatalf("pause(%d) = %s", attempts, p)
		}
	}
}
