package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MergeMode says whether correlation merges incidents by itself.
// +kubebuilder:validation:Enum=Enabled;Disabled
type MergeMode string

const (
	// MergeEnabled merges incidents that one alert shows to be one.
	MergeEnabled MergeMode = "Enabled"
	// MergeDisabled leaves merging to people.
	MergeDisabled MergeMode = "Disabled"
)

// Condition types of a CorrelationPolicy.
const (
	// CorrelationPolicyConditionAccepted tells whether the spec makes sense.
	//
	// True: Valid. False: Invalid (the message names the field; what was accepted
	// last stays in force). Unknown: Pending.
	CorrelationPolicyConditionAccepted = "Accepted"
	// CorrelationPolicyConditionInUse tells whether the namespace is correlated by
	// this policy.
	//
	// True: InUse. False: AnotherInUse (only the oldest policy of a namespace that
	// was ever valid counts), NeverValid (nothing was accepted yet).
	// Unknown: Pending.
	CorrelationPolicyConditionInUse = "InUse"
)

// EntityWeight is how much it can say that two alerts share an entity of a kind.
type EntityWeight struct {
	// kind is the kind of the entity.
	// +required
	Kind EntityKind `json:"kind,omitempty"`
	// bits is the most evidence that sharing one can be worth, from 0 to 32; what
	// it is worth is measured. How rarely both rules fire adds to it: on one asset
	// without this limit, between two assets at most twice the bits given here. 0
	// makes the kind count for nothing.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=32
	Bits *int32 `json:"bits,omitempty"`
}

// CorrelationOptOut keeps alerts to themselves: each gets an incident of its
// own. What is given must all hold. It is decided when an alert is created, and
// does not change for that alert any more.
// +kubebuilder:validation:XValidation:rule="has(self.alertSources) || has(self.rules) || has(self.match)",message="give at least one of alertSources, rules and match: an opt-out of everything would turn correlation off"
type CorrelationOptOut struct {
	// name is unique within the policy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`
	// alertSources match the AlertSource that brought the alert.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	AlertSources []LocalName `json:"alertSources,omitempty"`
	// rules match the detector's rule.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Rules []string `json:"rules,omitempty"`
	// match is a CEL expression that is true for the alerts meant. It sees "alert"
	// with service, detection, rule, alertSource, title, severity, tactics,
	// techniques, and entities, each with kind, name, namespace, role and category,
	// such as alert.entities.exists(e, e.namespace == 'staging'). An alert on which
	// it fails is not meant. One that does not look at the alert is refused.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Match string `json:"match,omitempty"`
	// reason says why, for those who read the policy later.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
}

// CorrelationEnrichment says as whom Tocsin looks up what the cluster knows of
// the pods that alerts name.
type CorrelationEnrichment struct {
	// serviceAccountName is a service account of this namespace. It needs get on
	// pods, and on jobs.batch, in the namespaces where they are; what it may not
	// see is not added. Tocsin needs a Role that lets it act as the service account.
	// +required
	ServiceAccountName LocalName `json:"serviceAccountName,omitempty"`
}

