package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AlertSourceType is the format that a sender speaks.
// +kubebuilder:validation:Enum=Falco;KubernetesAudit;Alertmanager;Tetragon;KubeArmor;Wazuh;Suricata;MicrosoftGraph;OCSF;GuardDuty;PolicyReport;TrivyOperator;CloudEvents;Generic
type AlertSourceType string

const (
	// AlertSourceFalco takes the JSON of Falco and of Falcosidekick's webhook.
	AlertSourceFalco AlertSourceType = "Falco"
	// AlertSourceKubernetesAudit takes what a kube-apiserver's audit webhook sends.
	AlertSourceKubernetesAudit AlertSourceType = "KubernetesAudit"
	// AlertSourceAlertmanager takes the notifications of Prometheus Alertmanager's
	// webhook (version 4) and of Grafana 9 and later.
	AlertSourceAlertmanager AlertSourceType = "Alertmanager"
	// AlertSourceTetragon takes the lines of Tetragon's export log.
	AlertSourceTetragon AlertSourceType = "Tetragon"
	// AlertSourceKubeArmor takes the alerts of KubeArmor's relay and sidekick.
	AlertSourceKubeArmor AlertSourceType = "KubeArmor"
	// AlertSourceWazuh takes the alerts of Wazuh's integrator.
	AlertSourceWazuh AlertSourceType = "Wazuh"
	// AlertSourceSuricata takes the records of Suricata's EVE log.
	AlertSourceSuricata AlertSourceType = "Suricata"
	// AlertSourceGeneric takes any JSON object or CSV row, as spec.generic says.
	AlertSourceGeneric AlertSourceType = "Generic"
	// AlertSourceMicrosoftGraph takes alerts of Microsoft's security products, as
	// Graph (alerts_v2, incidents) and the REST API of Defender XDR return them.
	AlertSourceMicrosoftGraph AlertSourceType = "MicrosoftGraph"
	// AlertSourceOCSF takes findings in the Open Cybersecurity Schema Framework.
	AlertSourceOCSF AlertSourceType = "OCSF"
	// AlertSourceGuardDuty takes findings of Amazon GuardDuty, and of AWS Security
	// Hub in its own format (ASFF).
	AlertSourceGuardDuty AlertSourceType = "GuardDuty"
	// AlertSourcePolicyReport takes results of policies: reports of wgpolicyk8s.io
	// and openreports.io, and what policy-reporter's webhook sends.
	AlertSourcePolicyReport AlertSourceType = "PolicyReport"
	// AlertSourceTrivyOperator takes the reports of the Trivy operator's webhook.
	AlertSourceTrivyOperator AlertSourceType = "TrivyOperator"
	// AlertSourceCloudEvents takes CloudEvents in structured mode, whose data is
	// read as spec.cloudEvents says.
	AlertSourceCloudEvents AlertSourceType = "CloudEvents"
)

// Condition types of an AlertSource beside Ready, which exist only while true.
const (
	// ConditionThrottled tells that the source sends more than its limits allow.
	ConditionThrottled = "Throttled"
	// ConditionDelayed tells that its events wait long to be stored.
	ConditionDelayed = "Delayed"
	// ConditionFingerprintFailing tells that spec.fingerprint fails on its events.
	ConditionFingerprintFailing = "FingerprintFailing"
)

// SecretKeyReference names one key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name is the name of the Secret.
	// +required
	Name LocalName `json:"name,omitempty"`
	// key is the key within the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// HMACTimestampSeparator stands between the timestamp and the body that are signed.
// +kubebuilder:validation:Enum=Dot;Colon
type HMACTimestampSeparator string

const (
	// HMACTimestampSeparatorDot signs timestamp.body, as most senders do.
	HMACTimestampSeparatorDot HMACTimestampSeparator = "Dot"
	// HMACTimestampSeparatorColon signs timestamp:body, as Grafana does.
	HMACTimestampSeparatorColon HMACTimestampSeparator = "Colon"
)

