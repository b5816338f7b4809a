package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AlertState is where the work on an alert stands.
// +kubebuilder:validation:Enum=New;InProgress;Resolved
type AlertState string

const (
	// AlertNew is an alert that nobody has taken up.
	AlertNew AlertState = "New"
	// AlertInProgress is an alert that somebody works on.
	AlertInProgress AlertState = "InProgress"
	// AlertResolved is an alert that is done with.
	AlertResolved AlertState = "Resolved"
)

// CorrelationMode says whether an alert may join others in an incident.
// +kubebuilder:validation:Enum=Enabled;Disabled
type CorrelationMode string

const (
	// CorrelationEnabled lets the alert join an incident of others.
	CorrelationEnabled CorrelationMode = "Enabled"
	// CorrelationDisabled gives the alert an incident of its own.
	CorrelationDisabled CorrelationMode = "Disabled"
)

// AnnotationUnknownTechniques lists, on a new Alert, the techniques that the ATT&CK
// table of this version of Tocsin does not have, with commas between them. They are
// kept all the same.
const AnnotationUnknownTechniques = "tocsin.dev/unknown-techniques"

// AlertConditionCorrelated tells whether the alert belongs to an incident.
//
// True: Joined (it shares something with alerts of that incident), NewIncident
// (nothing open was related enough), Routine (it is what its asset does
// anyway), Continuation (the related incident is
// full), CorrelationDisabled (it keeps to itself), ManualAssociation (a person
// put it there).
// False: Hidden (a tuning rule keeps it out of every incident).
// Unknown: Pending (it waits for correlation).
const AlertConditionCorrelated = "Correlated"

// InvestigationState is where an investigation stands.
// +kubebuilder:validation:Enum=Unknown;Queued;Running;PendingApproval;PendingResource;Benign;SuccessfullyRemediated;PartiallyRemediated;PartiallyInvestigated;Failed;InnerFailure;Terminated;TerminatedByUser;TerminatedBySystem;PreexistingAlert;UnsupportedOs;UnsupportedAlertType;SuppressedAlert
type InvestigationState string

const (
	// InvestigationQueued has not started any step.
	InvestigationQueued InvestigationState = "Queued"
	// InvestigationRunning has steps under way.
	InvestigationRunning InvestigationState = "Running"
	// InvestigationPendingApproval waits for a person to decide on a remediation.
	InvestigationPendingApproval InvestigationState = "PendingApproval"
	// InvestigationBenign examined everything and found no threat.
	InvestigationBenign InvestigationState = "Benign"
	// InvestigationSuccessfullyRemediated has every remediation done or decided.
	InvestigationSuccessfullyRemediated InvestigationState = "SuccessfullyRemediated"
	// InvestigationPartiallyRemediated has some remediations done, others failed or were rejected.
	InvestigationPartiallyRemediated InvestigationState = "PartiallyRemediated"
	// InvestigationPartiallyInvestigated found a threat for which it has no remediation.
	InvestigationPartiallyInvestigated InvestigationState = "PartiallyInvestigated"
	// InvestigationFailed has at least one step that broke.
	InvestigationFailed InvestigationState = "Failed"
	// InvestigationTerminatedByUser was cancelled by a person.
	InvestigationTerminatedByUser InvestigationState = "TerminatedByUser"
	// InvestigationTerminatedBySystem ran out of time.
	InvestigationTerminatedBySystem InvestigationState = "TerminatedBySystem"
	// InvestigationSuppressedAlert is none, as a tuning rule hides the alert.
	InvestigationSuppressedAlert InvestigationState = "SuppressedAlert"
)