// CorrelationSettings are the figures by which alerts become incidents.
// Evidence is counted in bits: each halves the odds that alerts meet by chance.
// +kubebuilder:validation:XValidation:rule="self.mergeBits >= self.joinBits",fieldPath=".mergeBits",message="mergeBits must not be less than joinBits: a wrong merge costs more than a wrong alert"
// +kubebuilder:validation:XValidation:rule="self.routineBits <= self.joinBits",fieldPath=".routineBits",message="routineBits must not be more than joinBits"
// +kubebuilder:validation:XValidation:rule="self.proximateWindowSeconds <= self.windowSeconds",fieldPath=".proximateWindowSeconds",message="proximateWindowSeconds must not be more than windowSeconds"
type CorrelationSettings struct {
	// joinBits is the evidence that an alert needs to join an incident, from 1 to 32.
	// +optional
	// +default=6
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	JoinBits *int32 `json:"joinBits,omitempty"`
	// mergeBits is the evidence with which one alert unites two incidents, from
	// joinBits to 64.
	// +optional
	// +default=8
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MergeBits *int32 `json:"mergeBits,omitempty"`
	// merge says whether correlation merges incidents by itself. People may merge
	// them all the same.
	// +optional
	// +default="Enabled"
	Merge MergeMode `json:"merge,omitempty"`
	// routineBits is the surprise below which an alert that joins nothing is
	// routine, and kept with the other routine of its asset; from 0 to joinBits.
	// +optional
	// +default=3
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=32
	RoutineBits *int32 `json:"routineBits,omitempty"`
	// windowSeconds is how long after its last sign of life an incident takes
	// alerts, from a minute to 30 days.
	// +optional
	// +default=86400
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2592000
	WindowSeconds *int32 `json:"windowSeconds,omitempty"`
	// proximateWindowSeconds is how close in time two surprising alerts must be to
	// be joined although they share nothing; 0 turns that off.
	// +optional
	// +default=180
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	ProximateWindowSeconds *int32 `json:"proximateWindowSeconds,omitempty"`
	// weights say how much it can mean to share an entity of a kind. A kind that is
	// not listed keeps its built-in weight: 10 for File and MailMessage; 8 for URL
	// and DomainName; 6 for IP, Container, Pod, Mailbox and Secret; 5 for Workload,
	// ServiceAccount and CloudResource; 4 for User and Image; 3 for Device and Node;
	// 2 for Namespace; 1 for Process; 0 for Cluster.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +kubebuilder:validation:MaxItems=19
	Weights []EntityWeight `json:"weights,omitempty"`
	// hubIncidents is how many of the newest incidents that have an entity are
	// looked at, from 2 to 1,024: an entity of more is a hub and says little.
	// +optional
	// +default=32
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=1024
	HubIncidents *int32 `json:"hubIncidents,omitempty"`
	// maxAlerts is how many alerts an incident takes, from 2 to 10,000. What
	// belongs to a full one opens a continuation that is linked to it.
	// +optional
	// +default=1000
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=10000
	MaxAlerts *int32 `json:"maxAlerts,omitempty"`
	// maxEntities is how many entities of an alert are looked at, the weightiest
	// first; from 1 to 64.
	// +optional
	// +default=64
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MaxEntities *int32 `json:"maxEntities,omitempty"`
	// optOuts keep alerts out of the incidents of others.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	OptOuts []CorrelationOptOut `json:"optOuts,omitempty"`
	// enrichment adds to a new alert what the cluster knows of its first four pods:
	// their workloads, nodes, service accounts and images. Left out, nothing is
	// looked up.
	// +optional
	Enrichment *CorrelationEnrichment `json:"enrichment,omitempty"`
}

// CorrelationPolicySpec says how the alerts of a namespace become incidents.
type CorrelationPolicySpec struct {
	CorrelationSettings `json:",inline"`
}

// CorrelationPolicyInForce is what was accepted last.
type CorrelationPolicyInForce struct {
	// generation is the generation of the spec that was accepted.
	// +required
	// +kubebuilder:validation:Minimum=0
	Generation          *int64 `json:"generation,omitempty"`
	CorrelationSettings `json:",inline"`
}

// CorrelationPolicyStatus tells what a policy does.
type CorrelationPolicyStatus struct {
	// conditions tell whether the policy is valid and used. Known types: Accepted, InUse.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that the status answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// inForce is what was accepted last: the namespace is correlated by it while
	// the policy is in use, whatever the spec says by now.
	// +optional
	InForce *CorrelationPolicyInForce `json:"inForce,omitempty"`
}

// CorrelationPolicy says how the alerts of its namespace become incidents.
// Where there is none, the defaults hold. Where there are several, the oldest
// that was ever valid is in use, the first by name among those of one second.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=correlationpolicies,shortName=corr,categories=tocsin
// +kubebuilder:printcolumn:name="In Use",type=string,JSONPath=`.status.conditions[?(@.type=="InUse")].status`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Join",type=integer,JSONPath=`.status.inForce.joinBits`
// +kubebuilder:printcolumn:name="Merge",type=integer,JSONPath=`.status.inForce.mergeBits`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].message`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.merge`
type CorrelationPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says how alerts become incidents. All of it may be left out.
	// +optional
	Spec CorrelationPolicySpec `json:"spec,omitzero"`
	// status tells what the policy does.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Accepted", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "InUse", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status CorrelationPolicyStatus `json:"status,omitzero"`
}

// CorrelationPolicyList is a list of correlation policies.
// +kubebuilder:object:root=true
type CorrelationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CorrelationPolicy `json:"items"`
}