// BasicAuth is a user name and a password.
type BasicAuth struct {
	// secretName names a Secret, such as one of type kubernetes.io/basic-auth, with
	// the keys username and password. Several passwords, each on a line of its own,
	// are valid at once.
	// +required
	SecretName LocalName `json:"secretName,omitempty"`
}

// HTTPHeaderName is the name of a header of a request; upper and lower case are
// the same.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?$`
type HTTPHeaderName string

// HMACAuth is a signature of each request: HMAC-SHA256 in hexadecimal over the
// body as it was sent, packed if it is packed.
type HMACAuth struct {
	// key holds the key of the signatures: text of at least 16 bytes. Several keys,
	// each on a line of its own, are valid at once.
	// +required
	Key SecretKeyReference `json:"key,omitzero"`
	// header is the header with the signature.
	// +optional
	// +default="X-Tocsin-Signature"
	Header HTTPHeaderName `json:"header,omitempty"`
	// prefix stands before the signature in its header; "" for none. Letters, digits
	// and - _ . : =
	// +optional
	// +default="sha256="
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[-_.:=A-Za-z0-9]*$`
	Prefix *string `json:"prefix,omitempty"`
	// timestampHeader is the header with the time of the request, in seconds since
	// 1970. With it, timestamp, separator and body are what is signed, and each
	// request is taken once. Without it, who has seen a request can send it again
	// at any time.
	// +optional
	TimestampHeader HTTPHeaderName `json:"timestampHeader,omitempty"`
	// timestampSeparator stands between timestamp and body: Dot or Colon.
	// +optional
	// +default="Dot"
	TimestampSeparator HMACTimestampSeparator `json:"timestampSeparator,omitempty"`
	// toleranceSeconds is how far the timestamp may be from Tocsin's clock, either
	// way; from 30 to 3,600 seconds.
	// +optional
	// +default=300
	// +kubebuilder:validation:Minimum=30
	// +kubebuilder:validation:Maximum=3600
	ToleranceSeconds *int32 `json:"toleranceSeconds,omitempty"`
}

// ClientCertificateAuth is a certificate that the sender shows in the TLS
// handshake. It must be valid for client authentication.
// +kubebuilder:validation:XValidation:rule="has(self.subjects) || has(self.dnsNames)",message="clientCertificate needs subjects or dnsNames: without them every certificate of the CA would be let in"
type ClientCertificateAuth struct {
	// ca holds the certificates, in PEM, of the authorities that sign the senders'.
	// +required
	CA SecretKeyReference `json:"ca,omitzero"`
	// subjects are whole subjects as RFC 2253 writes them, such as
	// CN=falco,O=security; one that is the certificate's lets it in. Prints them:
	// openssl x509 -noout -subject -nameopt RFC2253.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Subjects []string `json:"subjects,omitempty"`
	// dnsNames are DNS names, without wildcards; one that is among the certificate's
	// alternative names lets it in.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
	DNSNames []string `json:"dnsNames,omitempty"`
}

// ServiceAccountTokenAuth is a token of a service account for the audience
// tocsin.dev, in the Authorization header: Bearer TOKEN. Tocsin asks the API server
// about it; an answer may hold for a minute.
type ServiceAccountTokenAuth struct {
	// serviceAccounts are the service accounts of this namespace that are let in.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	ServiceAccounts []LocalName `json:"serviceAccounts,omitempty"`
}

// AlertSourceAuth says how a sender proves who it is, in one way. What is in a
// Secret may change at any time, and is in use 30 seconds later; Tocsin must be
// allowed to read the Secret.
// +kubebuilder:validation:XValidation:rule="[has(self.bearerToken), has(self.basic), has(self.hmac), has(self.clientCertificate), has(self.serviceAccountToken)].filter(given, given).size() == 1",message="auth needs exactly one of bearerToken, basic, hmac, clientCertificate and serviceAccountToken"
type AlertSourceAuth struct {
	// bearerToken is a token that the sender puts into the Authorization header:
	// Bearer TOKEN. Several tokens, with blanks or line feeds between them, are valid
	// at once.
	// +optional
	BearerToken SecretKeyReference `json:"bearerToken,omitzero"`
	// basic is a user name and a password in the Authorization header.
	// +optional
	Basic *BasicAuth `json:"basic,omitempty"`
	// hmac is a signature of each request with a key that both sides know.
	// +optional
	HMAC *HMACAuth `json:"hmac,omitempty"`
	// clientCertificate is a certificate of the sender. The gateway must serve TLS
	// itself, with nothing before it that ends TLS.
	// +optional
	ClientCertificate *ClientCertificateAuth `json:"clientCertificate,omitempty"`
	// serviceAccountToken is a token of a service account of this namespace.
	// +optional
	ServiceAccountToken *ServiceAccountTokenAuth `json:"serviceAccountToken,omitempty"`
}

// BuiltInRules says which of the rules that Tocsin brings along are in use.
// +kubebuilder:validation:Enum=Enabled;All;Disabled
type BuiltInRules string

const (
	// BuiltInRulesEnabled uses those that tell of threats.
	BuiltInRulesEnabled BuiltInRules = "Enabled"
	// BuiltInRulesAll also uses those that tell of every change of interest, such
	// as a new ServiceAccount or a deleted Namespace, as informational alerts.
	BuiltInRulesAll BuiltInRules = "All"
	// BuiltInRulesDisabled leaves them out.
	BuiltInRulesDisabled BuiltInRules = "Disabled"
)

// AuditRule makes an alert of an audit event.
type AuditRule struct {
	// name is unique within the source. A rule with the name of a built-in one
	// replaces it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?$`
	Name string `json:"name,omitempty"`
	// title is the title of the alert.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Title string `json:"title,omitempty"`
	// match is a CEL expression; the rule fires where it is true. It sees "event",
	// an Event of audit.k8s.io/v1; "actor", who did it, with kind (Person,
	// ServiceAccount, Node or Anonymous), namespace, name and infrastructure;
	// "succeeded", whether it was allowed and done; and "inSystemNamespace",
	// whether it touched a namespace of the cluster's own.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Match string `json:"match,omitempty"`
	// severity is the severity of the alert.
	// +optional
	// +default="Medium"
	Severity Severity `json:"severity,omitempty"`
	// recommendedActions says what a responder should do.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	RecommendedActions string `json:"recommendedActions,omitempty"`
	// tactics are the ATT&CK tactics of the alert.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=14
	Tactics []Tactic `json:"tactics,omitempty"`
	// techniques are the ATT&CK techniques of the alert.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Techniques []Technique `json:"techniques,omitempty"`
}