// AlertOrigin says which detector raised an alert, on two levels: the product
// and the sensor within it.
type AlertOrigin struct {
	// service is the product, such as falco or kubernetes-audit.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Service string `json:"service,omitempty"`
	// detection is the sensor within the product, such as syscall.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Detection string `json:"detection,omitempty"`
	// rule is the name of the rule that fired.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Rule string `json:"rule,omitempty"`
	// alertSource is the AlertSource that the alert came through; empty for one made by hand.
	// +optional
	AlertSource LocalName `json:"alertSource,omitempty"`
	// incidentID is the id of the incident that the sender itself put the alert into;
	// 128 characters at most. Alerts of one alertSource with the same id join the same
	// incident, the first 150 of them: no product's own incident has more.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	IncidentID string `json:"incidentID,omitempty"`
}

// AlertTriage is what people say of an alert.
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || has(self.classification)",fieldPath=".determination",message="determination needs a classification; set classification too"
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || !has(self.classification) || self.classification != 'TruePositive' || self.determination in ['MultiStagedAttack', 'MaliciousUserActivity', 'CompromisedAccount', 'Malware', 'Phishing', 'UnwantedSoftware', 'Other']",fieldPath=".determination",message="with classification TruePositive, determination must be MultiStagedAttack, MaliciousUserActivity, CompromisedAccount, Malware, Phishing, UnwantedSoftware or Other"
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || !has(self.classification) || self.classification != 'InformationalExpectedActivity' || self.determination in ['SecurityTesting', 'LineOfBusinessApplication', 'ConfirmedActivity', 'Other']",fieldPath=".determination",message="with classification InformationalExpectedActivity, determination must be SecurityTesting, LineOfBusinessApplication, ConfirmedActivity or Other"
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || !has(self.classification) || self.classification != 'FalsePositive' || self.determination in ['NotMalicious', 'NotEnoughDataToValidate', 'Other']",fieldPath=".determination",message="with classification FalsePositive, determination must be NotMalicious, NotEnoughDataToValidate or Other"
type AlertTriage struct {
	// state is where the work stands. Left out, it follows the incident.
	// +optional
	State AlertState `json:"state,omitempty"`
	// assignedTo is the person or team who works on it. Left out, it follows the incident.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	AssignedTo string `json:"assignedTo,omitempty"`
	// classification is what the alert turned out to be.
	// +optional
	Classification Classification `json:"classification,omitempty"`
	// determination says it more closely. TruePositive takes MultiStagedAttack,
	// MaliciousUserActivity, CompromisedAccount, Malware, Phishing, UnwantedSoftware;
	// InformationalExpectedActivity takes SecurityTesting,
	// LineOfBusinessApplication, ConfirmedActivity; FalsePositive takes
	// NotMalicious, NotEnoughDataToValidate; each takes Other.
	// +optional
	Determination Determination `json:"determination,omitempty"`
	// incidentName puts the alert into that incident by hand, whatever correlation
	// says; the alert's own name gives it an incident of its own. Where that cannot
	// be, the condition Correlated says why, and the alert stays where it is.
	// +optional
	IncidentName LocalName `json:"incidentName,omitempty"`
	// comments are remarks, oldest first: 100 at most, 16,384 characters in all.
	// They can be added to but neither edited nor removed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.map(c, c.text.size()).sum() <= 16384",message="comments must not exceed 16,384 characters in all"
	Comments []Comment `json:"comments,omitempty"`
}

// Each field of AlertSpec has its own rule where it can: for each field that a rule
// of the whole names, the API server copies the schema of the whole.

