package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// InvestigationConditionCompleted tells whether the investigation has ended.
//
// True: Benign, SuccessfullyRemediated, PartiallyRemediated,
// PartiallyInvestigated, Failed, TerminatedByUser, TerminatedBySystem.
// False: Queued, Running, PendingApproval. Unknown: Pending.
const InvestigationConditionCompleted = "Completed"

// InvestigationSpec says what is investigated. It cannot be changed, but for
// its cancellation.
// +kubebuilder:validation:XValidation:rule="self.incidentName == oldSelf.incidentName",fieldPath=".incidentName",message="incidentName is immutable"
// +kubebuilder:validation:XValidation:rule="self.playbookName == oldSelf.playbookName",fieldPath=".playbookName",message="playbookName is immutable"
// +kubebuilder:validation:XValidation:rule="has(self.alertName) == has(oldSelf.alertName) && (!has(self.alertName) || self.alertName == oldSelf.alertName)",fieldPath=".alertName",message="alertName is immutable"
// +kubebuilder:validation:XValidation:rule="self.entities == oldSelf.entities",fieldPath=".entities",message="entities is immutable"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.cancel) || has(self.cancel)",message="a cancellation cannot be taken back"
type InvestigationSpec struct {
	// incidentName is the incident that is investigated.
	// +required
	IncidentName LocalName `json:"incidentName,omitempty"`
	// playbookName is the playbook that says how.
	// +required
	PlaybookName LocalName `json:"playbookName,omitempty"`
	// alertName is the alert that started it; absent when a person did.
	// +optional
	AlertName LocalName `json:"alertName,omitempty"`
	// entities are what is examined.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Entities []Entity `json:"entities,omitempty"`
	// cancel ends the investigation; its Jobs are stopped.
	// +optional
	Cancel *CancelRequest `json:"cancel,omitempty"`
}

// CancelRequest asks for something to be ended early.
type CancelRequest struct {
	// reason says why.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}

// StepState is where a step stands.
// +kubebuilder:validation:Enum=Queued;Running;Succeeded;Failed;TimedOut;Cancelled
type StepState string

const (
	// StepQueued has not started.
	StepQueued StepState = "Queued"
	// StepRunning has a Job.
	StepRunning StepState = "Running"
	// StepSucceeded gave its verdicts.
	StepSucceeded StepState = "Succeeded"
	// StepFailed broke; the message says how.
	StepFailed StepState = "Failed"
	// StepTimedOut took longer than it may.
	StepTimedOut StepState = "TimedOut"
	// StepCancelled was ended by a person.
	StepCancelled StepState = "Cancelled"
)

// InvestigationStep is one step as it was when the investigation started, and
// what came of it.
type InvestigationStep struct {
	// name is the step's name in the playbook.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Name string `json:"name,omitempty"`
	// state is where the step stands.
	// +required
	State StepState `json:"state,omitempty"`
	// jobName is the Job that runs the step.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	JobName string `json:"jobName,omitempty"`
	// attempt counts the Jobs that were started for the step.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempt *int32 `json:"attempt,omitempty"`
	// message says what came of it.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
	// startTime is when the first Job was started.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// completionTime is when the step ended.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// verdicts are what the step found; the worst 32.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Verdicts []EntityVerdict `json:"verdicts,omitempty"`
}

// EntityVerdict is what one step found one entity to be.
type EntityVerdict struct {
	EntityKey `json:",inline"`
	// verdict is the finding.
	// +required
	Verdict Verdict `json:"verdict,omitempty"`
	// reason says in a sentence why.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`
	// uid is the UID of the object that was examined, where it is one of the cluster's.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// InvestigationPlan is the playbook as it was when the investigation started.
// Later changes of the playbook do not touch it.
type InvestigationPlan struct {
	// playbookGeneration is the generation of the playbook.
	// +required
	// +kubebuilder:validation:Minimum=0
	PlaybookGeneration *int64 `json:"playbookGeneration,omitempty"`
	// automation is the playbook's automation level.
	// +required
	Automation AutomationLevel `json:"automation,omitempty"`
	// mode is the playbook's mode.
	// +required
	Mode PlaybookMode `json:"mode,omitempty"`
	// serviceAccountName is who the steps run as.
	// +required
	ServiceAccountName LocalName `json:"serviceAccountName,omitempty"`
	// steps are the playbook's steps.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Steps []PlaybookStep `json:"steps,omitempty"`
	// responses are the playbook's responses.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Responses []PlaybookResponse `json:"responses,omitempty"`
}

// InvestigationStatus tells what an investigation did and found.
type InvestigationStatus struct {
	// conditions tell how far the investigation has come. Known types: Completed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that the status answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// state is where the investigation stands.
	// +optional
	State InvestigationState `json:"state,omitempty"`
	// plan is the playbook as it was when the investigation started.
	// +optional
	Plan *InvestigationPlan `json:"plan,omitempty"`
	// startTime is when the investigation started.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// completionTime is when it ended.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// steps tell what came of each step.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Steps []InvestigationStep `json:"steps,omitempty"`
	// evidence is the worst verdict for each entity, worst first; 64 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Evidence []EntityVerdict `json:"evidence,omitempty"`
	// remediations are the names of the remediations that came of it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Remediations []LocalName `json:"remediations,omitempty"`
	// pendingApprovals counts the remediations that wait for a person; absent
	// until it is decided which remediations follow from the evidence.
	// +optional
	// +kubebuilder:validation:Minimum=0
	PendingApprovals *int32 `json:"pendingApprovals,omitempty"`
}

// Investigation examines the entities of an alert as a playbook says, gives
// each a verdict, and proposes remediations.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=inv,categories=tocsin
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Incident",type=string,JSONPath=`.spec.incidentName`
// +kubebuilder:printcolumn:name="Playbook",type=string,JSONPath=`.spec.playbookName`
// +kubebuilder:printcolumn:name="Pending Approvals",type=integer,JSONPath=`.status.pendingApprovals`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Alert",type=string,JSONPath=`.spec.alertName`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Completed")].message`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.incidentName`
// +kubebuilder:selectablefield:JSONPath=`.spec.playbookName`
// +kubebuilder:selectablefield:JSONPath=`.spec.alertName`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
type Investigation struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what is investigated.
	// +required
	Spec InvestigationSpec `json:"spec,omitzero"`
	// status tells what it did and found.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Completed", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status InvestigationStatus `json:"status,omitzero"`
}

// InvestigationList is a list of investigations.
// +kubebuilder:object:root=true
type InvestigationList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Investigation `json:"items"`
}
