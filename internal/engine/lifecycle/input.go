package lifecycle

import "time"

// State is where a remediation stands.
type State string

// The states of a remediation. New is one that was never seen.
const (
	New             State = ""
	PendingApproval State = "PendingApproval"
	InProgress      State = "InProgress"
	Succeeded       State = "Succeeded"
	Failed          State = "Failed"
	TimeOut         State = "TimeOut"
	Cancelled       State = "Cancelled"
	Rejected        State = "Rejected"
	Expired         State = "Expired"
	Undone          State = "Undone"
)

// Input is everything that a decision rests on.
type Input struct {
	Request Request
	// Digest identifies what would be done now.
	Digest string
	// Invalid says why nothing can ever be done, if so.
	Invalid  string
	Record   Record
	Observed Observation
	Now      time.Time
}

// Request is what people ask for.
type Request struct {
	// Automatic needs no approval.
	Automatic bool
	// Requester asked for the remediation. Unknown, nothing is done.
	Requester string
	Approvals []Approval
	Cancelled bool
	// UndoBecause is why it is to be taken back, if it is.
	UndoBecause string
	// FalsePositive is what people found the incident to be.
	FalsePositive bool
	// DeletedAt is when the deletion of the remediation was asked for, if it was.
	DeletedAt time.Time
	// TTL is how long the effect holds; 0 is until it is undone.
	TTL time.Duration
	// Undoable effects can be taken back.
	Undoable bool
}

// Permission says whether an approver holds the verb "approve".
type Permission int

// The permissions. Unasked comes first: nothing is allowed by default.
const (
	Unasked Permission = iota
	Denied
	Granted
)

// Approval is the decision of one person.
type Approval struct {
	Approver string
	Reject   bool
	// Digest is what was approved.
	Digest     string
	Permission Permission
}

// Record is what is remembered of earlier decisions.
type Record struct {
	State State
	// Digest was shown to the approvers.
	Digest string
	// Started, Acted, Completed and Undoing are when it was first seen, began to
	// act, was first verified, and began to undo.
	Started, Acted, Completed, Undoing time.Time
	// LastAttempt is the latest attempt of either kind.
	LastAttempt            time.Time
	Attempts, UndoAttempts int
	// Held is true while deletion waits for the effect to be undone.
	Held bool
	// Gone is true when the target ended with the effect on it.
	Gone bool
}

// Observation is what was seen of the target and of the effect.
type Observation struct {
	// Looked is false until it was tried to see.
	Looked bool
	Target Target
	Effect Effect
	// Note is what people should know of the effect.
	Note string
	// Trouble is what kept us from looking or acting, if anything did.
	Trouble Trouble
}

// Target says what became of the object that is acted on.
type Target int

// What became of the target.
const (
	TargetUnknown Target = iota
	TargetPresent
	// TargetGone is absent, or another object of the same name.
	TargetGone
)

// Effect says how much of the effect is there.
type Effect int

// How much of the effect is there.
const (
	EffectUnknown Effect = iota
	EffectAbsent
	EffectPartial
	// EffectUnderway takes time, and nothing more need be done.
	EffectUnderway
	EffectInPlace
)

// Trouble is a refusal, for people and for the pace of the next attempt.
type Trouble struct {
	Kind    TroubleKind
	Message string
}

// TroubleKind is the kind of a refusal.
type TroubleKind int

// The kinds of refusal.
const (
	NoTrouble TroubleKind = iota
	// TroubleForbidden lacks a right.
	TroubleForbidden
	// TroubleRefused is any other refusal of the API server, or something of
	// somebody else in the way.
	TroubleRefused
)
