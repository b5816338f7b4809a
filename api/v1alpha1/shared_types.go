package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Severity says how much something puts the organisation at risk.
// +kubebuilder:validation:Enum=Unknown;Informational;Low;Medium;High
type Severity string

const (
	// SeverityUnknown means that the detector did not say.
	SeverityUnknown Severity = "Unknown"
	// SeverityInformational is not harmful in itself; worth knowing.
	SeverityInformational Severity = "Informational"
	// SeverityLow is prevalent malware or hack tools.
	SeverityLow Severity = "Low"
	// SeverityMedium is behaviour after a breach that may be a targeted attack.
	SeverityMedium Severity = "Medium"
	// SeverityHigh is a targeted attack, credential theft, ransomware or tampering with sensors.
	SeverityHigh Severity = "High"
)

// Tactic is an ATT&CK enterprise tactic.
// +kubebuilder:validation:Enum=Reconnaissance;ResourceDevelopment;InitialAccess;Execution;Persistence;PrivilegeEscalation;DefenseEvasion;CredentialAccess;Discovery;LateralMovement;Collection;CommandAndControl;Exfiltration;Impact
type Tactic string

// Technique is the id of an ATT&CK technique, with its sub-technique after a dot.
// +kubebuilder:validation:Pattern=`^T[0-9]{4}(\.[0-9]{3})?$`
// +kubebuilder:validation:MaxLength=9
type Technique string

// Classification is what people found an alert or an incident to be.
// +kubebuilder:validation:Enum=TruePositive;InformationalExpectedActivity;FalsePositive
type Classification string

const (
	// ClassificationTruePositive is a real attack.
	ClassificationTruePositive Classification = "TruePositive"
	// ClassificationInformationalExpectedActivity is real but meant, such as a security test.
	ClassificationInformationalExpectedActivity Classification = "InformationalExpectedActivity"
	// ClassificationFalsePositive is no attack.
	ClassificationFalsePositive Classification = "FalsePositive"
)

// Determination says more closely what was found. Which ones are allowed
// depends on the classification.
// +kubebuilder:validation:Enum=MultiStagedAttack;MaliciousUserActivity;CompromisedAccount;Malware;Phishing;UnwantedSoftware;SecurityTesting;LineOfBusinessApplication;ConfirmedActivity;NotMalicious;NotEnoughDataToValidate;Other
type Determination string

const (
	// DeterminationMultiStagedAttack goes with TruePositive.
	DeterminationMultiStagedAttack Determination = "MultiStagedAttack"
	// DeterminationMaliciousUserActivity goes with TruePositive.
	DeterminationMaliciousUserActivity Determination = "MaliciousUserActivity"
	// DeterminationCompromisedAccount goes with TruePositive.
	DeterminationCompromisedAccount Determination = "CompromisedAccount"
	// DeterminationMalware goes with TruePositive.
	DeterminationMalware Determination = "Malware"
	// DeterminationPhishing goes with TruePositive.
	DeterminationPhishing Determination = "Phishing"
	// DeterminationUnwantedSoftware goes with TruePositive.
	DeterminationUnwantedSoftware Determination = "UnwantedSoftware"
	// DeterminationSecurityTesting goes with InformationalExpectedActivity.
	DeterminationSecurityTesting Determination = "SecurityTesting"
	// DeterminationLineOfBusinessApplication goes with InformationalExpectedActivity.
	DeterminationLineOfBusinessApplication Determination = "LineOfBusinessApplication"
	// DeterminationConfirmedActivity goes with InformationalExpectedActivity.
	DeterminationConfirmedActivity Determination = "ConfirmedActivity"
	// DeterminationNotMalicious goes with FalsePositive.
	DeterminationNotMalicious Determination = "NotMalicious"
	// DeterminationNotEnoughDataToValidate goes with FalsePositive.
	DeterminationNotEnoughDataToValidate Determination = "NotEnoughDataToValidate"
	// DeterminationOther goes with every classification.
	DeterminationOther Determination = "Other"
)

// Comment is a remark of a person. Comments are only ever added: the API
// server writes who said it, and refuses edits and deletions.
type Comment struct {
	// text is the remark; 8,192 characters at most.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	Text string `json:"text,omitempty"`
	// author is the user who added the comment. The API server sets it.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Author string `json:"author,omitempty"`
	// time is when the comment was added. The API server sets it where it can
	// tell.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// SpoolPosition says up to which spooled event a count has come, so that a
// repeated attempt is recognised and nothing is counted twice.
type SpoolPosition struct {
	// spool is the id of the spool that the event was read from.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Spool string `json:"spool,omitempty"`
	// position is the place of the newest event that is counted here. It only grows.
	// +required
	// +kubebuilder:validation:Minimum=0
	Position *int64 `json:"position,omitempty"`
}

// LocalName is the name of an object in the same namespace.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
type LocalName string
