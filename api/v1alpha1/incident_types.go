package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// IncidentState is where the work on an incident stands.
// +kubebuilder:validation:Enum=Active;InProgress;Resolved;Redirected
type IncidentState string

const (
	// IncidentActive is an incident that nobody has taken up.
	IncidentActive IncidentState = "Active"
	// IncidentInProgress is an incident that somebody works on.
	IncidentInProgress IncidentState = "InProgress"
	// IncidentResolved is an incident that is done with; it takes no more alerts.
	IncidentResolved IncidentState = "Resolved"
	// IncidentRedirected is an incident that was merged into another.
	IncidentRedirected IncidentState = "Redirected"
)

// PriorityBand sorts the priority score into three.
// +kubebuilder:validation:Enum=Low;Medium;Top
type PriorityBand string

const (
	// PriorityLow is a score below 15.
	PriorityLow PriorityBand = "Low"
	// PriorityMedium is a score from 15 to 85.
	PriorityMedium PriorityBand = "Medium"
	// PriorityTop is a score above 85.
	PriorityTop PriorityBand = "Top"
)

// Condition types of an Incident.
const (
	// IncidentConditionResolved tells whether the incident is done with.
	//
	// True: ResolvedByPerson, AllRemediatedOrBenign, Empty (its alerts were moved
	// away or deleted; one that is moved back opens it again), ResolvedByTuning
	// (tuning rules resolved all its alerts; one that they did not opens it again),
	// Redirected.
	// False: Open. Unknown: Pending (nothing is derived yet).
	IncidentConditionResolved = "Resolved"
	// IncidentConditionMerged tells why the incident was merged into another, or why
	// not as spec.mergeInto asks; there is none where no merge was asked for or done.
	//
	// True: MergedByPerson, SharedEvidence (correlation: an alert speaks of what both
	// are about), ProximateTime (correlation: they happened too close together
	// for chance).
	// False: IncidentNotFound (there is none of that name in this namespace),
	// SameIncident (it leads back to this one), IncidentResolved, IncidentRedirected
	// (one of them is being merged by correlation just now), AssigneesDiffer,
	// ClassificationsDiffer, DeterminationsDiffer, TooManyAlerts (together they
	// would pass the limit). A refused merge is tried again when either changes.
	IncidentConditionMerged = "Merged"
)

// IncidentMerge asks for an incident to be merged into another.
type IncidentMerge struct {
	// name is the incident that this one is merged into: both must be open, and
	// must not differ in assignee, classification or determination where both have
	// one. Where that was merged into another one itself, this one goes there.
	// Which of the two is kept is what you say here, not what correlation would
	// choose.
	// +required
	Name LocalName `json:"name,omitempty"`
	// reason says why.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// requestedBy is the user who asked. The API server sets it.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	RequestedBy string `json:"requestedBy,omitempty"`
}

// IncidentSpec is what people say of an incident. All of it may be left out.
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || has(self.classification)",fieldPath=".determination",message="determination needs a classification; set classification too"
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || !has(self.classification) || self.classification != 'TruePositive' || self.determination in ['MultiStagedAttack', 'MaliciousUserActivity', 'CompromisedAccount', 'Malware', 'Phishing', 'UnwantedSoftware', 'Other']",fieldPath=".determination",message="with classification TruePositive, determination must be MultiStagedAttack, MaliciousUserActivity, CompromisedAccount, Malware, Phishing, UnwantedSoftware or Other"
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || !has(self.classification) || self.classification != 'InformationalExpectedActivity' || self.determination in ['SecurityTesting', 'LineOfBusinessApplication', 'ConfirmedActivity', 'Other']",fieldPath=".determination",message="with classification InformationalExpectedActivity, determination must be SecurityTesting, LineOfBusinessApplication, ConfirmedActivity or Other"
// +kubebuilder:validation:XValidation:rule="!has(self.determination) || !has(self.classification) || self.classification != 'FalsePositive' || self.determination in ['NotMalicious', 'NotEnoughDataToValidate', 'Other']",fieldPath=".determination",message="with classification FalsePositive, determination must be NotMalicious, NotEnoughDataToValidate or Other"
// +kubebuilder:validation:XValidation:rule="!has(self.resolutionNote) || (has(self.state) && self.state == 'Resolved')",message="resolutionNote needs state Resolved"
type IncidentSpec struct {
	// title overrides the generated title. It survives merges.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Title string `json:"title,omitempty"`
	// severity overrides the highest severity of the alerts.
	// +optional
	Severity Severity `json:"severity,omitempty"`
	// state is where the work stands: Active, InProgress or Resolved. Left out,
	// the incident is Active until everything in it is remediated or benign, and
	// Resolved from then on. A resolved incident takes no more alerts.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self != 'Redirected'",message="state must be Active, InProgress or Resolved; to merge, set mergeInto"
	State IncidentState `json:"state,omitempty"`
	// assignedTo is the person or team who works on it and, unless they say
	// otherwise, on its alerts.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	AssignedTo string `json:"assignedTo,omitempty"`
	// classification is what the incident turned out to be.
	// +optional
	Classification Classification `json:"classification,omitempty"`
	// determination says it more closely. TruePositive takes MultiStagedAttack,
	// MaliciousUserActivity, CompromisedAccount, Malware, Phishing, UnwantedSoftware;
	// InformationalExpectedActivity takes SecurityTesting,
	// LineOfBusinessApplication, ConfirmedActivity; FalsePositive takes
	// NotMalicious, NotEnoughDataToValidate; each takes Other.
	// +optional
	Determination Determination `json:"determination,omitempty"`
	// tags are labels of people's own, 32 at most.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Tags []string `json:"tags,omitempty"`
	// comments are remarks, oldest first: 100 at most, 16,384 characters in all.
	// They can be added to but neither edited nor removed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.map(c, c.text.size()).sum() <= 16384",message="comments must not exceed 16,384 characters in all"
	Comments []Comment `json:"comments,omitempty"`
	// resolutionNote says how the incident ended.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	ResolutionNote string `json:"resolutionNote,omitempty"`
	// mergeInto merges this incident into another one, which cannot be undone. It
	// cannot be changed once that is done; the condition Merged tells how far it is.
	// +optional
	MergeInto *IncidentMerge `json:"mergeInto,omitempty"`
}

