package crd_test

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// oldGroup serves the kinds as they might have been before there were rules, and
// then as they are.
const oldGroup = "old.tocsin.dev"

// Objects from before a rule stay usable: what is not touched is not held
// against them, and what is touched must be put right.
func TestOldObjectsStayValid(t *testing.T) {
	for kind, tc := range map[string]struct {
		// old is a spec that the rules of today refuse, with the message refused.
		old     map[string]any
		refused string
		// elsewhere is a change of spec that leaves alone what is wrong, and passes;
		// worse is one that is refused, better one that puts it right.
		elsewhere, worse, better func(spec map[string]any)
	}{
		"Incident": {
			old:       map[string]any{"severity": "Catastrophic", "assignedTo": "alice"},
			refused:   "spec.severity: Unsupported value",
			elsewhere: func(spec map[string]any) { spec["assignedTo"] = "bob" },
			worse:     func(spec map[string]any) { spec["severity"] = "Apocalyptic" },
			better:    func(spec map[string]any) { spec["severity"] = "High" },
		},
		"Alert": {
			old: map[string]any{
				"source": map[string]any{"service": "falco", "rule": "Shell"}, "title": "Shell", "severity": "Low",
				"firstActivityTime": "2026-03-01T12:00:00Z", "lastActivityTime": "2026-03-01T12:00:00Z", "fingerprint": "f",
				"triage": map[string]any{"classification": "FalsePositive", "determination": "Phishing"},
			},
			refused: "with classification FalsePositive, determination must be NotMalicious, NotEnoughDataToValidate or Other",
			// The rule is about triage: any change of triage asks for it to be right.
			worse:  func(spec map[string]any) { spec["triage"].(map[string]any)["state"] = "Resolved" },
			better: func(spec map[string]any) { spec["triage"].(map[string]any)["determination"] = "NotMalicious" },
		},
		"Playbook": {
			old: map[string]any{
				"serviceAccountName": "responder", "steps": []any{map[string]any{"name": "nothing"}},
			},
			refused:   "exactly one of analyzer and container must be set",
			elsewhere: func(spec map[string]any) { spec["suspend"] = true },
			worse:     func(spec map[string]any) { spec["steps"].([]any)[0].(map[string]any)["timeoutSeconds"] = int64(7) },
			better:    func(spec map[string]any) { spec["steps"].([]any)[0].(map[string]any)["analyzer"] = "Pod" },
		},
	} {
		t.Run(kind, func(t *testing.T) {
			installOld(t, kind)
			object := func(name string) *unstructured.Unstructured {
				u := &unstructured.Unstructured{Object: map[string]any{"spec": tc.old}}
				u.SetGroupVersionKind(schema.GroupVersionKind{Group: oldGroup, Version: "v1alpha1", Kind: kind})
				u.SetNamespace(namespace)
				u.SetName(name)
				return u.DeepCopy()
			}
			old := object("old")
			if err := until(t.Context(), func() bool { return api.Create(t.Context(), old) == nil }); err != nil {
				t.Fatalf("the old object is refused: %v", err)
			}
			installToday(t, kind)
			var refusal error
			if err := until(t.Context(), func() bool {
				refusal = api.Create(t.Context(), object("new"), client.DryRunAll)
				return refusal != nil && strings.Contains(refusal.Error(), tc.refused)
			}); err != nil {
				t.Fatalf("a new object like the old one is not refused with %q: %v", tc.refused, refusal)
			}

			try := func(what string, refused bool, change func(*unstructured.Unstructured)) {
				t.Helper()
				fresh := old.DeepCopy()
				if err := api.Get(t.Context(), client.ObjectKeyFromObject(old), fresh); err != nil {
					t.Fatal(err)
				}
				change(fresh)
				if err := api.Update(t.Context(), fresh); (err != nil) != refused {
					t.Errorf("%s: refused is %v, want %v: %v", what, err != nil, refused, err)
				}
			}
			spec := func(change func(map[string]any)) func(*unstructured.Unstructured) {
				return func(u *unstructured.Unstructured) { change(u.Object["spec"].(map[string]any)) }
			}
			try("a label", false, func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"touched": "yes"}) })
			try("a finalizer", false, func(u *unstructured.Unstructured) { u.SetFinalizers([]string{"tocsin.dev/test"}) })
			if tc.elsewhere != nil {
				try("a change elsewhere", false, spec(tc.elsewhere))
			}
			try("a change of what is wrong", true, spec(tc.worse))
			fresh := old.DeepCopy()
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(old), fresh); err != nil {
				t.Fatal(err)
			}
			fresh.Object["status"] = map[string]any{}
			if err := api.Status().Update(t.Context(), fresh); err != nil {
				t.Errorf("its status is refused: %v", err)
			}
			try("putting it right", false, spec(tc.better))
		})
	}
}

// installOld installs a kind with its fields, and no rule for any of them.
func installOld(t *testing.T, kind string) {
	t.Helper()
	crd := inOldGroup(t, kind)
	relax(schemaOf(crd))
	if err := api.Create(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
}

// installToday replaces it by what it is today.
func installToday(t *testing.T, kind string) {
	t.Helper()
	today := inOldGroup(t, kind)
	stored := &apiextensionsv1.CustomResourceDefinition{}
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(today), stored); err != nil {
		t.Fatal(err)
	}
	stored.Spec.Versions = today.Spec.Versions
	if err := api.Update(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
}

func inOldGroup(t *testing.T, kind string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	for _, crd := range definitions(t) {
		if crd.Spec.Names.Kind == kind {
			crd.Spec.Group = oldGroup
			crd.Name = crd.Spec.Names.Plural + "." + oldGroup
			return crd
		}
	}
	t.Fatalf("no definition of %s", kind)
	return nil
}

// relax takes the rules and enumerations out of a schema.
func relax(s *apiextensionsv1.JSONSchemaProps) {
	s.XValidations, s.Enum = nil, nil
	for name, child := range s.Properties {
		relax(&child)
		s.Properties[name] = child
	}
	if s.Items != nil && s.Items.Schema != nil {
		relax(s.Items.Schema)
	}
}