// AlertSpec is what a detector said, and what people say of it. What the
// detector said cannot be changed.
// +kubebuilder:validation:XValidation:rule="has(self.description) == has(oldSelf.description) && has(self.recommendedActions) == has(oldSelf.recommendedActions) && has(self.tactics) == has(oldSelf.tactics) && has(self.techniques) == has(oldSelf.techniques) && has(self.entities) == has(oldSelf.entities) && has(self.entityTotal) == has(oldSelf.entityTotal) && has(self.ingestion) == has(oldSelf.ingestion) && has(self.tuning) == has(oldSelf.tuning) && has(self.rollUp) == has(oldSelf.rollUp)",message="description, recommendedActions, tactics, techniques, entities, entityTotal, ingestion, tuning and rollUp can be neither added nor removed"
// +kubebuilder:validation:XValidation:rule="!has(self.rollUp) || has(self.ingestion)",fieldPath=".rollUp",message="rollUp goes with ingestion only: Tocsin sets both"
// +kubebuilder:validation:XValidation:rule="timestamp(self.lastActivityTime) >= timestamp(self.firstActivityTime)",message="lastActivityTime must not be before firstActivityTime"
type AlertSpec struct {
	// source says which detector raised the alert.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="source is immutable"
	Source AlertOrigin `json:"source,omitzero"`
	// title says in a few words what happened.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="title is immutable"
	Title string `json:"title,omitempty"`
	// description tells what was seen; 4,096 characters at most.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="description is immutable"
	Description string `json:"description,omitempty"`
	// recommendedActions says what a responder should do.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="recommendedActions is immutable"
	RecommendedActions string `json:"recommendedActions,omitempty"`
	// severity says how much it puts the organisation at risk.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="severity is immutable"
	Severity Severity `json:"severity,omitempty"`
	// tactics are the ATT&CK tactics that the alert speaks of.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=14
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="tactics is immutable"
	Tactics []Tactic `json:"tactics,omitempty"`
	// techniques are the ids of the ATT&CK techniques that the alert speaks of; those
	// that ATT&CK has replaced as of v18.1 are already their replacements. The annotation
	// tocsin.dev/unknown-techniques lists those that v18.1 does not have.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="techniques is immutable"
	Techniques []Technique `json:"techniques,omitempty"`
	// firstActivityTime is when the first event of the alert happened.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="firstActivityTime is immutable"
	FirstActivityTime metav1.MicroTime `json:"firstActivityTime,omitzero"`
	// lastActivityTime is when the newest event happened that was known at creation.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="lastActivityTime is immutable"
	LastActivityTime metav1.MicroTime `json:"lastActivityTime,omitzero"`
	// fingerprint is equal for repetitions of the same signal.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="fingerprint is immutable"
	Fingerprint string `json:"fingerprint,omitempty"`
	// entities are the assets and the evidence that the alert speaks of; the
	// first 64 are kept.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="entities is immutable"
	Entities []Entity `json:"entities,omitempty"`
	// entityTotal counts the entities that the detector named, where that is more
	// than are kept.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="entityTotal is immutable"
	EntityTotal *int32 `json:"entityTotal,omitempty"`
	// correlation says whether the alert may join others in an incident. It is
	// fixed at creation.
	// +optional
	// +default="Enabled"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="correlation is immutable"
	Correlation CorrelationMode `json:"correlation,omitempty"`
	// tuning tells which tuning rules matched the alert when it was created;
	// absent where none did.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="tuning is immutable"
	Tuning *AlertTuning `json:"tuning,omitempty"`
	// triage is what people say of the alert.
	// +optional
	Triage *AlertTriage `json:"triage,omitempty"`
	// ingestion is the spooled event that the alert was created from; absent for
	// an alert made by hand.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="ingestion is immutable"
	Ingestion *AlertIngestion `json:"ingestion,omitempty"`
	// rollUp says what the alert rolls up: the further alerts of a flood, beyond
	// the limits of its AlertSource. Absent for an alert of its own. A rolled-up
	// alert has the entities of the first event that went into it.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="rollUp is immutable"
	RollUp *AlertRollUp `json:"rollUp,omitempty"`
}

// RollUpLevel says which alerts are rolled up into one.
// +kubebuilder:validation:Enum=Place;Rule;AlertSource
type RollUpLevel string

