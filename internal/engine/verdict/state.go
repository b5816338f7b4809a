package verdict

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// State is where an investigation stands.
type State string

// The states of an investigation; all but the first three are final.
const (
	Queued                 State = "Queued"
	Running                State = "Running"
	PendingApproval        State = "PendingApproval"
	Benign                 State = "Benign"
	SuccessfullyRemediated State = "SuccessfullyRemediated"
	PartiallyRemediated    State = "PartiallyRemediated"
	PartiallyInvestigated  State = "PartiallyInvestigated"
	Failed                 State = "Failed"
	TerminatedByUser       State = "TerminatedByUser"
	TerminatedBySystem     State = "TerminatedBySystem"
)

// Final reports whether the investigation has ended.
func (s State) Final() bool {
	return s != "" && s != Queued && s != Running && s != PendingApproval
}

const (
	// MaxQueued is how long an investigation may wait to be started. What was
	// seen then is likely gone later.
	MaxQueued = time.Hour
	// MaxAge is how long an investigation may take in all. A pending approval
	// ends after seven days by itself; a day more is for what follows.
	MaxAge = 8 * 24 * time.Hour
)

// RemediationState is where a remediation stands, as far as it matters here.
type RemediationState int

// The states of a remediation.
const (
	// RemediationOpen acts, or is about to.
	RemediationOpen RemediationState = iota
	RemediationPending
	// RemediationDone took effect, even if it was undone later.
	RemediationDone
	RemediationRejected
	RemediationExpired
	// RemediationBroken failed, was cancelled, or is gone.
	RemediationBroken
)

// Facts are what an investigation's state is decided from.
type Facts struct {
	// Current is absorbed when it is final.
	Current   State
	Cancelled bool
	// Created is when the investigation was asked for.
	Created time.Time
	// Planned says that it was started.
	Planned bool
	// Blocked says why it cannot be started yet.
	Blocked string
	Steps   []StepState
	// Evidence is what was found, entity by entity.
	Evidence []Finding
	// Proposed says that the remediations are decided and all of them listed.
	Proposed     bool
	Remediations []RemediationState
	// Note is added to the message, such as what was left out.
	Note string
}

// Outcome is where an investigation stands, and why.
type Outcome struct {
	State   State
	Message string
	// RecheckAfter is when to look again though nothing happens; 0 is never.
	RecheckAfter time.Duration
}

// Investigation decides where an investigation stands.
func Investigation(f Facts, now time.Time) Outcome {
	if outcome, over := Over(f, now); over {
		return outcome
	}
	switch {
	case !f.Planned:
		return Outcome{State: Queued, Message: f.waiting(), RecheckAfter: remaining(f.Created, MaxQueued, now)}
	case !ended(f.Steps):
		return stepping(f, now)
	case !f.Proposed:
		return open(f, now, Running, "Remediations are being decided")
	}
	return concluded(f, now)
}

// Over ends an investigation that a person ended or whose time is up, whatever
// else is known of it.
func Over(f Facts, now time.Time) (Outcome, bool) {
	switch {
	case f.Current.Final():
		return Outcome{State: f.Current}, true
	case f.Cancelled:
		return Outcome{State: TerminatedByUser, Message: "Ended by a person"}, true
	case !f.Planned && remaining(f.Created, MaxQueued, now) <= 0:
		return Outcome{State: TerminatedBySystem, Message: "It could not be started within an hour: " + f.waiting()}, true
	case remaining(f.Created, MaxAge, now) <= 0:
		return Outcome{State: TerminatedBySystem, Message: "It did not end within eight days"}, true
	}
	return Outcome{}, false
}

// waiting says what keeps the investigation from being started.
func (f Facts) waiting() string { return cmp.Or(f.Blocked, "Waiting to be started") }

func stepping(f Facts, now time.Time) Outcome {
	for _, s := range f.Steps {
		if s != StepQueued {
			return open(f, now, Running, "Steps are under way")
		}
	}
	return open(f, now, Queued, "No step has started yet")
}

func open(f Facts, now time.Time, state State, message string) Outcome {
	return Outcome{State: state, Message: message, RecheckAfter: remaining(f.Created, MaxAge, now)}
}

// concluded decides once every step has ended and every remediation is known.
func concluded(f Facts, now time.Time) Outcome {
	n := tally(f.Remediations)
	switch {
	case n[RemediationPending] > 0:
		return open(f, now, PendingApproval, fmt.Sprintf("%s for approval", count(n[RemediationPending], "remediation waits", "remediations wait")))
	case n[RemediationOpen] > 0:
		return open(f, now, Running, "Remediations are under way")
	}
	state, message := end(f, n)
	return Outcome{State: state, Message: sentence(message, f.Note)}
}

// end decides the final state. A step that broke outweighs everything: what it
// would have found is not known.
func end(f Facts, n map[RemediationState]int) (State, string) {
	threats, unknown := census(f.Evidence)
	all, done := len(f.Remediations), n[RemediationDone]
	if broken := brokenSteps(f.Steps); broken > 0 {
		return Failed, fmt.Sprintf("%s; %s", count(broken, "step broke", "steps broke"), found(threats))
	}
	switch {
	case all > 0 && done == all:
		return SuccessfullyRemediated, fmt.Sprintf("%s; %s", found(threats), count(done, "remediation took effect", "remediations took effect"))
	case done > 0:
		return PartiallyRemediated, fmt.Sprintf("%s; %d of %d remediations took effect", found(threats), done, all)
	case n[RemediationExpired] > 0:
		return TerminatedBySystem, fmt.Sprintf("%s; nobody decided on the remediations in time", found(threats))
	case all > 0:
		return PartiallyInvestigated, fmt.Sprintf("%s; no remediation took effect: %d rejected, %d failed", found(threats), n[RemediationRejected], n[RemediationBroken])
	case threats > 0:
		return PartiallyInvestigated, fmt.Sprintf("%s; there is no remediation for it", found(threats))
	case len(f.Evidence) == 0:
		return PartiallyInvestigated, "Nothing could be examined"
	case unknown > 0:
		return PartiallyInvestigated, fmt.Sprintf("%s; %s", found(threats), count(unknown, "entity could not be examined", "entities could not be examined"))
	}
	return Benign, "Everything was examined; no threat was found"
}

func census(evidence []Finding) (threats, unknown int) {
	for _, e := range evidence {
		switch e.Verdict {
		case model.VerdictMalicious, model.VerdictSuspicious:
			threats++
		case model.VerdictNoThreatsFound:
		default:
			unknown++
		}
	}
	return threats, unknown
}

func found(threats int) string {
	if threats == 0 {
		return "No threat was found"
	}
	return count(threats, "entity is a threat or may be one", "entities are threats or may be")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func sentence(parts ...string) string {
	var given []string
	for _, p := range parts {
		if p != "" {
			given = append(given, p)
		}
	}
	return strings.Join(given, "; ")
}

func ended(steps []StepState) bool {
	for _, s := range steps {
		if !s.Final() {
			return false
		}
	}
	return true
}

func brokenSteps(steps []StepState) int {
	n := 0
	for _, s := range steps {
		if s.Final() && s != StepSucceeded {
			n++
		}
	}
	return n
}

func tally(states []RemediationState) map[RemediationState]int {
	out := map[RemediationState]int{}
	for _, s := range states {
		out[s]++
	}
	return out
}

func remaining(since time.Time, limit time.Duration, now time.Time) time.Duration {
	return since.Add(limit).Sub(now)
}
