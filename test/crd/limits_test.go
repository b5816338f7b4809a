package crd_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// TestLimits makes an object of each kind that has every field of the schema,
// sees that the API server takes it, and then breaks each limit of each field,
// one at a time: enumerations, lengths, patterns, ranges, formats, sizes and
// required fields. What just fits is taken.
func TestLimits(t *testing.T) {
	for _, crd := range definitions(t) {
		for _, variant := range append([]string{crd.Spec.Names.Kind}, variants[crd.Spec.Names.Kind]...) {
			t.Run(variant, func(t *testing.T) { tryLimits(t, crd, variant) })
		}
	}
}

func tryLimits(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition, variant string) {
	full := &unstructured.Unstructured{Object: sample(t, variant, "", schemaOf(crd)).(map[string]any)}
	full.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(crd.Spec.Names.Kind))
	full.SetNamespace(namespace)
	full.SetName(uniqueName("full"))
	stored := full.DeepCopy()
	if err := api.Create(t.Context(), stored); err != nil {
		t.Fatalf("an object with every field is refused: %v", err)
	}
	full.SetName(stored.GetName())
	full.SetResourceVersion(stored.GetResourceVersion())
	if err := api.Status().Update(t.Context(), full.DeepCopy(), client.DryRunAll); err != nil {
		t.Fatalf("a status with every field is refused: %v", err)
	}

	limits := 0
	for _, part := range []string{"spec", "status"} {
		schema := schemaOf(crd).Properties[part]
		for _, l := range limitsOf(&schema, []string{part}) {
			limits++
			t.Run(l.String(), func(t *testing.T) { l.try(t, full, part) })
		}
	}
	t.Logf("%d limits", limits)
}

// variants are further samples of a kind whose fields exclude each other.
var variants = map[string][]string{
	"AlertSource": {"AlertSource/generic", "AlertSource/cloudEvents", "AlertSource/certificate", "AlertSource/serviceAccount", "AlertSource/watch"},
	"TuningRule":  {"TuningRule/hide"},
}

// authentication is how each variant of an AlertSource lets senders in: in one way.
var authentication = map[string]string{
	"AlertSource":                "bearerToken",
	"AlertSource/generic":        "basic",
	"AlertSource/cloudEvents":    "hmac",
	"AlertSource/certificate":    "clientCertificate",
	"AlertSource/serviceAccount": "serviceAccountToken",
}

func init() {
	for variant, chosenMethod := range authentication {
		chosen[variant+".spec.watch"] = nil
		for _, method := range authentication {
			if method != chosenMethod {
				chosen[variant+".spec.auth."+method] = nil
			}
		}
	}
}

// limit is one limit of one field.
type limit struct {
	path []string
	what string
	// broken is what does not fit, nil to leave the field out; want is in the refusal.
	broken any
	want   string
	// fits is what just fits, nil where that says nothing.
	fits any
}

func (l limit) String() string { return strings.Join(l.path, ".") + "/" + l.what }

func (l limit) try(t *testing.T, full *unstructured.Unstructured, part string) {
	send := func(value any) error {
		object := full.DeepCopy()
		put(t, object.Object, l.path, value)
		if part == "status" {
			return api.Status().Update(t.Context(), object, client.DryRunAll)
		}
		object.SetName(uniqueName("limit"))
		object.SetResourceVersion("")
		return api.Create(t.Context(), object, client.DryRunAll)
	}
	err := send(l.broken)
	switch {
	case err == nil:
		t.Errorf("%v is taken", l.broken)
	case !apierrors.IsInvalid(err):
		t.Errorf("want Invalid, got %v", err)
	default:
		if name := displayed(l.path); !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), l.want) {
			t.Errorf("refused without naming %s or saying %q: %v", name, l.want, err)
		}
	}
	if l.fits == nil {
		return
	}
	// A rule may still say that it does not go with other fields.
	err = send(l.fits)
	if err != nil && strings.Contains(err.Error(), displayed(l.path)+":") && strings.Contains(err.Error(), l.want) {
		t.Errorf("what just fits is refused: %v", err)
	}
}

