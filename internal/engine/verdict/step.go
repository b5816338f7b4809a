package verdict

import (
	"fmt"
	"time"
)

// StepState is where a step stands.
type StepState string

// The states of a step; all but the first two are final.
const (
	StepQueued    StepState = "Queued"
	StepRunning   StepState = "Running"
	StepSucceeded StepState = "Succeeded"
	StepFailed    StepState = "Failed"
	StepTimedOut  StepState = "TimedOut"
	StepCancelled StepState = "Cancelled"
)

// Final reports whether the step has ended.
func (s StepState) Final() bool { return s != StepQueued && s != StepRunning }

const (
	// MaxAttempts is how many Jobs a step may have. A second one is for what
	// the step itself cannot help: an eviction, a deleted Job. Twice in a row
	// is no accident any more.
	MaxAttempts = 2
	// Grace is how long after a step's time the Job controller may take to end
	// its Job, before it is ended here.
	Grace = 30 * time.Second
)

// JobPhase is what is seen of a step's Job.
type JobPhase int

// The phases of a Job.
const (
	JobAbsent JobPhase = iota
	JobActive
	JobComplete
	JobFailed
)

// PodPhase is what is seen of the pod of a Job.
type PodPhase int

// The phases of a pod.
const (
	PodAbsent PodPhase = iota
	PodWaiting
	PodRunning
	PodSucceeded
	PodFailed
)

// Result is what a step's container answered.
type Result struct {
	// Err says why the answer was refused; empty when it was understood.
	Err      string
	Message  string
	Findings []Finding
}

// StepFacts are what a step's outcome is decided from.
type StepFacts struct {
	State   StepState
	Attempt int
	// Started is when the first Job was started; before, when the step was due.
	Started time.Time
	Timeout time.Duration
	// Cancelled says that a person ended the investigation.
	Cancelled bool

	Job JobPhase
	// JobTimedOut says that the Job took longer than it may.
	JobTimedOut bool

	Pod PodPhase
	// Waiting says why the pod does not run yet, where that is remarkable.
	Waiting string
	// Disrupted says that the cluster took the pod away, and how.
	Disrupted string
	// OutOfMemory says that the container was killed for its use of memory.
	OutOfMemory bool
	ExitCode    int32
	Result      Result
}

// StepDecision is what becomes of a step.
type StepDecision struct {
	State   StepState
	Message string
	// Launch asks for the Job of that attempt; 0 asks for none.
	Launch int
	// Stop asks for the Job to be ended.
	Stop bool
	// Findings are the verdicts of a step that succeeded.
	Findings []Finding
	// RecheckAfter is when to look again though nothing happens; 0 is never.
	RecheckAfter time.Duration
}

// Step decides what becomes of a step. A final state is never left.
func Step(f StepFacts, now time.Time) StepDecision {
	switch {
	case f.State.Final():
		return StepDecision{State: f.State}
	case f.Cancelled:
		return StepDecision{State: StepCancelled, Message: "Ended by a person", Stop: f.Job == JobActive || f.Job == JobAbsent}
	case f.State == StepQueued && now.Sub(f.Started) >= MaxQueued:
		return StepDecision{State: StepTimedOut, Message: sentence("It could not be started within an hour", f.Waiting)}
	case f.State == StepQueued:
		return StepDecision{State: StepQueued, Message: f.Waiting, Launch: max(f.Attempt, 1)}
	case f.Pod == PodSucceeded:
		return answered(f)
	case f.Pod == PodFailed:
		return failed(f, now)
	case f.JobTimedOut:
		return timedOut(f)
	case f.Job == JobAbsent:
		return again(f, now, "Its Job was deleted")
	case f.Job != JobActive && f.Pod == PodAbsent:
		return again(f, now, "Its pod was gone before the result was read")
	}
	return wait(f, now)
}

func answered(f StepFacts) StepDecision {
	if f.Result.Err != "" {
		return StepDecision{State: StepFailed, Message: "Its result was refused: " + f.Result.Err}
	}
	return StepDecision{State: StepSucceeded, Message: f.Result.Message, Findings: f.Result.Findings}
}

func failed(f StepFacts, now time.Time) StepDecision {
	switch {
	case f.JobTimedOut:
		return timedOut(f)
	case f.OutOfMemory:
		return StepDecision{State: StepFailed, Message: "It ran out of memory: more than its limit was used"}
	case f.Disrupted != "":
		return again(f, now, "Its pod was taken away: "+f.Disrupted)
	}
	message := fmt.Sprintf("It ended with exit code %d", f.ExitCode)
	if f.Result.Err == "" && f.Result.Message != "" {
		message += ": " + f.Result.Message
	}
	return StepDecision{State: StepFailed, Message: message}
}

// again starts the next attempt, unless there were enough or time is up.
func again(f StepFacts, now time.Time, why string) StepDecision {
	switch {
	case f.Attempt >= MaxAttempts:
		return StepDecision{State: StepFailed, Message: fmt.Sprintf("%s, in attempt %d of %d", why, f.Attempt, MaxAttempts)}
	case left(f, now) <= Grace:
		// The step's own time is up; the Job controller takes pods away for that, too.
		return timedOut(f)
	}
	return StepDecision{State: StepRunning, Message: why + "; it is tried again", Launch: f.Attempt + 1, RecheckAfter: left(f, now)}
}

func timedOut(f StepFacts) StepDecision {
	message := fmt.Sprintf("It took longer than its %d seconds", int(f.Timeout.Seconds()))
	switch {
	case f.Waiting != "":
		message += "; " + f.Waiting
	case f.Job == JobActive && f.Pod == PodAbsent:
		message += "; its pod was never created"
	}
	return StepDecision{State: StepTimedOut, Message: message, Stop: f.Job == JobActive}
}

func wait(f StepFacts, now time.Time) StepDecision {
	if left(f, now) <= 0 {
		return timedOut(f)
	}
	return StepDecision{State: StepRunning, Message: f.Waiting, RecheckAfter: left(f, now)}
}

// left is how much time the step has, the Job controller's share included.
func left(f StepFacts, now time.Time) time.Duration {
	return f.Started.Add(f.Timeout + Grace).Sub(now)
}
