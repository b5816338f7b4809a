package model

import "cmp"

// EntityKind is the kind of an asset or a piece of evidence.
type EntityKind string

// The kinds of entity.
const (
	KindPod            EntityKind = "Pod"
	KindWorkload       EntityKind = "Workload"
	KindContainer      EntityKind = "Container"
	KindImage          EntityKind = "Image"
	KindNode           EntityKind = "Node"
	KindNamespace      EntityKind = "Namespace"
	KindServiceAccount EntityKind = "ServiceAccount"
	KindSecret         EntityKind = "Secret"
	KindCluster        EntityKind = "Cluster"
	KindUser           EntityKind = "User"
	KindDevice         EntityKind = "Device"
	KindMailbox        EntityKind = "Mailbox"
	KindProcess        EntityKind = "Process"
	KindFile           EntityKind = "File"
	KindIP             EntityKind = "IP"
	KindDomainName     EntityKind = "DomainName"
	KindURL            EntityKind = "URL"
	KindMailMessage    EntityKind = "MailMessage"
	KindCloudResource  EntityKind = "CloudResource"
)

// Role is the part that an entity plays in an alert.
type Role string

// The roles of an entity, as Microsoft Graph names them.
const (
	RoleUnknown           Role = "Unknown"
	RoleContextual        Role = "Contextual"
	RoleScanned           Role = "Scanned"
	RoleSource            Role = "Source"
	RoleDestination       Role = "Destination"
	RoleCreated           Role = "Created"
	RoleAdded             Role = "Added"
	RoleCompromised       Role = "Compromised"
	RoleEdited            Role = "Edited"
	RoleAttacked          Role = "Attacked"
	RoleAttacker          Role = "Attacker"
	RoleCommandAndControl Role = "CommandAndControl"
	RoleLoaded            Role = "Loaded"
	RoleSuspicious        Role = "Suspicious"
	RolePolicyViolator    Role = "PolicyViolator"
)

// Category says whether an entity was hit or only speaks of the hit.
type Category string

// An entity is one of the two.
const (
	CategoryAsset    Category = "ImpactedAsset"
	CategoryEvidence Category = "RelatedEvidence"
)

// Key names an entity the same way whichever detector speaks of it.
type Key struct {
	Kind EntityKind
	// Name is canonical for the kind: "namespace/name" for what is namespaced,
	// "namespace/kind/name" for a workload, twelve hexadecimal digits for a
	// container, "sha256:..." or "repository:tag" for an image, an address, ...
	Name string
}

// String returns "Kind/name".
func (k Key) String() string { return string(k.Kind) + "/" + k.Name }

// Compare orders keys by kind, then by name.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Kind, other.Kind), cmp.Compare(k.Name, other.Name))
}

// Entity is an asset or a piece of evidence of an alert.
type Entity struct {
	Key
	Role     Role
	Category Category
}
