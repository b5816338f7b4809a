package correlation

import "github.com/tocsin-dev/tocsin/internal/engine/model"

// Decision is where an alert belongs, and why. Merges are to be written before
// the alert's membership: a merge whose alert is already placed is not decided
// again after a restart.
type Decision struct {
	// Incident is the name of the incident that the alert is in.
	Incident string
	// New says that the alert opened it.
	New bool
	// Routine says that the alert is nothing but what its asset does anyway;
	// Surprise is how unlikely it was within an hour, in bits. Both are kept with the
	// membership and given back to Restore.
	Routine  bool
	Surprise float64
	// Links say what joined the alert, the strongest first: an edge of the
	// incident's spanning tree. A new incident has none.
	Links []Link
	// LinkTotal counts the links there were before they were cut to the strongest.
	LinkTotal int
	// Merges are the incidents that the alert united.
	Merges []Merge
	// Moves are alerts that looked like routine and turn out to belong here. They too
	// are written before the alert's own membership; Recall has the whole of it.
	Moves []Move
	// Similar are other incidents that resemble this one but stay apart, at most
	// five, the strongest first.
	Similar []Similar
	// Reason is a constant, Message is for people.
	Reason, Message string
}

// Link is one thing that ties an alert to an incident.
type Link struct {
	Reason string
	Entity model.Key
	// Peer is the name of the alert at the other end.
	Peer string
	// Weight is the evidence in bits, rounded to hundredths.
	Weight float64
}

// Move takes an earlier alert out of its asset's routine.
type Move struct {
	Alert, From, To string
	Link            Link
}

// Merge unites two incidents: Source is redirected to Target.
type Merge struct{ Source, Target, Reason string }

// Similar is an incident that resembles another: Reason is a constant, Message
// says to people what they have in common.
type Similar struct{ Incident, Reason, Message string }

// Why an alert is in its incident (Decision.Reason).
const (
	ReasonNewIncident         = "NewIncident"
	ReasonJoined              = "Joined"
	ReasonRoutine             = "Routine"
	ReasonContinuation        = "Continuation"
	ReasonCorrelationDisabled = "CorrelationDisabled"
	ReasonRestored            = "Restored"
	ReasonMoved               = "ManualAssociation"
)

// What ties an alert to an incident (Link.Reason). Where Microsoft Defender XDR has a
// name for it, that is used.
const (
	LinkSameFile        = "SameFile"
	LinkSameURL         = "SameURL"
	LinkSameAsset       = "SameAsset"
	LinkSameAddress     = "SameAddress"
	LinkSameAccount     = "SameAccount"
	LinkSameProcess     = "SameProcess"
	LinkSameImage       = "SameImage"
	LinkSameMailMessage = "SameMailMessage"
	// LinkSameProviderIncident ties what the sender itself put into one incident.
	LinkSameProviderIncident = "SameProviderIncident"
	LinkProximateTime        = "ProximateTime"
	LinkRoutine              = "RoutineOfAsset"
	LinkManualAssociation    = "ManualAssociation"
)

// Why two incidents resemble each other (Similar.Reason).
const (
	// SimilarResolved would have taken the alert if it were not resolved.
	SimilarResolved = "SameEntitiesResolved"
	// SimilarContinues would have taken the alert if it were not full.
	SimilarContinues = "Continues"
	// SimilarMergeRefused would have been merged if a rule did not forbid it.
	SimilarMergeRefused = "MergeRefused"
	// SimilarEntities shares something telling, but too little to be the same.
	SimilarEntities = "SameEntities"
	// SimilarTechniques is of attacks of the same kind, wherever.
	SimilarTechniques = "SameTechniques"
)

// Why the engine merged two incidents (Merge.Reason).
const (
	MergeSharedEvidence = "SharedEvidence"
	MergeProximateTime  = "ProximateTime"
)

// IncidentFacts is what people said about an incident.
type IncidentFacts struct {
	Name string
	// RedirectedTo is the incident that it was merged into.
	RedirectedTo   string
	Resolved       bool
	AssignedTo     string
	Classification string
	Determination  string
	// HumanWork counts comments, tags, a custom title and the like: in a merge
	// the incident with more of it survives.
	HumanWork int
}

// Recollected says why an earlier alert was taken along with the named one.
func Recollected(by string) string { return "Looked like routine until alert " + by }
