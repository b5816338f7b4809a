package crd_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// The rules compare every fact of an alert with what it was: that must stay
// within the API server's budget for the largest alert there can be.
func TestLargestAlertWithinBudget(t *testing.T) {
	a := builders.Alert(namespace, uniqueName("largest"), func(a *v1alpha1.Alert) {
		a.Spec.Source.Rule = strings.Repeat("r", 256)
		a.Spec.Title = strings.Repeat("t", 256)
		a.Spec.Description = strings.Repeat("d", 4096)
		a.Spec.RecommendedActions = strings.Repeat("a", 4096)
		a.Spec.Fingerprint = strings.Repeat("f", 128)
		a.Spec.Entities = nil
		for i := range 64 {
			a.Spec.Entities = append(a.Spec.Entities, v1alpha1.Entity{
				EntityKey: v1alpha1.EntityKey{Kind: "File", Name: fmt.Sprintf("/%02d/%s", i, strings.Repeat("x", 508))},
				Role:      "CommandAndControl", Category: v1alpha1.EntityRelatedEvidence,
			})
		}
		a.Spec.Ingestion, a.Spec.RollUp = ingestion(), rollUp()
		a.Spec.RollUp.Place.Name = strings.Repeat("x", 512)
		for i := range 32 {
			a.Spec.Techniques = append(a.Spec.Techniques, v1alpha1.Technique(fmt.Sprintf("T1059.%03d", i)))
		}
		a.Spec.Tuning = &v1alpha1.AlertTuning{RuleName: longestName(0), Action: v1alpha1.TuningHide}
		for i := range 8 {
			a.Spec.Tuning.Monitored = append(a.Spec.Tuning.Monitored, longestName(i))
		}
		a.Spec.Triage = &v1alpha1.AlertTriage{Comments: comments(100, 163)}
	})
	if err := api.Create(t.Context(), a); err != nil {
		t.Fatalf("the largest alert is refused: %v", err)
	}
	a.Spec.Triage.State = v1alpha1.AlertResolved
	if err := api.Update(t.Context(), a); err != nil {
		t.Errorf("an update of the largest alert is refused: %v", err)
	}
}

// longestName is one of the longest names of a resource.
func longestName(i int) v1alpha1.LocalName {
	return v1alpha1.LocalName(fmt.Sprintf("%d%s", i, strings.Repeat("n", 252)))
}