// KubernetesAuditOptions says which audit events become alerts.
type KubernetesAuditOptions struct {
	// builtInRules says which of the rules that Tocsin brings along are in use:
	// Enabled those that tell of threats, All also those that tell of every change
	// of interest, Disabled none.
	// +optional
	// +default="Enabled"
	BuiltInRules BuiltInRules `json:"builtInRules,omitempty"`
	// rules are rules of one's own.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Rules []AuditRule `json:"rules,omitempty"`
}

// Expression is a CEL expression; 4,096 characters at most.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=4096
type Expression string

// GenericEntity makes an entity of a part of an event.
type GenericEntity struct {
	// kind is the kind of the entity.
	// +required
	Kind EntityKind `json:"kind,omitempty"`
	// name gives its name: a string, or a list of strings for several entities. It
	// is brought into the kind's canonical form; where it is empty or does not fit
	// the kind, there is no entity.
	// +required
	Name Expression `json:"name,omitempty"`
	// role is the part it plays.
	// +optional
	// +default="Unknown"
	Role EntityRole `json:"role,omitempty"`
	// category says whether it was hit or only speaks of the hit. Left out, it
	// follows from the kind: addresses, files, processes and the like are evidence.
	// +optional
	Category EntityCategory `json:"category,omitempty"`
}

