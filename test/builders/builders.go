// Package builders makes valid objects for tests. Each builder returns the
// smallest object that the API server takes; a test changes what it is about.
//
//	builders.Remediation("soc", "isolate-web", func(r *v1alpha1.Remediation) {
//		r.Spec.Approval = v1alpha1.ApprovalAutomatic
//	})
package builders

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// Digest is a well-formed digest of a remediation's plan, OtherDigest another one.
const (
	Digest      = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	OtherDigest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// Time is a fixed moment, in whole seconds as the API keeps them.
var Time = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// Alert returns an alert of Falco about a shell in a pod.
func Alert(namespace, name string, mutate ...func(*v1alpha1.Alert)) *v1alpha1.Alert {
	return build(&v1alpha1.Alert{
		TypeMeta:   typeMeta("Alert"),
		ObjectMeta: objectMeta(namespace, name),
		Spec: v1alpha1.AlertSpec{
			Source:            v1alpha1.AlertOrigin{Service: "falco", Rule: "Terminal shell in container"},
			Title:             "A shell was opened in a container",
			Severity:          v1alpha1.SeverityMedium,
			FirstActivityTime: metav1.NewMicroTime(Time),
			LastActivityTime:  metav1.NewMicroTime(Time),
			Fingerprint:       "terminal-shell/web-0",
			Entities:          []v1alpha1.Entity{PodEntity()},
		},
	}, mutate)
}

// Incident returns an incident about which nobody has said anything yet.
func Incident(namespace, name string, mutate ...func(*v1alpha1.Incident)) *v1alpha1.Incident {
	return build(&v1alpha1.Incident{
		TypeMeta:   typeMeta("Incident"),
		ObjectMeta: objectMeta(namespace, name),
	}, mutate)
}

// Investigation returns an investigation of one pod.
func Investigation(namespace, name string, mutate ...func(*v1alpha1.Investigation)) *v1alpha1.Investigation {
	return build(&v1alpha1.Investigation{
		TypeMeta:   typeMeta("Investigation"),
		ObjectMeta: objectMeta(namespace, name),
		Spec: v1alpha1.InvestigationSpec{
			IncidentName: "shell-in-web",
			PlaybookName: "pods",
			Entities:     []v1alpha1.Entity{PodEntity()},
		},
	}, mutate)
}

// Playbook returns a playbook with one analyzer and no response.
func Playbook(namespace, name string, mutate ...func(*v1alpha1.Playbook)) *v1alpha1.Playbook {
	return build(&v1alpha1.Playbook{
		TypeMeta:   typeMeta("Playbook"),
		ObjectMeta: objectMeta(namespace, name),
		Spec: v1alpha1.PlaybookSpec{
			Steps:              []v1alpha1.PlaybookStep{{Name: "pod", Analyzer: v1alpha1.AnalyzerPod}},
			ServiceAccountName: "responder",
		},
	}, mutate)
}

// Remediation returns a request to isolate a pod that waits for approval.
func Remediation(namespace, name string, mutate ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	return build(&v1alpha1.Remediation{
		TypeMeta:   typeMeta("Remediation"),
		ObjectMeta: objectMeta(namespace, name),
		Spec: v1alpha1.RemediationSpec{
			Action:             v1alpha1.ActionIsolatePod,
			Target:             v1alpha1.RemediationTarget{Kind: "Pod", Namespace: "web", Name: "web-0"},
			Reason:             "A shell was opened in it",
			ServiceAccountName: "responder",
			Approval:           v1alpha1.ApprovalRequired,
		},
	}, mutate)
}

// AlertSource returns a source of Falco's alerts.
func AlertSource(namespace, name string, mutate ...func(*v1alpha1.AlertSource)) *v1alpha1.AlertSource {
	return build(&v1alpha1.AlertSource{
		TypeMeta:   typeMeta("AlertSource"),
		ObjectMeta: objectMeta(namespace, name),
		Spec: v1alpha1.AlertSourceSpec{
			Type: v1alpha1.AlertSourceFalco,
			Auth: v1alpha1.AlertSourceAuth{BearerToken: v1alpha1.SecretKeyReference{Name: "falco-token", Key: "token"}},
		},
	}, mutate)
}

// CorrelationPolicy returns a policy that says nothing: the defaults hold.
func CorrelationPolicy(namespace, name string, mutate ...func(*v1alpha1.CorrelationPolicy)) *v1alpha1.CorrelationPolicy {
	return build(&v1alpha1.CorrelationPolicy{
		TypeMeta:   typeMeta("CorrelationPolicy"),
		ObjectMeta: objectMeta(namespace, name),
	}, mutate)
}

// TuningRule returns a rule that hides what one rule of a detector says.
func TuningRule(namespace, name string, mutate ...func(*v1alpha1.TuningRule)) *v1alpha1.TuningRule {
	return build(&v1alpha1.TuningRule{
		TypeMeta:   typeMeta("TuningRule"),
		ObjectMeta: objectMeta(namespace, name),
		Spec: v1alpha1.TuningRuleSpec{
			Match:  v1alpha1.TuningMatch{Rules: []string{"Terminal shell in container"}},
			Action: v1alpha1.TuningHide,
			Reason: "People debug here",
		},
	}, mutate)
}

// PodEntity is the pod that the other objects speak of.
func PodEntity() v1alpha1.Entity {
	return v1alpha1.Entity{
		EntityKey: v1alpha1.EntityKey{Kind: "Pod", Name: "web/web-0"},
		Role:      "Attacked",
		Category:  v1alpha1.EntityImpactedAsset,
	}
}

// Approval is a decision as a person sends it: without the stamps.
func Approval(decision v1alpha1.ApprovalDecision, digest string) v1alpha1.Approval {
	return v1alpha1.Approval{Decision: decision, Digest: digest}
}

func build[T any](object *T, mutate []func(*T)) *T {
	for _, change := range mutate {
		change(object)
	}
	return object
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
}

func objectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}