const (
	// RollUpPlace rolls up the alerts of one rule at one place.
	RollUpPlace RollUpLevel = "Place"
	// RollUpRule rolls up the alerts of one rule, wherever they are from.
	RollUpRule RollUpLevel = "Rule"
	// RollUpAlertSource rolls up the alerts of all rules of the AlertSource.
	RollUpAlertSource RollUpLevel = "AlertSource"
)

// AlertRollUp says what an alert rolls up. All of it has the alert's severity.
// +kubebuilder:validation:XValidation:rule="has(self.place) == (self.level == 'Place')",fieldPath=".place",message="place goes with level Place, which needs it"
type AlertRollUp struct {
	// level is Place (further alerts of one rule at one place), Rule (of one rule,
	// wherever) or AlertSource (of all rules of the source). With the last two the
	// alert has an incident of its own.
	// +required
	Level RollUpLevel `json:"level,omitempty"`
	// place is where all of it happened: a workload, a node, a device or another
	// asset. A Pod whose name ends in -* stands for all pods of one controller.
	// +optional
	Place *EntityKey `json:"place,omitempty"`
	// firstFingerprint is the fingerprint of the first event.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	FirstFingerprint string `json:"firstFingerprint,omitempty"`
}

// RolledUp tells what went into a rolled-up alert. How many events that were is
// told by occurrences, exactly.
type RolledUp struct {
	// alerts is how many different alerts the events would have been, by their
	// fingerprints: exact below 128, beyond it an estimate, off by 9 % in the mean.
	// +required
	// +kubebuilder:validation:Minimum=0
	Alerts *int64 `json:"alerts,omitempty"`
	// entityTotal is how many different entities they named: exact below 128,
	// beyond it an estimate, off by 9 % in the mean.
	// +required
	// +kubebuilder:validation:Minimum=0
	EntityTotal *int64 `json:"entityTotal,omitempty"`
	// entities are those that were named most often, the heaviest first; 16 at
	// most. One that makes up more than a sixteenth of all that was named is always
	// among them.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Entities []RolledUpEntity `json:"entities,omitempty"`
	// alertHashes is what the number of alerts goes on from: the smallest 128 hashes
	// of fingerprints, of 8 bytes each, in base64.
	// +optional
	// +kubebuilder:validation:MaxLength=1368
	AlertHashes string `json:"alertHashes,omitempty"`
	// entityHashes is the same for the entities.
	// +optional
	// +kubebuilder:validation:MaxLength=1368
	EntityHashes string `json:"entityHashes,omitempty"`
}

// RolledUpEntity is how often an entity was named in a rolled-up alert.
type RolledUpEntity struct {
	EntityKey `json:",inline"`
	// events counts the events that named it. It is never too low.
	// +required
	// +kubebuilder:validation:Minimum=1
	Events *int64 `json:"events,omitempty"`
	// uncertainty is by how much events may be too high, where it may: while others
	// were heavier, nobody counted this one.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Uncertainty *int64 `json:"uncertainty,omitempty"`
}

// AlertTuning tells which tuning rules matched an alert when it was created.
// +kubebuilder:validation:XValidation:rule="has(self.ruleName) == has(self.action)",message="ruleName and action go together"
// +kubebuilder:validation:XValidation:rule="has(self.ruleName) || has(self.monitored)",message="give ruleName or monitored"
// +kubebuilder:validation:XValidation:rule="has(self.detectedSeverity) == (has(self.action) && self.action == 'Rescore')",message="detectedSeverity goes with action Rescore, which needs it"
type AlertTuning struct {
	// ruleName is the TuningRule that acted on the alert; absent where none did.
	// +optional
	RuleName LocalName `json:"ruleName,omitempty"`
	// action is what it did.
	// +optional
	Action TuningAction `json:"action,omitempty"`
	// detectedSeverity is the severity that the detector gave, where the rule gave
	// another one.
	// +optional
	DetectedSeverity Severity `json:"detectedSeverity,omitempty"`
	// monitored are the TuningRules of mode Monitor that matched, in the order of
	// their names; the first 8 are kept.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Monitored []LocalName `json:"monitored,omitempty"`
}

