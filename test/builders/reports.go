package builders

import (
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
)

// ReportDefinition defines a kind of report whose content is anything.
func ReportDefinition(group, version, kind string, scope apiextensionsv1.ResourceScope) *apiextensionsv1.CustomResourceDefinition {
	singular := strings.ToLower(kind)
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: objectMeta("", singular+"s."+group),
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: scope,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Singular: singular, Plural: singular + "s"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: ptr.To(true),
				}},
			}},
		},
	}
}

// TrivyReport is a report of the Trivy operator about a container of a ReplicaSet,
// with so many critical findings.
func TrivyReport(kind, namespace, name, replicaSet, container string, critical int64) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"report": map[string]any{
			"artifact": map[string]any{"repository": "example/" + container, "tag": "1.0"},
			"summary":  map[string]any{"criticalCount": critical},
		},
	}}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "aquasecurity.github.io", Version: "v1alpha1", Kind: kind})
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetLabels(map[string]string{
		"trivy-operator.resource.kind": "ReplicaSet", "trivy-operator.resource.name": replicaSet,
		"trivy-operator.resource.namespace": namespace, "trivy-operator.container.name": container,
	})
	return u
}
