package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RemediationAction is what a remediation does.
// +kubebuilder:validation:Enum=IsolatePod;DeletePod
type RemediationAction string

const (
	// ActionIsolatePod cuts a pod off the network with a NetworkPolicy. It can be
	// undone. It needs a network plug-in that enforces NetworkPolicies.
	ActionIsolatePod RemediationAction = "IsolatePod"
	// ActionDeletePod deletes a pod. It cannot be undone.
	ActionDeletePod RemediationAction = "DeletePod"
)

// RemediationState is where a remediation stands.
// +kubebuilder:validation:Enum=PendingApproval;InProgress;Succeeded;Failed;TimeOut;Cancelled;Rejected;Expired;Undone
type RemediationState string

const (
	// RemediationPendingApproval waits for a person to decide.
	RemediationPendingApproval RemediationState = "PendingApproval"
	// RemediationInProgress may act, or acts.
	RemediationInProgress RemediationState = "InProgress"
	// RemediationSucceeded acted, and the effect was verified.
	RemediationSucceeded RemediationState = "Succeeded"
	// RemediationFailed could not act; the message says why.
	RemediationFailed RemediationState = "Failed"
	// RemediationTimeOut tried for as long as it may.
	RemediationTimeOut RemediationState = "TimeOut"
	// RemediationCancelled was ended by a person before it acted.
	RemediationCancelled RemediationState = "Cancelled"
	// RemediationRejected was refused by a person.
	RemediationRejected RemediationState = "Rejected"
	// RemediationExpired waited seven days for a decision.
	RemediationExpired RemediationState = "Expired"
	// RemediationUndone was taken back.
	RemediationUndone RemediationState = "Undone"
)

// ApprovalMode says whether a remediation waits for a person.
// +kubebuilder:validation:Enum=Required;Automatic
type ApprovalMode string

const (
	// ApprovalRequired waits for another person than the requester.
	ApprovalRequired ApprovalMode = "Required"
	// ApprovalAutomatic acts at once. Only who holds the verb "automate" on
	// remediations may ask for it; Tocsin itself does.
	ApprovalAutomatic ApprovalMode = "Automatic"
)

// ApprovalDecision is what an approver decided.
// +kubebuilder:validation:Enum=Approve;Reject
type ApprovalDecision string

const (
	// DecisionApprove lets the remediation act.
	DecisionApprove ApprovalDecision = "Approve"
	// DecisionReject ends it.
	DecisionReject ApprovalDecision = "Reject"
)

// Condition types of a Remediation.
const (
	// RemediationConditionApproved tells whether the remediation may act.
	//
	// True: Approved, Automatic. False: Rejected, Expired, Cancelled,
	// FalsePositive, ApproverNotPermitted, RequesterUnknown. Unknown: Pending.
	RemediationConditionApproved = "Approved"
	// RemediationConditionEffective tells whether its effect is in place.
	//
	// True: Verified; UndoFailed when it could not be taken back. False: NotYet,
	// Failed, TimeOut, Forbidden, TargetNotFound, Undone, NotApproved. Unknown:
	// Pending; Forbidden when it can no longer be verified.
	RemediationConditionEffective = "Effective"
)