// displayed is how the API server writes a path.
func displayed(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), ".[]", "[0]")
}

// limitsOf lists the limits of a schema and of what is in it.
func limitsOf(s *apiextensionsv1.JSONSchemaProps, path []string) []limit {
	if isForeign("."+strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]")) || s.XIntOrString {
		return nil
	}
	at := func(name string) []string { return append(append([]string{}, path...), name) }
	var limits []limit
	add := func(what string, broken any, want string, fits any) {
		limits = append(limits, limit{path: path, what: what, broken: broken, want: want, fits: fits})
	}
	if len(s.Enum) > 0 {
		add("enum", "NoSuchValue", "Unsupported value", nil)
	}
	if s.Format == "date-time" {
		add("format", "yesterday", "date-time", nil)
	}
	if s.MinLength != nil && *s.MinLength > 0 {
		add("minLength", "", "at least 1 chars", nil)
	}
	if s.MaxLength != nil {
		add("maxLength", strings.Repeat("a", int(*s.MaxLength)+1), "Too long", fitting(s, int(*s.MaxLength)))
	}
	if s.Pattern != "" {
		add("pattern", "!", "should match", nil)
	}
	if s.Minimum != nil {
		add("minimum", int64(*s.Minimum)-1, "greater than or equal to", int64(*s.Minimum))
	}
	if s.Maximum != nil {
		add("maximum", int64(*s.Maximum)+1, "less than or equal to", int64(*s.Maximum))
	}
	if s.MinItems != nil && *s.MinItems > 0 {
		add("minItems", []any{}, "at least 1 items", nil)
	}
	if s.MaxItems != nil {
		add("maxItems", tooMany{int(*s.MaxItems) + 1}, "Too many", nil)
	}
	for _, name := range s.Required {
		limits = append(limits, limit{path: at(name), what: "required", want: "Required value"})
	}
	for _, name := range sortedKeys(s.Properties) {
		child := s.Properties[name]
		limits = append(limits, limitsOf(&child, at(name))...)
	}
	if s.Items != nil && s.Items.Schema != nil {
		limits = append(limits, limitsOf(s.Items.Schema, at("[]"))...)
	}
	return limits
}

// tooMany stands for that many items, all as the first one.
type tooMany struct{ items int }

// fitting is a string as long as it may be, if a plain one matches.
func fitting(s *apiextensionsv1.JSONSchemaProps, length int) any {
	longest := strings.Repeat("a", length)
	if len(s.Enum) > 0 || s.Format != "" || (s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(longest)) {
		return nil
	}
	return longest
}

// put sets a value in an object, takes the field out where the value is nil, and
// repeats the first item of a list for tooMany.
func put(t *testing.T, in map[string]any, path []string, value any) {
	t.Helper()
	var holder any = in
	for _, step := range path[:len(path)-1] {
		if step == "[]" {
			holder = holder.([]any)[0]
		} else {
			holder = holder.(map[string]any)[step]
		}
		if holder == nil {
			t.Skipf("the sample has no %s", strings.Join(path, ".")) // one of two that exclude each other
		}
	}
	last := path[len(path)-1]
	if last == "[]" {
		holder.([]any)[0] = value
		return
	}
	object := holder.(map[string]any)
	switch v := value.(type) {
	case nil:
		delete(object, last)
	case tooMany:
		items := make([]any, v.items)
		for i := range items {
			items[i] = runtime.DeepCopyJSONValue(object[last].([]any)[0])
		}
		object[last] = items
	default:
		object[last] = value
	}
}

