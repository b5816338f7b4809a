package v1alpha1

// EntityKind is the kind of an asset or of a piece of evidence.
// +kubebuilder:validation:Enum=Pod;Workload;Container;Image;Node;Namespace;ServiceAccount;Secret;Cluster;User;Device;Mailbox;Process;File;IP;DomainName;URL;MailMessage;CloudResource
type EntityKind string

// EntityRole is the part that an entity plays in an alert.
// +kubebuilder:validation:Enum=Unknown;Contextual;Scanned;Source;Destination;Created;Added;Compromised;Edited;Attacked;Attacker;CommandAndControl;Loaded;Suspicious;PolicyViolator
type EntityRole string

// EntityCategory says whether an entity was hit or only speaks of the hit.
// +kubebuilder:validation:Enum=ImpactedAsset;RelatedEvidence
type EntityCategory string

const (
	// EntityImpactedAsset is something that was hit: a pod, a user, a device.
	EntityImpactedAsset EntityCategory = "ImpactedAsset"
	// EntityRelatedEvidence speaks of the hit: an address, a file, a process.
	EntityRelatedEvidence EntityCategory = "RelatedEvidence"
)

// EntityKey names an entity the same way whichever detector speaks of it.
type EntityKey struct {
	// kind is the kind of the entity.
	// +required
	Kind EntityKind `json:"kind,omitempty"`
	// name is the canonical name: "namespace/name" for a Pod, ServiceAccount or
	// Secret, "namespace/kind/name" for a Workload, the first twelve digits of a
	// Container's id, an address, a path, ...; 512 characters at most.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Name string `json:"name,omitempty"`
}

// Entity is an asset or a piece of evidence that an alert speaks of.
type Entity struct {
	EntityKey `json:",inline"`
	// role is the part it plays; Unknown where the detector does not say.
	// +optional
	// +default="Unknown"
	Role EntityRole `json:"role,omitempty"`
	// category says whether it was hit or only speaks of the hit.
	// +optional
	// +default="RelatedEvidence"
	Category EntityCategory `json:"category,omitempty"`
}

// Verdict is what an investigation found an entity to be.
// +kubebuilder:validation:Enum=Unknown;NoThreatsFound;Suspicious;Malicious
type Verdict string

const (
	// VerdictUnknown means that nothing was found out.
	VerdictUnknown Verdict = "Unknown"
	// VerdictNoThreatsFound means that it was examined and is clean.
	VerdictNoThreatsFound Verdict = "NoThreatsFound"
	// VerdictSuspicious may be part of the attack; a person decides.
	VerdictSuspicious Verdict = "Suspicious"
	// VerdictMalicious is part of the attack.
	VerdictMalicious Verdict = "Malicious"
)

// EvidenceRemediationStatus is how far the answer to a piece of evidence has come.
// +kubebuilder:validation:Enum=None;Active;PendingApproval;Running;Remediated;PartiallyRemediated;Prevented;Blocked;Declined;Unremediated;NotFound
type EvidenceRemediationStatus string

// Evidence is what is known of one entity.
type Evidence struct {
	EntityKey `json:",inline"`
	// verdict is the worst that an investigation found.
	// +required
	Verdict Verdict `json:"verdict,omitempty"`
	// remediationStatus is how far the answer to it has come.
	// +optional
	RemediationStatus EvidenceRemediationStatus `json:"remediationStatus,omitempty"`
	// reason says in a sentence why the verdict was given.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`
	// investigationName is the investigation that gave the verdict.
	// +optional
	InvestigationName LocalName `json:"investigationName,omitempty"`
}