// AlertIngestion is the spooled event that an alert was created from, and what
// was known of its fingerprint's rate then.
type AlertIngestion struct {
	SpoolPosition `json:",inline"`
	AlertRate     `json:",inline"`
}

// AlertRate is how often a fingerprint occurs, so that a surge is told from
// its steady noise. It is kept by the gateway.
type AlertRate struct {
	// surge says that the alert was opened because its events came far faster
	// than their base rate.
	// +optional
	Surge *bool `json:"surge,omitempty"`
	// baseMilliEvents is the usual number of events in a minute that has any, in
	// thousandths; absent until a minute was watched.
	// +optional
	// +kubebuilder:validation:Minimum=0
	BaseMilliEvents *int64 `json:"baseMilliEvents,omitempty"`
	// minuteTime is when the minute began that is being counted.
	// +optional
	MinuteTime *metav1.Time `json:"minuteTime,omitempty"`
	// minuteEvents counts the events in that minute.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MinuteEvents *int64 `json:"minuteEvents,omitempty"`
}

// AlertLink is one reason why an alert belongs to its incident.
type AlertLink struct {
	// reason is the kind of link, such as SameFile or ProximateTime.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// message says the link in a sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
	// entity is what both alerts share, as "Kind/name".
	// +optional
	// +kubebuilder:validation:MaxLength=576
	Entity string `json:"entity,omitempty"`
	// peerName is the alert at the other end of the link.
	// +optional
	PeerName LocalName `json:"peerName,omitempty"`
	// weightMillibits is the evidence of the link, in thousandths of a bit: each
	// bit halves the odds that the alerts meet by chance.
	// +optional
	// +kubebuilder:validation:Minimum=0
	WeightMillibits *int32 `json:"weightMillibits,omitempty"`
}

