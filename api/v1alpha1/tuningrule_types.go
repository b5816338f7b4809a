package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TuningAction is what a tuning rule does with the alerts that it matches.
// +kubebuilder:validation:Enum=Hide;Resolve;Rescore
type TuningAction string

const (
	// TuningHide keeps the alert, and counts its events, but puts it into no
	// incident: nobody is bothered by it.
	TuningHide TuningAction = "Hide"
	// TuningResolve resolves the alert from the start; it belongs to an incident
	// like every other.
	TuningResolve TuningAction = "Resolve"
	// TuningRescore gives the alert another severity.
	TuningRescore TuningAction = "Rescore"
)

// TuningMode says whether a tuning rule acts.
// +kubebuilder:validation:Enum=Enforce;Monitor
type TuningMode string

const (
	// TuningEnforce acts on the alerts that match.
	TuningEnforce TuningMode = "Enforce"
	// TuningMonitor only counts the alerts that match.
	TuningMonitor TuningMode = "Monitor"
)

// HiddenAlertPolicy says what becomes of hidden alerts whose rule hides them no longer.
// +kubebuilder:validation:Enum=Keep;Release
type HiddenAlertPolicy string

const (
	// HiddenAlertsKeep leaves them hidden.
	HiddenAlertsKeep HiddenAlertPolicy = "Keep"
	// HiddenAlertsRelease correlates them as if they were new.
	HiddenAlertsRelease HiddenAlertPolicy = "Release"
)

// Condition types of a TuningRule.
const (
	// TuningRuleConditionReady tells whether the rule is in force.
	//
	// True: Enforced, Monitored. False: Invalid (the message names the field; the
	// rule matches nothing until it is corrected), Suspended, Expired, TooMany (only
	// the 256 oldest rules of a namespace are looked at).
	// Unknown: Pending.
	TuningRuleConditionReady = "Ready"
	// TuningRuleConditionExpiring warns that the rule is soon in force no longer.
	//
	// True: ExpiresSoon (within seven days), Expired. False: NotSoon, Never.
	// Unknown: Pending.
	TuningRuleConditionExpiring = "Expiring"
)

// TuningMatch says which alerts are meant. What is given must all hold.
// +kubebuilder:validation:XValidation:rule="has(self.alertSources) || has(self.rules) || has(self.expression)",message="give at least one of alertSources, rules and expression: a rule for everything would tune every alert"
type TuningMatch struct {
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
	// expression is a CEL expression that is true for the alerts meant. It sees
	// "alert" with service, detection, rule, alertSource, title, severity, tactics,
	// techniques, and entities, each with kind, name, namespace, role and category,
	// such as alert.entities.exists(e, e.namespace == 'staging'). An alert on which
	// it fails is not meant. One that does not look at the alert is refused.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Expression string `json:"expression,omitempty"`
}

// TuningRuleSpec says what is done with some new alerts.
// +kubebuilder:validation:XValidation:rule="has(self.severity) == (self.action == 'Rescore')",fieldPath=".severity",message="severity goes with action Rescore, which needs it"
// +kubebuilder:validation:XValidation:rule="!has(self.hiddenAlerts) || self.action == 'Hide'",fieldPath=".hiddenAlerts",message="hiddenAlerts goes with action Hide only"
type TuningRuleSpec struct {
	// match says which alerts are meant.
	// +required
	Match TuningMatch `json:"match,omitzero"`
	// action is what is done with them: Hide, Resolve or Rescore. Where several
	// rules match an alert one acts: one that hides before one that resolves before
	// one that rescores, and the first by name among these.
	// +required
	Action TuningAction `json:"action,omitempty"`
	// severity is what action Rescore gives to an alert.
	// +optional
	Severity Severity `json:"severity,omitempty"`
	// reason says why, for those who review the rule later.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// expiresAt is when the rule ends to act. Left out, it never does. A warning
	// comes seven days before.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
	// mode says whether the rule acts, or only counts what it would act on.
	// +optional
	// +default="Enforce"
	Mode TuningMode `json:"mode,omitempty"`
	// suspend takes the rule out of force without deleting it.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// hiddenAlerts says what becomes of the alerts that the rule has hidden once it
	// hides them no longer, because it was changed, suspended or deleted, or has
	// expired: Keep (the default) leaves them hidden, Release correlates them as if
	// they were new. With Release a deleted rule goes when that is done, after a few
	// seconds, and one that is not valid releases nothing until it is corrected or
	// deleted. With action Hide only.
	// +optional
	HiddenAlerts HiddenAlertPolicy `json:"hiddenAlerts,omitempty"`
}

// TuningRuleMatches count what a rule has matched, among the alerts that there are.
type TuningRuleMatches struct {
	// alerts counts the alerts.
	// +required
	// +kubebuilder:validation:Minimum=0
	Alerts *int64 `json:"alerts,omitempty"`
	// occurrences counts the events folded into them.
	// +required
	// +kubebuilder:validation:Minimum=0
	Occurrences *int64 `json:"occurrences,omitempty"`
	// released counts the alerts that were hidden and released.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Released *int64 `json:"released,omitempty"`
}

// TuningRuleStatus tells what a rule does.
type TuningRuleStatus struct {
	// conditions tell whether the rule is in force. Known types: Ready, Expiring.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that the status answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// matches count what the rule has matched.
	// +optional
	Matches *TuningRuleMatches `json:"matches,omitempty"`
	// lastMatchTime is when the newest event happened of an alert that the rule
	// matched; absent while there is none.
	// +optional
	LastMatchTime *metav1.MicroTime `json:"lastMatchTime,omitempty"`
}

// TuningRule hides, resolves or rescores alerts of its namespace that are known
// to mean nothing, or less, or more. It acts on an alert when that is created,
// and not on those that there are already.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tune,categories=tocsin
// +kubebuilder:printcolumn:name="Action",type=string,JSONPath=`.spec.action`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Alerts",type=integer,JSONPath=`.status.matches.alerts`
// +kubebuilder:printcolumn:name="Events",type=integer,JSONPath=`.status.matches.occurrences`
// +kubebuilder:printcolumn:name="Last Match",type=date,JSONPath=`.status.lastMatchTime`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.spec.expiresAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.spec.reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.action`
// +kubebuilder:selectablefield:JSONPath=`.spec.mode`
type TuningRule struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which alerts are tuned, and how.
	// +required
	Spec TuningRuleSpec `json:"spec,omitzero"`
	// status tells what the rule does.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Expiring", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status TuningRuleStatus `json:"status,omitzero"`
}

// TuningRuleList is a list of tuning rules.
// +kubebuilder:object:root=true
type TuningRuleList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TuningRule `json:"items"`
}
