package verdict_test

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
)

func TestInvestigation(t *testing.T) {
	found := func(verdicts ...model.Verdict) []verdict.Finding {
		var out []verdict.Finding
		for _, v := range verdicts {
			out = append(out, verdict.Finding{Key: model.Key{Kind: model.KindPod, Name: "web/" + string(v)}, Verdict: v})
		}
		return out
	}
	const ok, bad = verdict.StepSucceeded, verdict.StepFailed
	done := func(evidence []verdict.Finding, remediations ...verdict.RemediationState) verdict.Facts {
		return verdict.Facts{
			Created: start, Planned: true, Steps: []verdict.StepState{ok, ok}, Evidence: evidence, Proposed: true, Remediations: remediations,
		}
	}
	with := func(f verdict.Facts, change func(*verdict.Facts)) verdict.Facts { change(&f); return f }
	malicious, clean := found(model.VerdictMalicious), found(model.VerdictNoThreatsFound)

	for name, tc := range map[string]struct {
		reason string
		facts  verdict.Facts
		after  time.Duration
		want   verdict.State
	}{
		"new":      {reason: "nothing has started", facts: verdict.Facts{Created: start}, want: verdict.Queued},
		"too late": {reason: "what waits too long is dropped", facts: verdict.Facts{Created: start}, after: verdict.MaxQueued, want: verdict.TerminatedBySystem},
		"planned": {
			reason: "no step has started", want: verdict.Queued,
			facts: verdict.Facts{Created: start, Planned: true, Steps: []verdict.StepState{verdict.StepQueued, verdict.StepQueued}},
		},
		"one step runs": {
			reason: "one step is enough", want: verdict.Running,
			facts: verdict.Facts{Created: start, Planned: true, Steps: []verdict.StepState{verdict.StepQueued, verdict.StepRunning}},
		},
		"one step ended": {
			reason: "the other is still to come", want: verdict.Running,
			facts: verdict.Facts{Created: start, Planned: true, Steps: []verdict.StepState{ok, verdict.StepQueued}},
		},
		"cancelled": {reason: "a person ends it at any time", facts: with(done(malicious, verdict.RemediationPending), func(f *verdict.Facts) { f.Cancelled = true }), want: verdict.TerminatedByUser},
		"undecided": {reason: "remediations are not decided yet", facts: with(done(malicious), func(f *verdict.Facts) { f.Proposed = false }), want: verdict.Running},
		"benign":    {reason: "all examined, nothing found", facts: done(clean), want: verdict.Benign},
		"not all examined": {
			reason: "what could not be examined is not benign", facts: done(found(model.VerdictNoThreatsFound, model.VerdictUnknown)), want: verdict.PartiallyInvestigated,
		},
		"nothing examined": {reason: "nothing found is not nothing there", facts: done(nil), want: verdict.PartiallyInvestigated},
		"no remediation":   {reason: "a threat without a remediation", facts: done(malicious), want: verdict.PartiallyInvestigated},
		"pending":          {reason: "one that waits is enough", facts: done(malicious, verdict.RemediationDone, verdict.RemediationPending, verdict.RemediationOpen), want: verdict.PendingApproval},
		"acting":           {reason: "an action ends it only when it is done", facts: done(malicious, verdict.RemediationDone, verdict.RemediationOpen), want: verdict.Running},
		"remediated":       {reason: "every action was done", facts: done(malicious, verdict.RemediationDone, verdict.RemediationDone), want: verdict.SuccessfullyRemediated},
		"rejected in part": {reason: "some done, one refused", facts: done(malicious, verdict.RemediationDone, verdict.RemediationRejected), want: verdict.PartiallyRemediated},
		"failed in part":   {reason: "some done, one failed", facts: done(malicious, verdict.RemediationDone, verdict.RemediationBroken), want: verdict.PartiallyRemediated},
		"all rejected":     {reason: "the threat is still there", facts: done(malicious, verdict.RemediationRejected), want: verdict.PartiallyInvestigated},
		"all failed":       {reason: "the threat is still there", facts: done(malicious, verdict.RemediationBroken), want: verdict.PartiallyInvestigated},
		"expired":          {reason: "nobody decided within a week", facts: done(malicious, verdict.RemediationExpired), want: verdict.TerminatedBySystem},
		"broken step":      {reason: "what it would have found is not known", facts: with(done(clean), func(f *verdict.Facts) { f.Steps[1] = bad }), want: verdict.Failed},
		"broken step, remediated": {
			reason: "an approved action may have worked all the same", want: verdict.Failed,
			facts: with(done(malicious, verdict.RemediationDone), func(f *verdict.Facts) { f.Steps[1] = verdict.StepTimedOut }),
		},
		"broken step, pending": {
			reason: "what the others found is acted on first", want: verdict.PendingApproval,
			facts: with(done(malicious, verdict.RemediationPending), func(f *verdict.Facts) { f.Steps[1] = bad }),
		},
		"for ever": {reason: "nothing stays open for ever", facts: done(malicious, verdict.RemediationOpen), after: verdict.MaxAge, want: verdict.TerminatedBySystem},
	} {
		t.Run(name, func(t *testing.T) {
			got := verdict.Investigation(tc.facts, start.Add(tc.after))
			if got.State != tc.want {
				t.Errorf("%s: got %+v", tc.reason, got)
			}
			if got.Message == "" {
				t.Error("no message for people")
			}
			if !got.State.Final() && got.RecheckAfter <= 0 {
				t.Error("an open state is never looked at again")
			}
		})
	}
}

// A final state is never left, whatever happens afterwards.
func TestFinalStatesAbsorb(t *testing.T) {
	for _, state := range []verdict.State{
		verdict.Benign, verdict.SuccessfullyRemediated, verdict.PartiallyRemediated, verdict.PartiallyInvestigated,
		verdict.Failed, verdict.TerminatedByUser, verdict.TerminatedBySystem,
	} {
		for _, f := range []verdict.Facts{
			{Current: state, Cancelled: true},
			{Current: state, Planned: true, Steps: []verdict.StepState{verdict.StepRunning}},
			{Current: state, Planned: true, Proposed: true, Remediations: []verdict.RemediationState{verdict.RemediationBroken}},
		} {
			if got := verdict.Investigation(f, start); got.State != state {
				t.Errorf("%s became %s", state, got.State)
			}
		}
	}
}
