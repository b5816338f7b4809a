// Package schema checks objects of our kinds as an API server does that they are
// created in: against the definitions of the kinds, with what they leave out
// filled in, and without any admission policy.
package schema

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/config/crd"
)

// maxProblems bounds how many problems of an object are told.
const maxProblems = 10

// Kind is the schema of a kind. It is safe for use by many.
type Kind struct {
	structural *schema.Structural
	values     validation.SchemaValidator
	rules      *cel.Validator
}

var (
	correlationPolicy = sync.OnceValues(load("tocsin.dev_correlationpolicies.yaml"))
	tuningRule        = sync.OnceValues(load("tocsin.dev_tuningrules.yaml"))
	alertSource       = sync.OnceValues(load("tocsin.dev_alertsources.yaml"))
)

// Of returns the schema of AlertSource, CorrelationPolicy or TuningRule.
func Of(kind string) (*Kind, error) {
	switch kind {
	case "AlertSource":
		return alertSource()
	case "CorrelationPolicy":
		return correlationPolicy()
	case "TuningRule":
		return tuningRule()
	}
	return nil, fmt.Errorf("there is no schema of kind %q", kind)
}

// load returns a function that reads and compiles a definition, which takes a
// while.
func load(file string) func() (*Kind, error) {
	return func() (*Kind, error) {
		kind, err := read(file)
		if err != nil {
			err = fmt.Errorf("reading the schema %s: %w", file, err)
		}
		return kind, err
	}
}

func read(file string) (*Kind, error) {
	data, err := crd.Files.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &definition); err != nil {
		return nil, err
	}
	var properties apiextensions.JSONSchemaProps
	served := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(served, &properties, nil); err != nil {
		return nil, err
	}
	out := &Kind{}
	if out.structural, err = schema.NewStructural(&properties); err != nil {
		return nil, err
	}
	if out.values, _, err = validation.NewSchemaValidator(&properties); err != nil {
		return nil, err
	}
	out.rules = cel.NewValidator(out.structural, true, celconfig.PerCallLimit)
	return out, nil
}

// Check says what is wrong with an object that is to be created, a line for each
// problem that begins with the field, and nil where nothing is. The object gets
// the defaults. Its numbers must be of type int64 or float64.
func (k *Kind) Check(object map[string]any) error {
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)
	problems := validation.ValidateCustomResource(nil, object, k.values)
	problems = append(problems, listtype.ValidateListSetsAndMaps(nil, k.structural, object)...)
	if len(problems) == 0 { // As in an API server: rules count on the types and bounds.
		//nolint:forbidigo // What the rules may cost is bounded: there is nothing to cancel.
		problems, _ = k.rules.Validate(context.Background(), nil, k.structural, object, nil, celconfig.RuntimeCELCostBudget)
	}
	return Told(problems)
}

// Told is problems in words: a line for each that begins with the field, or how many
// more there are. It is nil where there is none.
func Told(problems field.ErrorList) error {
	var lines []string
	for _, p := range problems {
		lines = append(lines, cmp.Or(p.Field, "object")+": "+strings.ReplaceAll(p.ErrorBody(), "\n", " "))
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if more := len(lines) - maxProblems; more > 0 {
		lines = append(lines[:maxProblems], fmt.Sprintf("and %d more", more))
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}