// SimilarIncident is an incident that resembles another one but stays apart.
type SimilarIncident struct {
	// name is the name of the incident.
	// +required
	Name LocalName `json:"name,omitempty"`
	// reason is SameEntitiesResolved (it is resolved, and takes no more alerts),
	// Continues (it is full, and goes on here), MergeRefused (a rule keeps them
	// apart), SameEntities or SameTechniques.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// message says in a sentence what they have in common.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// AlertStatus is what Tocsin found out about an alert.
type AlertStatus struct {
	// conditions tell how far the alert has come. Known types: Correlated.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// state is where the work on the alert stands: what its triage says, else
	// Resolved where a tuning rule hides or resolves it, else what follows from its
	// incident. While people have taken up neither, an alert that has ended is
	// Resolved; its incident is not resolved by that.
	// +optional
	State AlertState `json:"state,omitempty"`
	// incidentName is the incident that the alert belongs to.
	// +optional
	IncidentName LocalName `json:"incidentName,omitempty"`
	// links tell why the alert is in that incident, heaviest first; 8 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Links []AlertLink `json:"links,omitempty"`
	// linkTotal counts the links there are, where that is more than are kept.
	// +optional
	// +kubebuilder:validation:Minimum=0
	LinkTotal *int32 `json:"linkTotal,omitempty"`
	// similar are incidents that resembled the alert's when it opened that, but
	// stay apart, the closest first; 5 at most.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=5
	Similar []SimilarIncident `json:"similar,omitempty"`
	// entities are what the cluster adds to what the detector named: a pod's
	// workload, node, service account and images; 32 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Entities []Entity `json:"entities,omitempty"`
	// observedEntities is a digest of the entities in this status as they were when
	// it was last decided where the alert belongs; absent while there were none.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	ObservedEntities string `json:"observedEntities,omitempty"`
	// surpriseMillibits is how unlikely the alert's rule was to fire on its asset
	// just then, given how often it did so before, in thousandths of a bit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SurpriseMillibits *int32 `json:"surpriseMillibits,omitempty"`
	// routine says that the alert is nothing but what its asset does anyway.
	// +optional
	Routine *bool `json:"routine,omitempty"`
	// occurrences counts the events folded into the alert, the first one included.
	// It is exact up to a second ago at first; while the alert goes on for long, up
	// to a minute ago.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	Occurrences *int64 `json:"occurrences,omitempty"`
	// lastActivityTime is when the newest folded event happened; absent while
	// there is only the first. It is written with occurrences.
	// +optional
	LastActivityTime *metav1.MicroTime `json:"lastActivityTime,omitempty"`
	// endedTime is when the sender said that the signal is over; absent while it
	// goes on, and where the sender never says so. Events from before it still
	// count in the alert; the next one after it opens a new alert.
	// +optional
	EndedTime *metav1.MicroTime `json:"endedTime,omitempty"`
	// releasedTime is when the alert was released that a tuning rule had hidden;
	// absent while it is hidden, and where none hid it.
	// +optional
	ReleasedTime *metav1.MicroTime `json:"releasedTime,omitempty"`
	// rollUp tells what went into a rolled-up alert; absent while there is only the
	// first event, and for an alert of its own. It is written with occurrences.
	// +optional
	RollUp *RolledUp `json:"rollUp,omitempty"`
	// rate is how often the fingerprint occurs; absent while there is only the
	// first event.
	// +optional
	Rate *AlertRate `json:"rate,omitempty"`
	// ingested says, for each spool, up to which event its occurrences are counted.
	// +optional
	// +listType=map
	// +listMapKey=spool
	// +kubebuilder:validation:MaxItems=32
	Ingested []SpoolPosition `json:"ingested,omitempty"`
	// investigationState is where the newest investigation of the alert stands.
	// +optional
	InvestigationState InvestigationState `json:"investigationState,omitempty"`
}

// Alert is one signal of a detector. Repetitions of the same signal are
// counted in it, and it belongs to exactly one Incident.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=salert,categories=tocsin
// +kubebuilder:printcolumn:name="Severity",type=string,JSONPath=`.spec.severity`
// +kubebuilder:printcolumn:name="Title",type=string,JSONPath=`.spec.title`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Count",type=integer,JSONPath=`.status.occurrences`
// +kubebuilder:printcolumn:name="Incident",type=string,JSONPath=`.status.incidentName`
// +kubebuilder:printcolumn:name="Last Activity",type=date,JSONPath=`.spec.lastActivityTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Tactics",type=string,JSONPath=`.spec.tactics`,priority=1
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.source.service`,priority=1
// +kubebuilder:printcolumn:name="Rule",type=string,JSONPath=`.spec.source.rule`,priority=1
// +kubebuilder:printcolumn:name="Investigation",type=string,JSONPath=`.status.investigationState`,priority=1
// +kubebuilder:printcolumn:name="Tuning",type=string,JSONPath=`.spec.tuning.action`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.severity`
// +kubebuilder:selectablefield:JSONPath=`.spec.tuning.ruleName`
// +kubebuilder:selectablefield:JSONPath=`.spec.source.service`
// +kubebuilder:selectablefield:JSONPath=`.spec.source.rule`
// +kubebuilder:selectablefield:JSONPath=`.spec.fingerprint`
// +kubebuilder:selectablefield:JSONPath=`.spec.triage.assignedTo`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:selectablefield:JSONPath=`.status.incidentName`
type Alert struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the detector said, and what people say of it.
	// +required
	Spec AlertSpec `json:"spec,omitzero"`
	// status is what Tocsin found out.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Correlated", status: "Unknown", reason: "Pending", message: "Waiting for correlation", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status AlertStatus `json:"status,omitzero"`
}

// AlertList is a list of alerts.
// +kubebuilder:object:root=true
type AlertList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Alert `json:"items"`
}