// GenericOptions say how a JSON object, or a row of CSV with a header, becomes
// an alert. Each expression sees "event", the object; the columns of a row are
// its fields, as strings. An event without a field that an expression looks at is
// rejected; write event.?field where it may be missing. What gives nothing, null
// or an empty string counts as left out.
type GenericOptions struct {
	// events gives the list of events in a record, where the sender wraps several.
	// It sees the record as "event".
	// +optional
	Events Expression `json:"events,omitempty"`
	// when is true for an event that is an alert; others are counted as suppressed.
	// +optional
	When Expression `json:"when,omitempty"`
	// title gives the title: a string, cut after 256 characters.
	// +required
	Title Expression `json:"title,omitempty"`
	// rule gives the name of the rule that fired. Left out, it is the title.
	// +optional
	Rule Expression `json:"rule,omitempty"`
	// service gives the product. Left out, it is the name of the AlertSource.
	// +optional
	Service Expression `json:"service,omitempty"`
	// detection gives the sensor within the product.
	// +optional
	Detection Expression `json:"detection,omitempty"`
	// time gives when it happened: a timestamp, a string in RFC 3339 or another
	// common spelling, or a number of seconds, milliseconds, microseconds or
	// nanoseconds since 1970. Left out, it is the time of receipt.
	// +optional
	Time Expression `json:"time,omitempty"`
	// severity gives the severity: its name in any common spelling, such as High,
	// critical, warning or info. Numbers mean something else to each product:
	// write event.level >= 12 ? 'High' : 'Low'. Left out, or not understood, it is
	// Unknown.
	// +optional
	Severity Expression `json:"severity,omitempty"`
	// description gives the description, cut after 4,096 characters.
	// +optional
	Description Expression `json:"description,omitempty"`
	// recommendedActions gives what a responder should do, cut after 4,096 characters.
	// +optional
	RecommendedActions Expression `json:"recommendedActions,omitempty"`
	// tactics gives a list of ATT&CK tactics; those that are none are left out.
	// +optional
	Tactics Expression `json:"tactics,omitempty"`
	// techniques gives a list of ids or names of ATT&CK techniques; those that are
	// neither are left out.
	// +optional
	Techniques Expression `json:"techniques,omitempty"`
	// fingerprint gives what repetitions of the same signal have in common: a
	// string or a list of strings. Left out, it is the rule and the entities.
	// +optional
	Fingerprint Expression `json:"fingerprint,omitempty"`
	// entities make assets and evidence of the event.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Entities []GenericEntity `json:"entities,omitempty"`
}

// CloudEventsRoute says how the data of events is read.
type CloudEventsRoute struct {
	// type is the type of the events: letters, digits and . - _ : / # @ +; with a *
	// at its end, all types that begin so.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[-._:/#@+A-Za-z0-9]*\*?$`
	Type string `json:"type,omitempty"`
	// format is the format of their data: any type of AlertSource but CloudEvents
	// and Generic.
	// +required
	// +kubebuilder:validation:XValidation:rule="self != 'CloudEvents' && self != 'Generic'",message="format must not be CloudEvents or Generic"
	Format AlertSourceType `json:"format,omitempty"`
}

// CloudEventsOptions say what CloudEvents carry.
type CloudEventsOptions struct {
	// routes give the format of the data by the type of the event; the first that
	// matches counts. After them, falco.rule.output.v1 is read as Falco. Events
	// whose type has no route are counted as suppressed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Routes []CloudEventsRoute `json:"routes,omitempty"`
}

// AlertSourceLimits bound what one source may send.
type AlertSourceLimits struct {
	// maxBodyBytes is the largest body of one request, unpacked; from 1 KiB to 64 MiB.
	// +optional
	// +default=10485760
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=67108864
	MaxBodyBytes *int64 `json:"maxBodyBytes,omitempty"`
	// eventsPerSecond is how many events a second the source may send in the long
	// run, to each replica of the gateway; from 1 to 100,000. A request counts as
	// the events in it that are kept for alerts, and as one if there are none.
	// Requests above it are answered with 503 and the seconds to wait in
	// Retry-After; nothing of them is taken. The default is more than five times
	// the heaviest storm of one detector on record.
	// +optional
	// +default=2000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	EventsPerSecond *int32 `json:"eventsPerSecond,omitempty"`
	// burstEvents is how many events the source may send at once after a quiet
	// time; from 1 to 1,000,000. A request with more events is taken when the
	// burst is whole; those after it wait until it is made up for.
	// +optional
	// +default=20000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	BurstEvents *int32 `json:"burstEvents,omitempty"`
	// rollUp says beyond which numbers of different alerts further ones are rolled
	// up.
	// +optional
	RollUp RollUpLimits `json:"rollUp,omitzero"`
}

