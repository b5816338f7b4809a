package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AutomationLevel says which remediations need no approval.
// +kubebuilder:validation:Enum=Full;Semi;NoAutomatedResponse
type AutomationLevel string

const (
	// AutomationFull acts on malicious entities by itself. Suspicious entities,
	// protected namespaces and critical assets still wait for approval.
	AutomationFull AutomationLevel = "Full"
	// AutomationSemi waits for approval, always.
	AutomationSemi AutomationLevel = "Semi"
	// AutomationNone starts no investigation and proposes nothing.
	AutomationNone AutomationLevel = "NoAutomatedResponse"
)

// PlaybookMode says whether a playbook acts or only tells what it would do.
// +kubebuilder:validation:Enum=Enforce;Monitor
type PlaybookMode string

const (
	// PlaybookEnforce investigates and remediates.
	PlaybookEnforce PlaybookMode = "Enforce"
	// PlaybookMonitor investigates, and proposes no remediation.
	PlaybookMonitor PlaybookMode = "Monitor"
)

// Analyzer is an investigation step that Tocsin brings along.
// +kubebuilder:validation:Enum=Pod;Access
type Analyzer string

const (
	// AnalyzerPod examines pods: privileges, mounts, owner, images, service account and events.
	AnalyzerPod Analyzer = "Pod"
	// AnalyzerAccess examines what service accounts may do, by RBAC review.
	AnalyzerAccess Analyzer = "Access"
)

// PlaybookMatch says which alerts start the playbook. What is left out matches
// everything; what is given must all hold.
type PlaybookMatch struct {
	// minimumSeverity is the lowest severity that matches.
	// +optional
	MinimumSeverity Severity `json:"minimumSeverity,omitempty"`
	// services match the product that raised the alert.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=63
	Services []string `json:"services,omitempty"`
	// rules match the rule that fired.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=256
	Rules []string `json:"rules,omitempty"`
	// tactics match when the alert speaks of at least one of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=14
	Tactics []Tactic `json:"tactics,omitempty"`
	// entityKinds match when the alert names an entity of at least one of these kinds.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=19
	EntityKinds []EntityKind `json:"entityKinds,omitempty"`
}

