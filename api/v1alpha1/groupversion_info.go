// Package v1alpha1 holds the Tocsin API: alerts, the incidents that they tell,
// their investigation and their remediation.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="applyconfiguration"
// +groupName=tocsin.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of these types.
var GroupVersion = schema.GroupVersion{Group: "tocsin.dev", Version: "v1alpha1"}

// SchemeGroupVersion is GroupVersion under the name that generated code expects.
var SchemeGroupVersion = GroupVersion

var schemeBuilder = runtime.NewSchemeBuilder(func(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Alert{}, &AlertList{},
		&AlertSource{}, &AlertSourceList{},
		&CorrelationPolicy{}, &CorrelationPolicyList{},
		&TuningRule{}, &TuningRuleList{},
		&Incident{}, &IncidentList{},
		&Investigation{}, &InvestigationList{},
		&Playbook{}, &PlaybookList{},
		&Remediation{}, &RemediationList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
})

// AddToScheme registers the types with a scheme.
var AddToScheme = schemeBuilder.AddToScheme