// The defaults that a minimal object gets.
func TestDefaults(t *testing.T) {
	a := builders.Alert(namespace, uniqueName("defaults"), func(a *v1alpha1.Alert) {
		a.Spec.Entities = []v1alpha1.Entity{{EntityKey: v1alpha1.EntityKey{Kind: "Pod", Name: "web/web-0"}}}
	})
	i := builders.Incident(namespace, uniqueName("defaults"))
	p := builders.Playbook(namespace, uniqueName("defaults"))
	r := builders.Remediation(namespace, uniqueName("defaults"), func(r *v1alpha1.Remediation) { r.Spec.Approval = "" })
	s := builders.AlertSource(namespace, uniqueName("defaults"), func(s *v1alpha1.AlertSource) {
		s.Spec.Type = v1alpha1.AlertSourceGeneric
		s.Spec.Generic = &v1alpha1.GenericOptions{Title: "event.name", Entities: []v1alpha1.GenericEntity{{Kind: "Pod", Name: "event.pod"}}}
		s.Spec.Limits.RollUp.Rules = []v1alpha1.RuleLimit{{Rule: "Shell", Alerts: ptr(int32(7))}}
		s.Spec.Auth = v1alpha1.AlertSourceAuth{HMAC: &v1alpha1.HMACAuth{Key: s.Spec.Auth.BearerToken}}
	})
	w := builders.AlertSource(namespace, uniqueName("defaults"), func(s *v1alpha1.AlertSource) {
		s.Spec.Type, s.Spec.Auth = v1alpha1.AlertSourceTrivyOperator, v1alpha1.AlertSourceAuth{}
		s.Spec.Watch = &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner"}
	})
	n := builders.Investigation(namespace, uniqueName("defaults"))
	c := builders.CorrelationPolicy(namespace, uniqueName("defaults"))
	u := builders.TuningRule(namespace, uniqueName("defaults"))
	for _, create := range []func() error{
		func() error { return api.Create(t.Context(), a) }, func() error { return api.Create(t.Context(), i) },
		func() error { return api.Create(t.Context(), p) }, func() error { return api.Create(t.Context(), r) },
		func() error { return api.Create(t.Context(), s) }, func() error { return api.Create(t.Context(), n) },
		func() error { return api.Create(t.Context(), c) }, func() error { return api.Create(t.Context(), u) },
		func() error { return api.Create(t.Context(), w) },
	} {
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	signed := s.Spec.Auth.HMAC
	for what, got := range map[string][2]string{
		"Alert.spec.correlation":         {string(a.Spec.Correlation), "Enabled"},
		"Alert.spec.entities.role":       {string(a.Spec.Entities[0].Role), "Unknown"},
		"Alert.spec.entities.category":   {string(a.Spec.Entities[0].Category), "RelatedEvidence"},
		"Playbook.spec.automation":       {string(p.Spec.Automation), "Semi"},
		"Playbook.spec.mode":             {string(p.Spec.Mode), "Enforce"},
		"Playbook.spec.rank":             {fmt.Sprint(*p.Spec.Rank), "100"},
		"Playbook.spec.steps.token":      {string(p.Spec.Steps[0].Token), "None"},
		"Playbook.spec.steps.timeout":    {fmt.Sprint(*p.Spec.Steps[0].TimeoutSeconds), "300"},
		"Remediation.spec.approval":      {string(r.Spec.Approval), "Required"},
		"AlertSource.spec.generic.role":  {string(s.Spec.Generic.Entities[0].Role), "Unknown"},
		"AlertSource.spec.auth.hmac":     {fmt.Sprintf("%s %s %s %d", signed.Header, *signed.Prefix, signed.TimestampSeparator, *signed.ToleranceSeconds), "X-Tocsin-Signature sha256= Dot 300"},
		"AlertSource.spec.watch":         {fmt.Sprintf("%s %d", w.Spec.Watch.MinimumSeverity, *w.Spec.Watch.GoneAfterSeconds), "Medium 600"},
		"AlertSource.spec.correlation":   {string(s.Spec.Correlation), "Enabled"},
		"TuningRule.spec.mode":           {string(u.Spec.Mode), "Enforce"},
		"AlertSource.spec.limits":        {limits(s.Spec.Limits), "10485760 bytes, 100 alerts of a rule, 5000 in all"},
		"Alert, first condition":         firstCondition(a.Status.Conditions, "Correlated"),
		"Incident, first condition":      firstCondition(i.Status.Conditions, "Resolved"),
		"Playbook, first condition":      firstCondition(p.Status.Conditions, "Ready"),
		"AlertSource, first condition":   firstCondition(s.Status.Conditions, "Ready"),
		"Remediation, first condition":   firstCondition(r.Status.Conditions, "Approved"),
		"Investigation, first condition": firstCondition(n.Status.Conditions, "Completed"),
		"Rule, first condition":          firstCondition(u.Status.Conditions, "Ready"),
		"Policy, first condition":        firstCondition(c.Status.Conditions, "Accepted"),
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", what, got[0], got[1])
		}
	}
}

func limits(l v1alpha1.AlertSourceLimits) string {
	if l.MaxBodyBytes == nil || l.RollUp.AlertsPerRule == nil || l.RollUp.Alerts == nil {
		return fmt.Sprintf("%+v", l)
	}
	return fmt.Sprintf("%d bytes, %d alerts of a rule, %d in all", *l.MaxBodyBytes, *l.RollUp.AlertsPerRule, *l.RollUp.Alerts)
}

// firstCondition is what a new object says before any controller saw it.
func firstCondition(conditions []metav1.Condition, want string) [2]string {
	if len(conditions) == 0 {
		return [2]string{"absent", want}
	}
	c := conditions[0]
	return [2]string{c.Type + " " + string(c.Status) + " " + c.Reason, want + " Unknown Pending"}
}