// ContainerStep runs a container of the user's. It finds its input in
// /tocsin/input.json and writes its verdicts to /dev/termination-log.
type ContainerStep struct {
	// image is the container image to run.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image,omitempty"`
	// command replaces the image's entry point.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=1024
	Command []string `json:"command,omitempty"`
	// args are the arguments of the command. They are fixed by the playbook: text
	// from alerts comes only in the input file.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	Args []string `json:"args,omitempty"`
	// resources are requested for the container. Left out, it gets 50m of
	// processor time and 64Mi of memory, and at most 256Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// TokenMode says whether a step gets a token for the API server.
// +kubebuilder:validation:Enum=None;Mounted
type TokenMode string

const (
	// TokenNone gives the step no token.
	TokenNone TokenMode = "None"
	// TokenMounted mounts a short-lived token of the playbook's service account.
	TokenMounted TokenMode = "Mounted"
)

// PlaybookStep is one step of an investigation. It runs as a Job. All steps of
// a playbook run side by side.
// +kubebuilder:validation:XValidation:rule="has(self.analyzer) != has(self.container)",message="exactly one of analyzer and container must be set"
type PlaybookStep struct {
	// name is unique within the playbook.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`
	// analyzer is a step that Tocsin brings along. It always gets a token.
	// +optional
	Analyzer Analyzer `json:"analyzer,omitempty"`
	// container is a step of the user's own.
	// +optional
	Container *ContainerStep `json:"container,omitempty"`
	// token says whether a container step gets a token for the API server.
	// +optional
	// +default="None"
	Token TokenMode `json:"token,omitempty"`
	// timeoutSeconds is how long the step may take, from 1 second to a day.
	// +optional
	// +default=300
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
}

// PlaybookResponse says what to do about an entity with a verdict.
type PlaybookResponse struct {
	// name is unique within the playbook.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`
	// action is what to do.
	// +required
	Action RemediationAction `json:"action,omitempty"`
	// minimumVerdict is the least verdict that calls for it.
	// +optional
	// +default="Suspicious"
	// +kubebuilder:validation:Enum=Suspicious;Malicious
	MinimumVerdict Verdict `json:"minimumVerdict,omitempty"`
	// approval says whether a person must approve. ByLevel follows the automation
	// level and the verdict; Required always waits.
	// +optional
	// +default="ByLevel"
	Approval ResponseApproval `json:"approval,omitempty"`
	// ttlSeconds is how long the remediation holds before it is undone, from a
	// minute to 30 days. Left out, it holds until somebody undoes it.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2592000
	TTLSeconds *int32 `json:"ttlSeconds,omitempty"`
}

// ResponseApproval says whether a response waits for a person.
// +kubebuilder:validation:Enum=ByLevel;Required
type ResponseApproval string

const (
	// ResponseByLevel follows the automation level and the verdict.
	ResponseByLevel ResponseApproval = "ByLevel"
	// ResponseRequired always waits for approval.
	ResponseRequired ResponseApproval = "Required"
)

// Condition types of a Playbook and of an AlertSource.
const (
	// ConditionReady tells whether the object is in use.
	//
	// True: Valid. False: Invalid (the message names the field), Suspended,
	// ServiceAccountNotFound, SecretNotFound, SecretForbidden. Unknown: Pending.
	ConditionReady = "Ready"
)

// PlaybookSpec declares which alerts to investigate, how, and what to do about
// what is found.
type PlaybookSpec struct {
	// match says which alerts start the playbook.
	// +optional
	Match PlaybookMatch `json:"match,omitzero"`
	// rank decides between playbooks that match the same alert: the lowest rank
	// runs, the others do not. Equal ranks are decided by name.
	// +optional
	// +default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Rank *int32 `json:"rank,omitempty"`
	// automation says which remediations need no approval.
	// +optional
	// +default="Semi"
	Automation AutomationLevel `json:"automation,omitempty"`
	// steps are the investigation; they run side by side.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Steps []PlaybookStep `json:"steps,omitempty"`
	// responses say what to do about entities with a verdict.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Responses []PlaybookResponse `json:"responses,omitempty"`
	// serviceAccountName is the service account in this namespace that steps run
	// as and remediations act as. Nothing is done with other rights than its own.
	// +required
	ServiceAccountName LocalName `json:"serviceAccountName,omitempty"`
	// mode says whether the playbook acts or only tells what it would do.
	// +optional
	// +default="Enforce"
	Mode PlaybookMode `json:"mode,omitempty"`
	// suspend stops the playbook from starting further investigations.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
}

// PlaybookStatus tells what became of a playbook.
type PlaybookStatus struct {
	// conditions tell whether the playbook is in use. Known types: Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that the status answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// investigations counts the investigations that exist of this playbook.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Investigations *int32 `json:"investigations,omitempty"`
	// remediations counts the remediations that exist of this playbook.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Remediations *int32 `json:"remediations,omitempty"`
	// lastRunTime is when the newest investigation started.
	// +optional
	LastRunTime *metav1.Time `json:"lastRunTime,omitempty"`
}

// Playbook declares how alerts are investigated and what is done about what is
// found. It is meant to be kept in Git.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pb,categories=tocsin
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Rank",type=integer,JSONPath=`.spec.rank`
// +kubebuilder:printcolumn:name="Automation",type=string,JSONPath=`.spec.automation`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Investigations",type=integer,JSONPath=`.status.investigations`
// +kubebuilder:printcolumn:name="Last Run",type=date,JSONPath=`.status.lastRunTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Service Account",type=string,JSONPath=`.spec.serviceAccountName`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.automation`
// +kubebuilder:selectablefield:JSONPath=`.spec.mode`
type Playbook struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec declares the playbook.
	// +required
	Spec PlaybookSpec `json:"spec,omitzero"`
	// status tells what became of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status PlaybookStatus `json:"status,omitzero"`
}

// PlaybookList is a list of playbooks.
// +kubebuilder:object:root=true
type PlaybookList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Playbook `json:"items"`
}