// chosen are values of samples that the rules of the kinds ask for; nil leaves
// the field out.
var chosen = map[string]any{
	"Incident.spec.state":                                   "Resolved",
	"Incident.spec.determination":                           "Other",
	"Alert.spec.triage.determination":                       "Other",
	"Alert.spec.tuning.action":                              "Rescore",
	"TuningRule.spec.action":                                "Rescore",
	"TuningRule.spec.hiddenAlerts":                          nil,
	"TuningRule/hide.spec.action":                           "Hide",
	"TuningRule/hide.spec.severity":                         nil,
	"AlertSource.spec.type":                                 "KubernetesAudit",
	"AlertSource.spec.generic":                              nil,
	"AlertSource/generic.spec.type":                         "Generic",
	"AlertSource/generic.spec.kubernetesAudit":              nil,
	"AlertSource/generic.spec.fingerprint":                  nil,
	"AlertSource.spec.cloudEvents":                          nil,
	"AlertSource/generic.spec.cloudEvents":                  nil,
	"AlertSource/cloudEvents.spec.type":                     "CloudEvents",
	"AlertSource/cloudEvents.spec.kubernetesAudit":          nil,
	"AlertSource/cloudEvents.spec.generic":                  nil,
	"AlertSource/certificate.spec.type":                     "KubernetesAudit",
	"AlertSource/certificate.spec.generic":                  nil,
	"AlertSource/certificate.spec.cloudEvents":              nil,
	"AlertSource/serviceAccount.spec.type":                  "Falco",
	"AlertSource/serviceAccount.spec.kubernetesAudit":       nil,
	"AlertSource/serviceAccount.spec.generic":               nil,
	"AlertSource/serviceAccount.spec.cloudEvents":           nil,
	"AlertSource/watch.spec.type":                           "TrivyOperator",
	"AlertSource/watch.spec.auth":                           nil,
	"AlertSource/watch.spec.fingerprint":                    nil,
	"AlertSource/watch.spec.kubernetesAudit":                nil,
	"AlertSource/watch.spec.generic":                        nil,
	"AlertSource/watch.spec.cloudEvents":                    nil,
	"Playbook.spec.steps[].analyzer":                        nil,
	"Investigation.status.plan.steps[].analyzer":            nil,
	"Playbook.spec.steps[].container.resources":             map[string]any{},
	"Investigation.status.plan.steps[].container.resources": map[string]any{},
}

// candidates are strings for patterns.
var candidates = []string{
	"a", "A", "T1059", "sha256:1111111111111111111111111111111111111111111111111111111111111111",
}

// sample makes the smallest value with every field of a schema.
func sample(t *testing.T, kind, path string, s *apiextensionsv1.JSONSchemaProps) any {
	t.Helper()
	if value, ok := chosen[kind+path]; ok {
		return runtime.DeepCopyJSONValue(value)
	}
	switch s.Type {
	case "object":
		object := map[string]any{}
		for _, name := range sortedKeys(s.Properties) {
			child := s.Properties[name]
			if path == "" && name != "spec" && name != "status" {
				continue
			}
			if value := sample(t, kind, path+"."+name, &child); value != nil {
				object[name] = value
			}
		}
		return object
	case "array":
		return []any{sample(t, kind, path+"[]", s.Items.Schema)}
	case "integer":
		if s.Minimum != nil {
			return int64(*s.Minimum)
		}
		return int64(1)
	case "boolean":
		return true
	case "string":
		return sampleString(t, kind+path, s)
	}
	t.Fatalf("%s%s: no sample for type %q", kind, path, s.Type)
	return nil
}

func sampleString(t *testing.T, path string, s *apiextensionsv1.JSONSchemaProps) string {
	t.Helper()
	if len(s.Enum) > 0 {
		var first string
		if err := json.Unmarshal(s.Enum[0].Raw, &first); err != nil {
			t.Fatal(err)
		}
		return first
	}
	if s.Format == "date-time" {
		return "2026-03-01T12:00:00Z"
	}
	for _, candidate := range candidates {
		if s.Pattern == "" || regexp.MustCompile(s.Pattern).MatchString(candidate) {
			return candidate
		}
	}
	t.Fatalf("%s: no candidate matches %s", path, s.Pattern)
	return ""
}