// RollUpLimits bound how many alerts a source makes: further ones are rolled up
// into one alert that counts them. What is counted are different alerts that had
// an event within the last hour, by the time of receipt, on each replica of the
// gateway; repetitions are folded into their alert in any case.
type RollUpLimits struct {
	// alertsPerRule is how many different alerts of one severity one rule makes at
	// one place (a workload, a node, a device, or another asset) in an hour; from 1
	// to 10,000. Where an alert names no asset, the rule counts alone.
	// +optional
	// +default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	AlertsPerRule *int32 `json:"alertsPerRule,omitempty"`
	// alerts is how many different alerts the source makes in an hour; from 1 to
	// 50,000. Beyond it further ones are rolled up by rule and place; beyond a fifth
	// as many of those by rule, wherever they are from; and beyond 100 rules into one
	// alert. Half of them are kept for rules that have made fewer than alertsPerRule.
	// +optional
	// +default=5000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=50000
	Alerts *int32 `json:"alerts,omitempty"`
	// rules are other limits for single rules, instead of alertsPerRule.
	// +optional
	// +listType=map
	// +listMapKey=rule
	// +kubebuilder:validation:MaxItems=100
	Rules []RuleLimit `json:"rules,omitempty"`
}

// RuleLimit is the limit of one rule.
type RuleLimit struct {
	// rule is the name of the rule.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Rule string `json:"rule,omitempty"`
	// alerts is how many different alerts of one severity it makes at one place in
	// an hour; from 1 to 10,000.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Alerts *int32 `json:"alerts,omitempty"`
}

// AlertSourceWatch says which reports in the cluster become alerts, one for each
// workload and kind of report. An alert ends when its finding is gone; where the
// severity or the number of the worst findings changes, another one follows it.
type AlertSourceWatch struct {
	// serviceAccountName is the service account of this namespace as which reports
	// are listed and watched: what it may not see becomes no alert.
	// +required
	ServiceAccountName LocalName `json:"serviceAccountName,omitempty"`
	// namespaces are the namespaces whose reports are watched. Left out, all are,
	// and the reports that belong to no namespace.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Namespaces []LocalName `json:"namespaces,omitempty"`
	// minimumSeverity is the least severity of a finding that becomes an alert.
	// +optional
	// +default="Medium"
	MinimumSeverity Severity `json:"minimumSeverity,omitempty"`
	// goneAfterSeconds is how long a report must be away until what it found counts
	// as gone, as scanners delete reports and write them anew; from 60 to 86,400
	// seconds. What a report no longer says is gone at once.
	// +optional
	// +default=600
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=86400
	GoneAfterSeconds *int32 `json:"goneAfterSeconds,omitempty"`
}

