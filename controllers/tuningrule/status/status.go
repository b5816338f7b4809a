package status

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// The reasons of the conditions.
const (
	reasonEnforced    = "Enforced"
	reasonMonitored   = "Monitored"
	reasonInvalid     = "Invalid"
	reasonSuspended   = "Suspended"
	reasonExpired     = "Expired"
	reasonTooMany     = "TooMany"
	reasonExpiresSoon = "ExpiresSoon"
	reasonNotSoon     = "NotSoon"
	reasonNever       = "Never"
)

// warning is how long before the end of a rule people are told of it.
const warning = 7 * 24 * time.Hour

// maxMessage bounds what is told of the problems of a spec: the first few are
// enough to begin with.
const maxMessage = 2048

// recheck is how soon it is noticed that there are no longer too many rules.
const recheck = time.Minute

// status is what a rule's status is to be. One that is ignored is not looked at.
func status(rule *v1alpha1.TuningRule, ignored bool, alerts []v1alpha1.Alert, now time.Time) *v1alpha1.TuningRuleStatus {
	out := rule.Status.DeepCopy()
	out.ObservedGeneration = ptr.To(rule.Generation)
	for _, condition := range []metav1.Condition{ready(rule, ignored, now), expiring(rule, now)} {
		condition.ObservedGeneration = rule.Generation
		kube.SetCondition(&out.Conditions, condition, now)
	}
	out.Matches, out.LastMatchTime = count(alerts)
	return out
}

// count adds up what a rule has matched.
func count(alerts []v1alpha1.Alert) (*v1alpha1.TuningRuleMatches, *metav1.MicroTime) {
	var occurrences, released int64
	var last *metav1.MicroTime
	for i := range alerts {
		a := &alerts[i]
		occurrences += max(ptr.Deref(a.Status.Occurrences, 1), 1)
		if a.Status.ReleasedTime != nil {
			released++
		}
		for _, at := range []*metav1.MicroTime{&a.Spec.LastActivityTime, a.Status.LastActivityTime} {
			if at != nil && (last == nil || last.Before(at)) {
				last = at
			}
		}
	}
	out := &v1alpha1.TuningRuleMatches{Alerts: ptr.To(int64(len(alerts))), Occurrences: &occurrences}
	if released > 0 {
		out.Released = &released
	}
	return out, last.DeepCopy()
}

// ready says whether the rule is in force.
func ready(rule *v1alpha1.TuningRule, ignored bool, now time.Time) metav1.Condition {
	out := metav1.Condition{Type: v1alpha1.TuningRuleConditionReady, Status: metav1.ConditionFalse}
	problems := convert.TuningRuleProblems(rule.Spec)
	switch {
	case problems != nil:
		said := "spec." + strings.ReplaceAll(problems.Error(), "\n", "; spec.")
		out.Reason, out.Message = reasonInvalid, text.Line(said, maxMessage)
	case expired(rule, now):
		out.Reason, out.Message = reasonExpired, "spec.expiresAt has passed: set a later time, or delete the rule"
	case ptr.Deref(rule.Spec.Suspend, false):
		out.Reason, out.Message = reasonSuspended, "It does nothing while spec.suspend is true"
	case ignored:
		out.Reason = reasonTooMany
		out.Message = fmt.Sprintf("Only the %d oldest tuning rules of a namespace are looked at: delete some of them", tuning.MaxRules)
	case rule.Spec.Mode == v1alpha1.TuningMonitor:
		out.Status, out.Reason, out.Message = metav1.ConditionTrue, reasonMonitored, "New alerts that match are counted and left as they are"
	default:
		out.Status, out.Reason, out.Message = metav1.ConditionTrue, reasonEnforced, "New alerts that match "+becomes(rule)
	}
	return out
}

// becomes says in a few words what becomes of alerts that match.
func becomes(rule *v1alpha1.TuningRule) string {
	switch rule.Spec.Action {
	case v1alpha1.TuningHide:
		return "are hidden"
	case v1alpha1.TuningResolve:
		return "are resolved"
	}
	return "get severity " + string(rule.Spec.Severity)
}

// expiring warns that the rule is soon in force no longer.
func expiring(rule *v1alpha1.TuningRule, now time.Time) metav1.Condition {
	out := metav1.Condition{Type: v1alpha1.TuningRuleConditionExpiring, Status: metav1.ConditionFalse}
	switch ends := rule.Spec.ExpiresAt; {
	case ends == nil:
		out.Reason, out.Message = reasonNever, "spec.expiresAt is not set"
	case expired(rule, now):
		out.Status, out.Reason, out.Message = metav1.ConditionTrue, reasonExpired, "spec.expiresAt has passed"
	case !now.Before(ends.Add(-warning)):
		out.Status, out.Reason, out.Message = metav1.ConditionTrue, reasonExpiresSoon, "spec.expiresAt is less than seven days away"
	default:
		out.Reason, out.Message = reasonNotSoon, "spec.expiresAt is more than seven days away"
	}
	return out
}

func expired(rule *v1alpha1.TuningRule, now time.Time) bool {
	return rule.Spec.ExpiresAt != nil && !now.Before(rule.Spec.ExpiresAt.Time)
}

// untilNews is how long it takes until time alone changes what there is to say;
// zero where it does not.
func untilNews(rule *v1alpha1.TuningRule, ignored bool, now time.Time) time.Duration {
	if ignored {
		return recheck
	}
	if rule.Spec.ExpiresAt == nil {
		return 0
	}
	for _, at := range []time.Time{rule.Spec.ExpiresAt.Add(-warning), rule.Spec.ExpiresAt.Time} {
		if now.Before(at) {
			return at.Sub(now)
		}
	}
	return 0
}
