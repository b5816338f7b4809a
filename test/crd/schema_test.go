package crd_test

import (
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// foreign are schemas of Kubernetes itself: their descriptions and bounds are
// not ours.
var foreign = []string{
	".spec.steps[].container.resources",
	".status.plan.steps[].container.resources",
}

// Every field is described for kubectl explain, and every string and list is
// bounded, so that no object grows without limit.
func TestEveryFieldIsDescribedAndBounded(t *testing.T) {
	for _, crd := range definitions(t) {
		t.Run(crd.Spec.Names.Kind, func(t *testing.T) {
			fields := 0
			walk(schemaOf(crd), "", func(path string, s *apiextensionsv1.JSONSchemaProps) {
				if isForeign(path) || slices.Contains([]string{".apiVersion", ".kind", ".metadata"}, path) {
					return
				}
				fields++
				if s.Description == "" && !strings.HasSuffix(path, "[]") {
					t.Errorf("%s has no description", path)
				}
				if s.Type == "string" && s.MaxLength == nil && len(s.Enum) == 0 && s.Format == "" {
					t.Errorf("%s has no maxLength", path)
				}
				if s.Type == "array" && s.MaxItems == nil {
					t.Errorf("%s has no maxItems", path)
				}
				if s.Type == "array" && s.XListType == nil {
					t.Errorf("%s has no listType", path)
				}
				if s.Type == "number" || s.AdditionalProperties != nil || s.XPreserveUnknownFields != nil {
					t.Errorf("%s is a float, a map or without a schema", path)
				}
			})
			t.Logf("%d fields", fields)
		})
	}
}

// Descriptions begin with the name that the user types.
func TestDescriptionsBeginWithTheField(t *testing.T) {
	for _, crd := range definitions(t) {
		for name, s := range schemaOf(crd).Properties["spec"].Properties {
			if !strings.HasPrefix(s.Description, name+" ") {
				t.Errorf("%s.spec.%s is described as %q", crd.Spec.Names.Kind, name, s.Description)
			}
		}
	}
}

// What every kind has: status apart from spec, a short name, the category, and
// columns that begin with what matters.
func TestEveryKind(t *testing.T) {
	kinds := definitions(t)
	if len(kinds) != 8 {
		t.Errorf("%d kinds, want 8", len(kinds))
	}
	for _, crd := range kinds {
		version := crd.Spec.Versions[0]
		if len(crd.Spec.Versions) != 1 || version.Name != "v1alpha1" || crd.Spec.Group != "tocsin.dev" {
			t.Errorf("%s: want tocsin.dev/v1alpha1 alone", crd.Name)
		}
		if version.Subresources == nil || version.Subresources.Status == nil {
			t.Errorf("%s has no status subresource", crd.Name)
		}
		if crd.Spec.Scope != apiextensionsv1.NamespaceScoped {
			t.Errorf("%s is not namespaced: a namespace is a tenant", crd.Name)
		}
		if len(crd.Spec.Names.ShortNames) != 1 || !slices.Contains(crd.Spec.Names.Categories, "tocsin") {
			t.Errorf("%s: short names %v, categories %v", crd.Name, crd.Spec.Names.ShortNames, crd.Spec.Names.Categories)
		}
		if len(version.AdditionalPrinterColumns) == 0 || len(version.SelectableFields) == 0 {
			t.Errorf("%s has no columns or no selectable fields", crd.Name)
		}
	}
}

func isForeign(path string) bool {
	return slices.ContainsFunc(foreign, func(f string) bool { return strings.HasPrefix(path, f+".") })
}

// walk visits a schema and what is in it, in the order of names. The path of an
// item of a list ends in [].
func walk(s *apiextensionsv1.JSONSchemaProps, path string, visit func(string, *apiextensionsv1.JSONSchemaProps)) {
	if path != "" {
		visit(path, s)
	}
	for _, name := range sortedKeys(s.Properties) {
		if path == "" && name == "metadata" {
			continue
		}
		child := s.Properties[name]
		walk(&child, path+"."+name, visit)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(s.Items.Schema, path+"[]", visit)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		walk(s.AdditionalProperties.Schema, path+"{}", visit)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
