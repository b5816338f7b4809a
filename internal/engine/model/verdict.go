package model

// Verdict is what an investigation found an entity to be.
type Verdict string

// The verdicts, as Microsoft Graph names them.
const (
	VerdictUnknown        Verdict = "Unknown"
	VerdictNoThreatsFound Verdict = "NoThreatsFound"
	VerdictSuspicious     Verdict = "Suspicious"
	VerdictMalicious      Verdict = "Malicious"
)

// Worse reports whether v is a worse finding than other.
func (v Verdict) Worse(other Verdict) bool { return verdictRank[v] > verdictRank[other] }

var verdictRank = map[Verdict]int{VerdictNoThreatsFound: 1, VerdictSuspicious: 2, VerdictMalicious: 3}

// RemediationStatus is how far the answer to a piece of evidence has come.
type RemediationStatus string

// The remediation statuses, as Microsoft Graph names them.
const (
	RemediationNone                RemediationStatus = "None"
	RemediationActive              RemediationStatus = "Active"
	RemediationPendingApproval     RemediationStatus = "PendingApproval"
	RemediationRunning             RemediationStatus = "Running"
	RemediationRemediated          RemediationStatus = "Remediated"
	RemediationPartiallyRemediated RemediationStatus = "PartiallyRemediated"
	RemediationPrevented           RemediationStatus = "Prevented"
	RemediationBlocked             RemediationStatus = "Blocked"
	RemediationDeclined            RemediationStatus = "Declined"
	RemediationUnremediated        RemediationStatus = "Unremediated"
	RemediationNotFound            RemediationStatus = "NotFound"
)
