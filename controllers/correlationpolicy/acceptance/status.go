package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// The reasons of the conditions.
const (
	reasonValid        = "Valid"
	reasonInvalid      = "Invalid"
	reasonInUse        = "InUse"
	reasonAnotherInUse = "AnotherInUse"
	reasonNeverValid   = "NeverValid"
)

// maxMessage bounds what is told of the problems of a spec: the first few are
// enough to begin with.
const maxMessage = 2048

// status is what a policy's status is to be, beside all policies of its namespace.
func status(p *v1alpha1.CorrelationPolicy, all []v1alpha1.CorrelationPolicy, now time.Time) *v1alpha1.CorrelationPolicyStatus {
	out := p.Status.DeepCopy()
	out.ObservedGeneration = ptr.To(p.Generation)
	problems := convert.CorrelationProblems(p.Spec.CorrelationSettings)
	if problems == nil {
		out.InForce = convert.CorrelationInForce(p.Generation, p.Spec.CorrelationSettings)
	}
	for _, condition := range []metav1.Condition{accepted(problems, out.InForce), inUse(p, out.InForce, all)} {
		condition.ObservedGeneration = p.Generation
		kube.SetCondition(&out.Conditions, condition, now)
	}
	return out
}

// accepted says whether the spec makes sense, and what holds if it does not.
func accepted(problems error, inForce *v1alpha1.CorrelationPolicyInForce) metav1.Condition {
	out := metav1.Condition{Type: v1alpha1.CorrelationPolicyConditionAccepted}
	if problems == nil {
		out.Status, out.Reason, out.Message = metav1.ConditionTrue, reasonValid, "The spec is accepted"
		return out
	}
	said := "spec." + strings.ReplaceAll(problems.Error(), "\n", "; spec.")
	out.Status, out.Reason, out.Message = metav1.ConditionFalse, reasonInvalid, text.Line(said, maxMessage)
	if inForce != nil {
		out.Message += fmt.Sprintf(" (what was accepted last, generation %d, stays in force)", ptr.Deref(inForce.Generation, 0))
	}
	return out
}

// inUse says whether the namespace is correlated by the policy.
func inUse(p *v1alpha1.CorrelationPolicy, inForce *v1alpha1.CorrelationPolicyInForce, all []v1alpha1.CorrelationPolicy) metav1.Condition {
	out := metav1.Condition{Type: v1alpha1.CorrelationPolicyConditionInUse, Status: metav1.ConditionFalse}
	if inForce == nil {
		out.Reason, out.Message = reasonNeverValid, "Nothing of it was accepted yet"
		return out
	}
	self := v1alpha1.CorrelationPolicy{ObjectMeta: p.ObjectMeta, Status: v1alpha1.CorrelationPolicyStatus{InForce: inForce}}
	others := slices.DeleteFunc(slices.Clone(all), func(o v1alpha1.CorrelationPolicy) bool { return o.Name == p.Name })
	if chosen := kube.CorrelationPolicyInUse(append(others, self)); chosen.Name != p.Name {
		out.Reason = reasonAnotherInUse
		out.Message = fmt.Sprintf("Policy %s is in use, the oldest of this namespace; keep one policy and delete the others", chosen.Name)
		return out
	}
	out.Status, out.Reason, out.Message = metav1.ConditionTrue, reasonInUse, "New alerts of this namespace are correlated by it"
	return out
}