// AlertSourceSpec declares who may send alerts, and how they are read.
// +kubebuilder:validation:XValidation:rule="has(self.auth) != has(self.watch)",message="exactly one of auth and watch is needed: alerts are sent by somebody, or found in the cluster"
// +kubebuilder:validation:XValidation:rule="!has(self.watch) || self.type == 'PolicyReport' || self.type == 'TrivyOperator'",message="watch goes with the types PolicyReport and TrivyOperator only"
// +kubebuilder:validation:XValidation:rule="has(self.watch) == has(oldSelf.watch)",message="watch cannot be added or removed: make another AlertSource"
// +kubebuilder:validation:XValidation:rule="!has(self.kubernetesAudit) || self.type == 'KubernetesAudit'",message="kubernetesAudit goes with type KubernetesAudit only"
// +kubebuilder:validation:XValidation:rule="has(self.generic) == (self.type == 'Generic')",message="generic goes with type Generic, which needs it"
// +kubebuilder:validation:XValidation:rule="!has(self.cloudEvents) || self.type == 'CloudEvents'",message="cloudEvents goes with type CloudEvents only"
// +kubebuilder:validation:XValidation:rule="!has(self.fingerprint) || !has(self.generic) || !has(self.generic.fingerprint)",fieldPath=".fingerprint",message="fingerprint does not go with generic.fingerprint: give one of both"
// +kubebuilder:validation:XValidation:rule="!has(self.fingerprint) || !has(self.watch)",fieldPath=".fingerprint",message="fingerprint does not go with watch: reports are folded by workload"
// +kubebuilder:validation:XValidation:rule="!has(self.auth) || !has(self.auth.serviceAccountToken) || self.type != 'KubernetesAudit'",message="auth.serviceAccountToken does not go with type KubernetesAudit: each check of a token is an audit event of its own"
type AlertSourceSpec struct {
	// type is the format that the sender speaks. It cannot be changed.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="type is immutable"
	Type AlertSourceType `json:"type,omitempty"`
	// auth says how the sender proves who it is. It or watch is needed.
	// +optional
	Auth AlertSourceAuth `json:"auth,omitzero"`
	// watch makes alerts of the reports that are in the cluster, instead of what is
	// sent. For the types PolicyReport and TrivyOperator. It can be changed, but not
	// added or removed.
	// +optional
	Watch *AlertSourceWatch `json:"watch,omitempty"`
	// cluster is the name of the cluster that the alerts are about; events
	// seldom say it themselves.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Cluster string `json:"cluster,omitempty"`
	// kubernetesAudit says which audit events become alerts. For type KubernetesAudit.
	// +optional
	KubernetesAudit *KubernetesAuditOptions `json:"kubernetesAudit,omitempty"`
	// generic says how events become alerts. For type Generic.
	// +optional
	Generic *GenericOptions `json:"generic,omitempty"`
	// cloudEvents says what the events carry. For type CloudEvents.
	// +optional
	CloudEvents *CloudEventsOptions `json:"cloudEvents,omitempty"`
	// fingerprint is a CEL expression that gives what repetitions of the same signal
	// have in common, a string or a list of strings, instead of what the format takes
	// for it. It sees "alert", as an opt-out does, and "event", the event as it came (of
	// a CloudEvent its data). Where it gives nothing, or fails, the format's own holds.
	// That it failed is told by the condition FingerprintFailing, and counted by
	// tocsin_drain_fingerprint_failures_total.
	// +optional
	Fingerprint Expression `json:"fingerprint,omitempty"`
	// correlation says whether alerts of this source may join others in an
	// incident. It is fixed on an alert at creation.
	// +optional
	// +default="Enabled"
	Correlation CorrelationMode `json:"correlation,omitempty"`
	// limits bound what the source may send.
	// +optional
	Limits AlertSourceLimits `json:"limits,omitzero"`
	// suspend makes the gateway refuse what the source sends. Reports are not
	// watched meanwhile, and their alerts stay as they are.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
}

// AlertSourceTotals count events once they are stored: received is the sum of the
// others. They are written every few seconds, each namespace's in the order in which
// the events came: while the next occurrences of one Alert wait, which can be up to
// a minute, the totals of all sources of its namespace stand still, for up to about
// 65 seconds; longer while the API server does not take what is to be stored.
type AlertSourceTotals struct {
	// received counts the events that were acknowledged and then stored.
	// +required
	// +kubebuilder:validation:Minimum=0
	Received *int64 `json:"received,omitempty"`
	// accepted counts those that made a new alert.
	// +required
	// +kubebuilder:validation:Minimum=0
	Accepted *int64 `json:"accepted,omitempty"`
	// deduplicated counts those that were folded into an alert that existed.
	// +required
	// +kubebuilder:validation:Minimum=0
	Deduplicated *int64 `json:"deduplicated,omitempty"`
	// rolledUp counts those that went into a rolled-up alert that existed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	RolledUp *int64 `json:"rolledUp,omitempty"`
	// suppressed counts those that are no alert: health reports, telemetry,
	// audit events that no rule matched, and notices that a signal is over; and
	// those in alerts that a tuning rule hides.
	// +required
	// +kubebuilder:validation:Minimum=0
	Suppressed *int64 `json:"suppressed,omitempty"`
	// rejected counts those that could not be kept.
	// +required
	// +kubebuilder:validation:Minimum=0
	Rejected *int64 `json:"rejected,omitempty"`
}

