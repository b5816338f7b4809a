package operator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// TestPolicyReports imports what a policy engine reports: an alert begins with what
// fails and ends when that passes.
func TestPolicyReports(t *testing.T) {
	const group = "wgpolicyk8s.io"
	r := newReporting(t)
	r.source.Spec.Type = v1alpha1.AlertSourcePolicyReport
	r.install(builders.ReportDefinition(group, "v1alpha2", "PolicyReport", apiextensionsv1.NamespaceScoped))
	r.actAs()
	r.grant(r.shop, "reports", "system:serviceaccount:"+r.tenant+":scanner", rbacv1.PolicyRule{
		APIGroups: []string{group}, Resources: []string{"policyreports"}, Verbs: []string{"list", "watch"},
	})
	r.create(r.source)
	r.start()
	defer func() { r.end() }()
	r.ready("Watching", "Watching policyreports."+group)

	result := func(rule, result string) any {
		return map[string]any{
			"source": "kyverno", "policy": "require-limits", "rule": rule, "result": result, "severity": "high", "message": "Limits must be set.",
			"resources": []any{map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "namespace": r.shop, "name": "web"}},
		}
	}
	report := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": group + "/v1alpha2", "kind": "PolicyReport",
		"results": []any{result("memory", "fail"), result("cpu", "fail"), result("name", "pass")},
	}}
	report.SetNamespace(r.shop)
	report.SetName("web")
	r.create(report)
	r.open("2 high policy violations in Deployment web in namespace " + r.shop)
	first := r.alerts()[0].Spec
	got := []string{first.Source.Service, first.Source.Detection, string(first.Severity), first.Description}
	want := []string{"policy-report", "kyverno", "High", "2 high.\nhigh require-limits/cpu: Limits must be set.\nhigh require-limits/memory: Limits must be set."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	report.Object["results"] = []any{result("memory", "pass"), result("cpu", "pass"), result("name", "pass")}
	if err := r.c.Update(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	r.open()
}
