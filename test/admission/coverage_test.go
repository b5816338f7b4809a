package admission_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Every validation of every policy has a case above that is refused with its
// message, and a case that passes.
func TestEveryValidationHasCases(t *testing.T) {
	var refusals []string
	passing := 0
	count := func(refused string) {
		if refused == "" {
			passing++
		}
		refusals = append(refusals, refused)
	}
	for _, tc := range historyCases {
		count(tc.refused)
	}
	for _, tc := range decisionCases {
		count(tc.refused)
	}
	for _, tc := range automaticCases {
		count(tc.refused)
	}
	for _, tc := range ingestionCases {
		count(tc.refused)
	}
	for _, tc := range mergeCases {
		count(tc.refused)
	}
	for _, tc := range unstampedCases {
		count(tc.refused)
	}
	count(atOnce)
	all := strings.Join(refusals, "\n")

	validations := 0
	for _, policy := range validatingPolicies(t) {
		for _, v := range policy.Spec.Validations {
			validations++
			message := v.Message
			if message == "" {
				message = longestLiteral(v.MessageExpression)
			}
			if !strings.Contains(all, message) {
				t.Errorf("%s: no case is refused with %q", policy.Name, message)
			}
		}
	}
	t.Logf("%d validations; %d cases, %d of them pass", validations, len(refusals), passing)
	if passing == 0 || validations == 0 {
		t.Error("nothing was counted")
	}
}

// Policies and bindings come in pairs, and fail closed.
func TestPoliciesFailClosed(t *testing.T) {
	bound := map[string]bool{}
	for _, object := range policyObjects(t) {
		name := object.GetKind() + "/" + object.GetName()
		switch object.GetKind() {
		case "ValidatingAdmissionPolicy", "MutatingAdmissionPolicy":
			policy, _ := object.Object["spec"].(map[string]any)["failurePolicy"].(string)
			if policy != "Fail" {
				t.Errorf("%s: failurePolicy is %q, want Fail", name, policy)
			}
			if _, ok := bound[name+"Binding"]; !ok {
				bound[name+"Binding"] = false
			}
		case "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding":
			kind := strings.TrimSuffix(object.GetKind(), "Binding")
			policy, _ := object.Object["spec"].(map[string]any)["policyName"].(string)
			bound[kind+"/"+policy+"Binding"] = true
			if _, narrowed := object.Object["spec"].(map[string]any)["matchResources"]; narrowed {
				t.Errorf("%s leaves something out", name)
			}
		default:
			t.Errorf("%s is no policy", name)
		}
	}
	for name, yes := range bound {
		if !yes {
			t.Errorf("%s has no binding", strings.TrimSuffix(name, "Binding"))
		}
	}
}

func policyObjects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "admission", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		read, err := readYAML(file)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, read...)
	}
	return objects
}

func validatingPolicies(t *testing.T) []admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	var policies []admissionv1.ValidatingAdmissionPolicy
	for _, object := range policyObjects(t) {
		if object.GetKind() != "ValidatingAdmissionPolicy" {
			continue
		}
		var policy admissionv1.ValidatingAdmissionPolicy
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &policy); err != nil {
			t.Fatal(err)
		}
		policies = append(policies, policy)
	}
	return policies
}

var literal = regexp.MustCompile(`'([^']*)'`)

// longestLiteral is what a message expression says whatever the object.
func longestLiteral(expression string) string {
	longest := ""
	for _, match := range literal.FindAllStringSubmatch(expression, -1) {
		if len(match[1]) > len(longest) {
			longest = match[1]
		}
	}
	return longest
}