// SpoolTotals are the totals that came through one spool, and how far it has come.
type SpoolTotals struct {
	SpoolPosition     `json:",inline"`
	AlertSourceTotals `json:",inline"`
}

// AlertSourceStatus tells what a source has sent.
type AlertSourceStatus struct {
	// conditions tell whether the source is in use. Known types: Ready. True: Valid,
	// Watching. False: Suspended, Invalid, SecretNotFound, SecretForbidden,
	// SecretInvalid, GatewayWithoutTLS; with watch also ReportsForbidden,
	// ReportsNotServed, ReportsUnreadable, TooManyFindings. Unknown: Pending.
	// Throttled, only while True: EventRate, it
	// sent more than spec.limits allow in the last five minutes. Delayed, only
	// while True: Backlog, its events waited long to be stored, or its namespace
	// had few bytes left for events that wait, in the last five minutes.
	// FingerprintFailing, only while True: EvaluationError, spec.fingerprint failed
	// on an event in the last five minutes.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that the status answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// endpoint is the path that the sender posts to; empty with watch.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Endpoint string `json:"endpoint,omitempty"`
	// totals count events since the source was created.
	// +optional
	Totals *AlertSourceTotals `json:"totals,omitempty"`
	// throttledTime is when the gateway last refused events because of
	// spec.limits.eventsPerSecond, to the minute, on any replica.
	// +optional
	ThrottledTime *metav1.Time `json:"throttledTime,omitempty"`
	// delayedTime is when events of the source were last seen to wait for more than
	// two minutes, or the events of its namespace to use more than four fifths of
	// the bytes that they may, to the minute, on any replica.
	// +optional
	DelayedTime *metav1.Time `json:"delayedTime,omitempty"`
	// fingerprintFailedTime is when spec.fingerprint last failed on an event, to the
	// minute, on any replica.
	// +optional
	FingerprintFailedTime *metav1.Time `json:"fingerprintFailedTime,omitempty"`
	// spools are the same totals for each spool; the newest 16, older ones are
	// added up under the name "retired".
	// +optional
	// +listType=map
	// +listMapKey=spool
	// +kubebuilder:validation:MaxItems=17
	Spools []SpoolTotals `json:"spools,omitempty"`
}

// AlertSource lets one detector send its alerts to this namespace.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=asrc,categories=tocsin
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Received",type=integer,JSONPath=`.status.totals.received`
// +kubebuilder:printcolumn:name="Accepted",type=integer,JSONPath=`.status.totals.accepted`
// +kubebuilder:printcolumn:name="Deduplicated",type=integer,JSONPath=`.status.totals.deduplicated`
// +kubebuilder:printcolumn:name="Rolled Up",type=integer,JSONPath=`.status.totals.rolledUp`,priority=1
// +kubebuilder:printcolumn:name="Rejected",type=integer,JSONPath=`.status.totals.rejected`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.status.endpoint`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.type`
type AlertSource struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec declares who may send alerts, and how they are read.
	// +required
	Spec AlertSourceSpec `json:"spec,omitzero"`
	// status tells what the source has sent.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status AlertSourceStatus `json:"status,omitzero"`
}

// AlertSourceList is a list of alert sources.
// +kubebuilder:object:root=true
type AlertSourceList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AlertSource `json:"items"`
}