// RemediationTarget is the object that a remediation acts on.
type RemediationTarget struct {
	// kind is the kind of the object.
	// +required
	// +kubebuilder:validation:Enum=Pod
	Kind EntityKind `json:"kind,omitempty"`
	// namespace is the namespace of the object. What may be done there is
	// decided by the rights of the service account.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`
	// name is the name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`
	// uid is the UID of the object. Where it is given, an object of the same
	// name with another UID is left alone.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// Approval is the decision of one person.
type Approval struct {
	// decision is Approve or Reject.
	// +required
	Decision ApprovalDecision `json:"decision,omitempty"`
	// digest is the status.digest that was approved. An approval of anything else
	// is refused.
	// +required
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MaxLength=71
	Digest string `json:"digest,omitempty"`
	// comment says why.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Comment string `json:"comment,omitempty"`
	// approver is the user who decided. The API server sets it.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Approver string `json:"approver,omitempty"`
	// groups are the groups of the approver when deciding. The API server sets
	// them. With them Tocsin asks again, before it acts, whether the approver may
	// approve.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Groups []string `json:"groups,omitempty"`
	// time is when it was decided. The API server sets it where it can tell.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// UndoRequest asks for a remediation to be taken back.
type UndoRequest struct {
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

// RemediationSpec says what to do to which object. It cannot be changed; it can
// be approved, rejected, cancelled and undone.
// +kubebuilder:validation:XValidation:rule="self.action == oldSelf.action",fieldPath=".action",message="action is immutable"
// +kubebuilder:validation:XValidation:rule="self.target == oldSelf.target",fieldPath=".target",message="target is immutable"
// +kubebuilder:validation:XValidation:rule="self.serviceAccountName == oldSelf.serviceAccountName",fieldPath=".serviceAccountName",message="serviceAccountName is immutable"
// +kubebuilder:validation:XValidation:rule="self.approval == oldSelf.approval",fieldPath=".approval",message="approval is immutable"
// +kubebuilder:validation:XValidation:rule="self.reason == oldSelf.reason",fieldPath=".reason",message="reason is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.ttlSeconds) == has(oldSelf.ttlSeconds) && (!has(self.ttlSeconds) || self.ttlSeconds == oldSelf.ttlSeconds)",fieldPath=".ttlSeconds",message="ttlSeconds is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.incidentName) == has(oldSelf.incidentName) && (!has(self.incidentName) || self.incidentName == oldSelf.incidentName)",fieldPath=".incidentName",message="incidentName is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.investigationName) == has(oldSelf.investigationName) && (!has(self.investigationName) || self.investigationName == oldSelf.investigationName)",fieldPath=".investigationName",message="investigationName is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.requestedBy) == has(oldSelf.requestedBy) && (!has(self.requestedBy) || self.requestedBy == oldSelf.requestedBy)",fieldPath=".requestedBy",message="requestedBy is immutable"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.undo) || (has(self.undo) && self.undo == oldSelf.undo)",message="undo cannot be changed or taken back"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.cancel) || (has(self.cancel) && self.cancel == oldSelf.cancel)",message="cancel cannot be changed or taken back"
// +kubebuilder:validation:XValidation:rule="!has(self.undo) || self.action == 'IsolatePod'",message="undo: only IsolatePod can be undone"
// +kubebuilder:validation:XValidation:rule="!has(self.ttlSeconds) || self.action == 'IsolatePod'",message="ttlSeconds: only IsolatePod can be undone"
type RemediationSpec struct {
	// action is what to do.
	// +required
	Action RemediationAction `json:"action,omitempty"`
	// target is the object to do it to.
	// +required
	Target RemediationTarget `json:"target,omitzero"`
	// incidentName is the incident that it belongs to.
	// +optional
	IncidentName LocalName `json:"incidentName,omitempty"`
	// investigationName is the investigation that proposed it.
	// +optional
	InvestigationName LocalName `json:"investigationName,omitempty"`
	// reason says why it is to be done.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// serviceAccountName is the service account in this namespace that it acts as.
	// Nothing is done with other rights than its own.
	// +required
	ServiceAccountName LocalName `json:"serviceAccountName,omitempty"`
	// approval says whether it waits for a person.
	// +optional
	// +default="Required"
	Approval ApprovalMode `json:"approval,omitempty"`
	// ttlSeconds is how long it holds before it is undone, from a minute to 30
	// days. Left out, it holds until somebody undoes it.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2592000
	TTLSeconds *int32 `json:"ttlSeconds,omitempty"`
	// requestedBy is the user who asked for it. The API server sets it.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	RequestedBy string `json:"requestedBy,omitempty"`
	// approvals are the decisions of people, oldest first; one of each person, 8
	// at most. They can be added to but neither edited nor removed. One approval
	// is enough; one rejection ends it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Approvals []Approval `json:"approvals,omitempty"`
	// cancel ends the remediation before it acts.
	// +optional
	Cancel *CancelRequest `json:"cancel,omitempty"`
	// undo takes the remediation back.
	// +optional
	Undo *UndoRequest `json:"undo,omitempty"`
}

// RemediationEffect is one change that a remediation made.
type RemediationEffect struct {
	// object is what was changed, as "Kind/namespace/name".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Object string `json:"object,omitempty"`
	// change says what was done to it.
	// +required
	// +kubebuilder:validation:Enum=Created;Modified;Deleted
	Change string `json:"change,omitempty"`
	// message says in a sentence what that does, and how it is put back.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// RemediationStatus tells what a remediation did.
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.state) || !(oldSelf.state in ['Failed', 'TimeOut', 'Cancelled', 'Rejected', 'Expired', 'Undone']) || (has(self.state) && self.state == oldSelf.state)",fieldPath=".state",message="state cannot be changed any more: Failed, TimeOut, Cancelled, Rejected, Expired and Undone are final"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.state) || oldSelf.state != 'Succeeded' || (has(self.state) && self.state in ['Succeeded', 'InProgress', 'TimeOut', 'Undone'])",fieldPath=".state",message="after Succeeded, state can only become InProgress, TimeOut or Undone"
type RemediationStatus struct {
	// conditions tell how far the remediation has come. Known types: Approved, Effective.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that the status answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// state is where the remediation stands.
	// +optional
	State RemediationState `json:"state,omitempty"`
	// plan says in words what will be done.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Plan string `json:"plan,omitempty"`
	// digest identifies exactly what will be done. An approval names it.
	// +optional
	// +kubebuilder:validation:MaxLength=71
	Digest string `json:"digest,omitempty"`
	// attempts counts how often it tried to act.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts *int32 `json:"attempts,omitempty"`
	// lastAttemptTime is when it last tried to act or to undo.
	// +optional
	LastAttemptTime *metav1.Time `json:"lastAttemptTime,omitempty"`
	// targetUID is the UID of the object that it acted on. From then on an object of
	// the same name with another UID is left alone.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	TargetUID string `json:"targetUID,omitempty"`
	// undoTime is when it began to undo.
	// +optional
	UndoTime *metav1.Time `json:"undoTime,omitempty"`
	// undoAttempts counts how often it tried to undo.
	// +optional
	// +kubebuilder:validation:Minimum=0
	UndoAttempts *int32 `json:"undoAttempts,omitempty"`
	// effects are the changes that it made.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Effects []RemediationEffect `json:"effects,omitempty"`
	// approvedBy is who let it act.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	ApprovedBy string `json:"approvedBy,omitempty"`
	// startTime is when it was first seen.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// actionTime is when it began to act, or to act again because somebody else
	// took its effect away.
	// +optional
	ActionTime *metav1.Time `json:"actionTime,omitempty"`
	// completionTime is when its effect was verified, or when it ended without one.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
}

// Remediation contains a threat: it is proposed, approved, carried out,
// verified, and can be undone.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rem,categories=tocsin
// +kubebuilder:printcolumn:name="Action",type=string,JSONPath=`.spec.action`
// +kubebuilder:printcolumn:name="Target Namespace",type=string,JSONPath=`.spec.target.namespace`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.spec.target.name`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Approval",type=string,JSONPath=`.spec.approval`
// +kubebuilder:printcolumn:name="Approved By",type=string,JSONPath=`.status.approvedBy`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Incident",type=string,JSONPath=`.spec.incidentName`,priority=1
// +kubebuilder:printcolumn:name="Requested By",type=string,JSONPath=`.spec.requestedBy`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Effective")].message`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.action`
// +kubebuilder:selectablefield:JSONPath=`.spec.approval`
// +kubebuilder:selectablefield:JSONPath=`.spec.incidentName`
// +kubebuilder:selectablefield:JSONPath=`.spec.investigationName`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
type Remediation struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what to do to which object.
	// +required
	Spec RemediationSpec `json:"spec,omitzero"`
	// status tells what it did.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Approved", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Effective", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status RemediationStatus `json:"status,omitzero"`
}

// RemediationList is a list of remediations.
// +kubebuilder:object:root=true
type RemediationList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Remediation `json:"items"`
}
