package verdict_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
)

var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func TestStep(t *testing.T) {
	finding := verdict.Finding{Key: model.Key{Kind: model.KindPod, Name: "web/web-0"}, Verdict: model.VerdictMalicious}
	running := func(change ...func(*verdict.StepFacts)) verdict.StepFacts {
		f := verdict.StepFacts{State: verdict.StepRunning, Attempt: 1, Started: start, Timeout: time.Minute, Job: verdict.JobActive, Pod: verdict.PodRunning}
		for _, c := range change {
			c(&f)
		}
		return f
	}
	pod := func(p verdict.PodPhase) func(*verdict.StepFacts) { return func(f *verdict.StepFacts) { f.Pod = p } }
	job := func(j verdict.JobPhase) func(*verdict.StepFacts) { return func(f *verdict.StepFacts) { f.Job = j } }
	second := func(f *verdict.StepFacts) { f.Attempt = 2 }

	for name, tc := range map[string]struct {
		reason string
		facts  verdict.StepFacts
		after  time.Duration
		want   verdict.StepDecision
	}{
		"final": {
			reason: "final states absorb", facts: running(func(f *verdict.StepFacts) { f.State = verdict.StepSucceeded }, pod(verdict.PodFailed)),
			want: verdict.StepDecision{State: verdict.StepSucceeded},
		},
		"queued": {
			reason: "a queued step gets its first Job", facts: verdict.StepFacts{State: verdict.StepQueued, Started: start},
			want: verdict.StepDecision{State: verdict.StepQueued, Launch: 1},
		},
		"queued for ever": {
			reason: "nothing waits for ever", facts: verdict.StepFacts{State: verdict.StepQueued, Started: start, Waiting: "quota"}, after: verdict.MaxQueued,
			want: verdict.StepDecision{State: verdict.StepTimedOut, Message: "It could not be started within an hour; quota"},
		},
		"cancelled": {
			reason: "a person ends it, and its Job", facts: running(func(f *verdict.StepFacts) { f.Cancelled = true }),
			want: verdict.StepDecision{State: verdict.StepCancelled, Message: "Ended by a person", Stop: true},
		},
		"running": {
			reason: "it is looked at again when its time is up", facts: running(), after: 10 * time.Second,
			want: verdict.StepDecision{State: verdict.StepRunning, RecheckAfter: 50*time.Second + verdict.Grace},
		},
		"succeeded": {
			reason: "its answer counts, though the Job is not marked complete yet",
			facts: running(pod(verdict.PodSucceeded), func(f *verdict.StepFacts) {
				f.Result = verdict.Result{Message: "ok", Findings: []verdict.Finding{finding}}
			}),
			want: verdict.StepDecision{State: verdict.StepSucceeded, Message: "ok", Findings: []verdict.Finding{finding}},
		},
		"garbage": {
			reason: "an answer that is not understood is no answer",
			facts: running(pod(verdict.PodSucceeded), func(f *verdict.StepFacts) {
				f.Result = verdict.Result{Err: "it is not JSON, from byte 1 on", Findings: []verdict.Finding{finding}}
			}),
			want: verdict.StepDecision{State: verdict.StepFailed, Message: "Its result was refused: it is not JSON, from byte 1 on"},
		},
		"exit code": {
			reason: "what the step says of its failure is told",
			facts:  running(pod(verdict.PodFailed), func(f *verdict.StepFacts) { f.ExitCode, f.Result.Message = 3, "no route" }),
			want:   verdict.StepDecision{State: verdict.StepFailed, Message: "It ended with exit code 3: no route"},
		},
		"findings of a failure": {
			reason: "a step that failed gives no verdict",
			facts:  running(pod(verdict.PodFailed), func(f *verdict.StepFacts) { f.ExitCode, f.Result.Findings = 1, []verdict.Finding{finding} }),
			want:   verdict.StepDecision{State: verdict.StepFailed, Message: "It ended with exit code 1"},
		},
		"out of memory": {
			reason: "it would run out of memory again",
			facts:  running(pod(verdict.PodFailed), func(f *verdict.StepFacts) { f.OutOfMemory = true }),
			want:   verdict.StepDecision{State: verdict.StepFailed, Message: "It ran out of memory: more than its limit was used"},
		},
		"evicted": {
			reason: "the step cannot help an eviction", facts: running(pod(verdict.PodFailed), func(f *verdict.StepFacts) { f.Disrupted = "Evicted" }),
			want: verdict.StepDecision{
				State: verdict.StepRunning, Message: "Its pod was taken away: Evicted; it is tried again", Launch: 2, RecheckAfter: time.Minute + verdict.Grace,
			},
		},
		"evicted again": {
			reason: "twice is no accident", facts: running(second, pod(verdict.PodFailed), func(f *verdict.StepFacts) { f.Disrupted = "Evicted" }),
			want: verdict.StepDecision{State: verdict.StepFailed, Message: "Its pod was taken away: Evicted, in attempt 2 of 2"},
		},
		"taken away when time was up": {
			reason: "the Job controller takes pods away for the deadline, too", after: time.Minute,
			facts: running(pod(verdict.PodFailed), func(f *verdict.StepFacts) { f.Disrupted = "Deleted" }),
			want:  verdict.StepDecision{State: verdict.StepTimedOut, Message: "It took longer than its 60 seconds", Stop: true},
		},
		"job deleted": {
			reason: "somebody deleted the Job", facts: running(job(verdict.JobAbsent), pod(verdict.PodAbsent)),
			want: verdict.StepDecision{State: verdict.StepRunning, Message: "Its Job was deleted; it is tried again", Launch: 2, RecheckAfter: time.Minute + verdict.Grace},
		},
		"result lost": {
			reason: "a Job that completed without a pod has no answer", facts: running(job(verdict.JobComplete), pod(verdict.PodAbsent)),
			want: verdict.StepDecision{
				State: verdict.StepRunning, Message: "Its pod was gone before the result was read; it is tried again", Launch: 2, RecheckAfter: time.Minute + verdict.Grace,
			},
		},
		"pod lags": {
			reason: "the Job has ended, the pod's end is not seen yet", facts: running(job(verdict.JobComplete)),
			want: verdict.StepDecision{State: verdict.StepRunning, RecheckAfter: time.Minute + verdict.Grace},
		},
		"deadline": {
			reason: "the Job controller ended it", facts: running(job(verdict.JobFailed), pod(verdict.PodAbsent), func(f *verdict.StepFacts) {
				f.JobTimedOut, f.Waiting = true, "its image cannot be pulled"
			}),
			want: verdict.StepDecision{State: verdict.StepTimedOut, Message: "It took longer than its 60 seconds; its image cannot be pulled"},
		},
		"nobody ends it": {
			reason: "without a Job controller it is ended here", facts: running(pod(verdict.PodAbsent)), after: time.Minute + verdict.Grace,
			want: verdict.StepDecision{State: verdict.StepTimedOut, Message: "It took longer than its 60 seconds; its pod was never created", Stop: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, verdict.Step(tc.facts, start.Add(tc.after))); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

// Whatever is seen, a step that is decided on again and again comes to an end.
func TestStepEnds(t *testing.T) {
	for job := verdict.JobAbsent; job <= verdict.JobFailed; job++ {
		for pod := verdict.PodAbsent; pod <= verdict.PodFailed; pod++ {
			for _, disrupted := range []string{"", "Evicted"} {
				f := verdict.StepFacts{State: verdict.StepQueued, Started: start, Timeout: time.Minute, Job: job, Pod: pod, Disrupted: disrupted}
				launches := 0
				now := start
				for !f.State.Final() {
					d := verdict.Step(f, now)
					if d.Launch > 0 {
						launches++
						d.State, f.Attempt = verdict.StepRunning, d.Launch
					}
					if !d.State.Final() && d.RecheckAfter <= 0 && d.Launch == 0 {
						t.Fatalf("job %d, pod %d: waits for ever: %+v", job, pod, d)
					}
					f.State, now = d.State, now.Add(max(d.RecheckAfter, time.Second))
				}
				if launches > verdict.MaxAttempts {
					t.Errorf("job %d, pod %d: %d attempts", job, pod, launches)
				}
			}
		}
	}
}