// IncidentPriority says in which order incidents should be worked on.
type IncidentPriority struct {
	// score is from 0 to 100.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Score *int32 `json:"score,omitempty"`
	// band is Top above 85, Low below 15, else Medium.
	// +required
	Band PriorityBand `json:"band,omitempty"`
	// reasons list what counted, heaviest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=256
	Reasons []string `json:"reasons,omitempty"`
}

// IncidentCounts are exact, where the lists beside them hold the first few.
type IncidentCounts struct {
	// alerts counts the alerts of the incident.
	// +required
	// +kubebuilder:validation:Minimum=0
	Alerts *int32 `json:"alerts,omitempty"`
	// activeAlerts counts those that are not resolved.
	// +required
	// +kubebuilder:validation:Minimum=0
	ActiveAlerts *int32 `json:"activeAlerts,omitempty"`
	// activeOfTotal is both in one, such as "3/4".
	// +optional
	// +kubebuilder:validation:MaxLength=32
	ActiveOfTotal string `json:"activeOfTotal,omitempty"`
	// occurrences counts the events folded into the alerts. Where nothing else
	// changes it is written at most a minute after theirs.
	// +required
	// +kubebuilder:validation:Minimum=0
	Occurrences *int64 `json:"occurrences,omitempty"`
	// assets counts the impacted assets.
	// +required
	// +kubebuilder:validation:Minimum=0
	Assets *int32 `json:"assets,omitempty"`
	// evidence counts the entities with a verdict.
	// +required
	// +kubebuilder:validation:Minimum=0
	Evidence *int32 `json:"evidence,omitempty"`
	// links counts the links of the story.
	// +required
	// +kubebuilder:validation:Minimum=0
	Links *int32 `json:"links,omitempty"`
	// activities counts the lines ever written to the activity log, without those
	// carried over from merged incidents.
	// +required
	// +kubebuilder:validation:Minimum=0
	Activities *int32 `json:"activities,omitempty"`
	// techniques counts the ATT&CK techniques seen.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Techniques *int32 `json:"techniques,omitempty"`
	// mergedFrom counts the incidents that were merged into this one, not those
	// merged into them before.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MergedFrom *int32 `json:"mergedFrom,omitempty"`
	// investigations counts the investigations of the incident.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Investigations *int32 `json:"investigations,omitempty"`
	// remediations counts the remediations of the incident.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Remediations *int32 `json:"remediations,omitempty"`
	// comments counts the comments carried over from merged incidents.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Comments *int32 `json:"comments,omitempty"`
}

// AssetGroup is the impacted assets of one kind.
type AssetGroup struct {
	// kind is the kind of these assets.
	// +required
	Kind EntityKind `json:"kind,omitempty"`
	// total counts them.
	// +required
	// +kubebuilder:validation:Minimum=0
	Total *int32 `json:"total,omitempty"`
	// top names those with the most alerts; 10 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Top []Asset `json:"top,omitempty"`
}

// Asset is something that was hit.
type Asset struct {
	// name is its canonical name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Name string `json:"name,omitempty"`
	// alerts counts the alerts that speak of it.
	// +required
	// +kubebuilder:validation:Minimum=0
	Alerts *int32 `json:"alerts,omitempty"`
}

