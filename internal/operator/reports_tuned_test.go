package operator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// TestTunedReports sees that a finding that is rescored or hidden is told of once,
// and that what is hidden no longer is told of once more.
func TestTunedReports(t *testing.T) {
	r := newReporting(t)
	r.define()
	r.actAs()
	r.allow()
	r.create(r.source)
	r.create(builders.TuningRule(r.tenant, "lesser", func(rule *v1alpha1.TuningRule) {
		rule.Spec.Match = v1alpha1.TuningMatch{AlertSources: []v1alpha1.LocalName{"trivy"}, Expression: "alert.title.contains('Deployment web ')"}
		rule.Spec.Action, rule.Spec.Severity = v1alpha1.TuningRescore, v1alpha1.SeverityLow
	}))
	accepted := builders.TuningRule(r.tenant, "accepted", func(rule *v1alpha1.TuningRule) {
		rule.Spec.Match = v1alpha1.TuningMatch{AlertSources: []v1alpha1.LocalName{"trivy"}, Expression: "alert.title.contains('Deployment db ')"}
		rule.Spec.Action = v1alpha1.TuningHide
	})
	r.create(accepted)
	r.start()
	defer func() { r.end() }()
	r.ready("Watching", "")

	web, db := "2 critical vulnerabilities in Deployment web in namespace "+r.shop, "1 critical vulnerability in Deployment db in namespace "+r.shop
	r.scan("web-app", "app", 2)
	r.scan("db-app", "app", 1)
	r.open(db, web)
	r.stays(db, web)
	r.tuned("db hidden", "web Low")

	if err := r.c.Delete(t.Context(), accepted); err != nil {
		t.Fatal(err)
	}
	await(t, func() error {
		r.touch()
		if got := len(r.about("db")); got != 2 {
			return fmt.Errorf("%d alerts of db", got)
		}
		return r.says([]string{db, web}) // The hidden one ended.
	})
	r.stays(db, web)
	r.tuned("db High", "db hidden", "web Low")

	r.scan("db-app", "app", 0)
	r.open(web)
	r.scan("db-app", "app", 1)
	r.open(db, web)
	r.stays(db, web)
	r.tuned("db High", "db High", "db hidden", "web Low")
}

// tuned sees that these are all alerts, and what became of them.
func (r *reporting) tuned(want ...string) {
	r.Helper()
	var got []string
	for _, name := range []string{"db", "web"} {
		for _, a := range r.about(name) {
			became := string(a.Spec.Severity)
			if convert.Hidden(&a) != "" {
				became = "hidden"
			}
			got = append(got, name+" "+became)
		}
	}
	if diff := cmp.Diff(want, got, cmp.Transformer("sorted", sorted)); diff != "" {
		r.Fatalf("alerts (- want, + got):\n%s", diff)
	}
}

// about returns the alerts of a Deployment, hidden and ended ones too.
func (r *reporting) about(name string) []v1alpha1.Alert {
	return slices.DeleteFunc(r.alerts(), func(a v1alpha1.Alert) bool {
		return !strings.Contains(a.Spec.Title, fmt.Sprintf("Deployment %s ", name))
	})
}