// StoryEdge joins one alert of an incident to an earlier one.
type StoryEdge struct {
	// alertName is the alert that joined.
	// +required
	AlertName LocalName `json:"alertName,omitempty"`
	// title is that alert's title.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Title string `json:"title,omitempty"`
	// time is when its first event happened.
	// +required
	Time metav1.MicroTime `json:"time,omitzero"`
	// tactic is the furthest tactic that it speaks of.
	// +optional
	Tactic Tactic `json:"tactic,omitempty"`
	// peerName is the alert that it joined; empty for the first one.
	// +optional
	PeerName LocalName `json:"peerName,omitempty"`
	// reason is the kind of link.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// entity is what both share.
	// +optional
	// +kubebuilder:validation:MaxLength=576
	Entity string `json:"entity,omitempty"`
}

// IncidentInvestigation is one investigation of the incident.
type IncidentInvestigation struct {
	// name is the name of the Investigation.
	// +required
	Name LocalName `json:"name,omitempty"`
	// state is where it stands.
	// +optional
	State InvestigationState `json:"state,omitempty"`
}

// IncidentRemediation is one remediation of the incident.
type IncidentRemediation struct {
	// name is the name of the Remediation.
	// +required
	Name LocalName `json:"name,omitempty"`
	// action is what it does.
	// +optional
	Action RemediationAction `json:"action,omitempty"`
	// target is what it acts on, as "Kind/name".
	// +optional
	// +kubebuilder:validation:MaxLength=576
	Target string `json:"target,omitempty"`
	// state is where it stands.
	// +optional
	State RemediationState `json:"state,omitempty"`
}

// Activity is one line of an incident's activity log.
type Activity struct {
	// time is when it happened.
	// +required
	Time metav1.MicroTime `json:"time,omitzero"`
	// type is what kind of thing happened, such as AlertAdded or StateChanged.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Type string `json:"type,omitempty"`
	// actor is who did it: a user, or the part of Tocsin that acted.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Actor string `json:"actor,omitempty"`
	// message says what happened.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
	// incidentName is the incident that it happened to, where that was merged into
	// this one since.
	// +optional
	IncidentName LocalName `json:"incidentName,omitempty"`
}

// CarriedComment is a comment of an incident that was merged into this one.
type CarriedComment struct {
	// incidentName is the incident that the comment was made on.
	// +required
	IncidentName LocalName `json:"incidentName,omitempty"`
	Comment      `json:",inline"`
}

// CarriedTag is a tag of an incident that was merged into this one.
type CarriedTag struct {
	// incidentName is the incident that had the tag.
	// +required
	IncidentName LocalName `json:"incidentName,omitempty"`
	// tag is the tag.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Tag string `json:"tag,omitempty"`
}

// IncidentTimes are the moments from which the mean times to acknowledge,
// contain and resolve are computed.
type IncidentTimes struct {
	// acknowledged is when a person first took the incident up.
	// +optional
	Acknowledged *metav1.Time `json:"acknowledged,omitempty"`
	// contained is when the first remediation succeeded.
	// +optional
	Contained *metav1.Time `json:"contained,omitempty"`
	// resolved is when the incident was resolved.
	// +optional
	Resolved *metav1.Time `json:"resolved,omitempty"`
}

// IncidentStatus is derived from the alerts, investigations and remediations
// of the incident, and can be rebuilt from them at any moment.
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.redirectedTo) || (has(self.redirectedTo) && self.redirectedTo == oldSelf.redirectedTo)",fieldPath=".redirectedTo",message="redirectedTo cannot be changed once it is set: a merge is final"
type IncidentStatus struct {
	// conditions tell how far the incident has come. Known types: Resolved, Merged.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that the status answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// state is where the work stands.
	// +optional
	State IncidentState `json:"state,omitempty"`
	// title is the title given by a person, else the one that a person gave to an
	// incident merged into this one, else the generated one.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Title string `json:"title,omitempty"`
	// titleFrom is the incident, merged into this one, that brought the title.
	// +optional
	TitleFrom LocalName `json:"titleFrom,omitempty"`
	// severity is the severity given by a person, else the highest of the alerts.
	// +optional
	Severity Severity `json:"severity,omitempty"`
	// priority says in which order incidents should be worked on, and why.
	// +optional
	Priority *IncidentPriority `json:"priority,omitempty"`
	// counts are the exact totals.
	// +optional
	Counts *IncidentCounts `json:"counts,omitempty"`
	// firstActivityTime is when the first event of the incident happened.
	// +optional
	FirstActivityTime *metav1.MicroTime `json:"firstActivityTime,omitempty"`
	// lastActivityTime is when the newest event of the incident happened. It is
	// written with counts.occurrences.
	// +optional
	LastActivityTime *metav1.MicroTime `json:"lastActivityTime,omitempty"`
	// tactics are the ATT&CK tactics reached, in the order of the matrix.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=14
	Tactics []Tactic `json:"tactics,omitempty"`
	// techniques are the ATT&CK techniques seen; 64 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Techniques []Technique `json:"techniques,omitempty"`
	// serviceSources are the products that raised the alerts; 16 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	ServiceSources []string `json:"serviceSources,omitempty"`
	// detectionSources are the sensors that raised the alerts; 16 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	DetectionSources []string `json:"detectionSources,omitempty"`
	// assets are the impacted assets by kind.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +kubebuilder:validation:MaxItems=19
	Assets []AssetGroup `json:"assets,omitempty"`
	// evidence is what investigations found, worst first; 50 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Evidence []Evidence `json:"evidence,omitempty"`
	// story tells how the alerts are joined, in the order in which they
	// happened; the first 50.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Story []StoryEdge `json:"story,omitempty"`
	// investigations of the incident, newest first; 10 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Investigations []IncidentInvestigation `json:"investigations,omitempty"`
	// investigationState is where the newest investigation stands.
	// +optional
	InvestigationState InvestigationState `json:"investigationState,omitempty"`
	// remediations of the incident, newest first; 20 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Remediations []IncidentRemediation `json:"remediations,omitempty"`
	// systemTags are set by Tocsin, such as CriticalAsset.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	SystemTags []string `json:"systemTags,omitempty"`
	// redirectedTo is the incident that this one was merged into.
	// +optional
	RedirectedTo LocalName `json:"redirectedTo,omitempty"`
	// mergedFrom are incidents that were merged into this one; the first 16.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	MergedFrom []LocalName `json:"mergedFrom,omitempty"`
	// comments are those of incidents that were merged into this one, oldest
	// first; the newest 20. Its own are in spec.comments.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Comments []CarriedComment `json:"comments,omitempty"`
	// tags are those of incidents that were merged into this one; 32 at most. Its
	// own are in spec.tags.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tags []CarriedTag `json:"tags,omitempty"`
	// continues is the full incident that this one goes on from.
	// +optional
	Continues LocalName `json:"continues,omitempty"`
	// continuedBy is the incident in which this one, which is full, goes on.
	// +optional
	ContinuedBy LocalName `json:"continuedBy,omitempty"`
	// similar are incidents that resemble this one but stay apart, the closest
	// first; 5 at most.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=5
	Similar []SimilarIncident `json:"similar,omitempty"`
	// activities is the activity log, newest last; the newest 50 lines.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Activities []Activity `json:"activities,omitempty"`
	// times are the moments from which response times are computed.
	// +optional
	Times *IncidentTimes `json:"times,omitempty"`
}

// Incident is the story of an attack: the alerts that belong together, what
// they hit, what was found out, and what was done about it.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=inc,categories=tocsin
// +kubebuilder:printcolumn:name="Severity",type=string,JSONPath=`.status.severity`
// +kubebuilder:printcolumn:name="Priority",type=integer,JSONPath=`.status.priority.score`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Assigned To",type=string,JSONPath=`.spec.assignedTo`
// +kubebuilder:printcolumn:name="Alerts",type=string,JSONPath=`.status.counts.activeOfTotal`
// +kubebuilder:printcolumn:name="Assets",type=integer,JSONPath=`.status.counts.assets`
// +kubebuilder:printcolumn:name="Title",type=string,JSONPath=`.status.title`
// +kubebuilder:printcolumn:name="Last Activity",type=date,JSONPath=`.status.lastActivityTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Tactics",type=string,JSONPath=`.status.tactics`,priority=1
// +kubebuilder:printcolumn:name="Sources",type=string,JSONPath=`.status.serviceSources`,priority=1
// +kubebuilder:printcolumn:name="Investigation",type=string,JSONPath=`.status.investigationState`,priority=1
// +kubebuilder:printcolumn:name="Classification",type=string,JSONPath=`.spec.classification`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:selectablefield:JSONPath=`.status.severity`
// +kubebuilder:selectablefield:JSONPath=`.spec.assignedTo`
// +kubebuilder:selectablefield:JSONPath=`.spec.classification`
// +kubebuilder:selectablefield:JSONPath=`.status.priority.band`
// +kubebuilder:selectablefield:JSONPath=`.status.redirectedTo`
// +kubebuilder:selectablefield:JSONPath=`.status.investigationState`
// +kubebuilder:selectablefield:JSONPath=`.status.continues`
type Incident struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people say of the incident.
	// +optional
	Spec IncidentSpec `json:"spec,omitzero"`
	// status is derived by Tocsin.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Resolved", status: "Unknown", reason: "Pending", message: "Waiting for the first summary", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status IncidentStatus `json:"status,omitzero"`
}

// IncidentList is a list of incidents.
// +kubebuilder:object:root=true
type IncidentList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Incident `json:"items"`
}
