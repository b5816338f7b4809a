package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/util/yaml"
	sigsjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
)

// Sources are AlertSources by their names.
type Sources map[string]Source

// Read adds the AlertSources of a file, as they are declared in Git: one or more
// documents of YAML or JSON.
func (s Sources) Read(data []byte) error {
	found := false
	err := documents(data, func(document []byte) error {
		var declared v1alpha1.AlertSource
		if err := strictly(document, "AlertSource", &declared); err != nil {
			return err
		}
		from, err := newSource(&declared)
		if err != nil {
			return err
		}
		if _, twice := s[from.Name]; twice {
			return fmt.Errorf("AlertSource %s: there is another of that name", from.Name)
		}
		s[from.Name], found = from, true
		return nil
	})
	if err == nil && !found {
		err = errors.New("no AlertSource is there")
	}
	return err
}

// Find returns the source of a name, or the only one where no name is given.
func (s Sources) Find(name string) (Source, error) {
	if name == "" && len(s) == 1 {
		for only := range s {
			name = only
		}
	}
	from, ok := s[name]
	switch {
	case name == "":
		return from, errors.New("there are several AlertSources: say whose events these are")
	case !ok:
		return from, fmt.Errorf("there is no AlertSource %q", name)
	}
	return from, nil
}

func newSource(declared *v1alpha1.AlertSource) (Source, error) {
	fail := func(err error) (Source, error) {
		return Source{}, fmt.Errorf("AlertSource %s: spec.%w", declared.Name, err)
	}
	spec := declared.Spec
	switch {
	case declared.Name == "":
		return Source{}, errors.New("AlertSource: metadata.name: is missing")
	case spec.KubernetesAudit != nil && spec.Type != v1alpha1.AlertSourceKubernetesAudit:
		return fail(errors.New("kubernetesAudit: goes with type KubernetesAudit only"))
	case (spec.Generic != nil) != (spec.Type == v1alpha1.AlertSourceGeneric):
		return fail(errors.New("generic: goes with type Generic, which needs it"))
	case spec.Correlation != "" && spec.Correlation != v1alpha1.CorrelationEnabled && spec.Correlation != v1alpha1.CorrelationDisabled:
		return fail(fmt.Errorf("correlation: must be Enabled or Disabled, is %q", spec.Correlation))
	}
	decoder, err := format.New(string(spec.Type), source.Options(declared))
	if err != nil {
		return fail(err)
	}
	return Source{
		Name: declared.Name, Decoder: decoder, Rows: spec.Type == v1alpha1.AlertSourceGeneric,
		CorrelationDisabled: spec.Correlation == v1alpha1.CorrelationDisabled,
	}, nil
}

// ReadPolicy reads the one CorrelationPolicy in a file.
func ReadPolicy(data []byte) (Policies, error) {
	out, found := DefaultPolicies(), 0
	err := documents(data, func(document []byte) error {
		var declared v1alpha1.CorrelationPolicy
		if err := strictly(document, "CorrelationPolicy", &declared); err != nil {
			return err
		}
		if found++; found > 1 {
			return errors.New("there is more than one CorrelationPolicy, and only one can be in use")
		}
		settings := declared.Spec.CorrelationSettings
		if err := convert.CorrelationProblems(settings); err != nil {
			return fmt.Errorf("CorrelationPolicy %s: spec.%w", declared.Name, err)
		}
		var err error
		out.Correlation = convert.CorrelationPolicy(settings)
		out.OptOuts, err = convert.OptOuts(settings)
		return err
	})
	if err == nil && found == 0 {
		err = errors.New("no CorrelationPolicy is there")
	}
	return out, err
}

// documents hands on each document of YAML that says anything.
func documents(data []byte, read func(document []byte) error) error {
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var content any
		if err := sigsyaml.Unmarshal(document, &content); err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
		if content == nil {
			continue // a comment
		}
		if err := read(document); err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
	}
}

// strictly reads an object of one of our kinds.
func strictly(document []byte, kind string, into any) error {
	var head struct{ APIVersion, Kind string }
	if err := sigsyaml.Unmarshal(document, &head); err != nil {
		return err
	}
	want := v1alpha1.GroupVersion.String()
	switch {
	case head.Kind == "":
		return fmt.Errorf("it has no kind, and must be %s %s", want, kind)
	case head.APIVersion != want || head.Kind != kind:
		return fmt.Errorf("it is %s %s, and must be %s %s", head.APIVersion, head.Kind, want, kind)
	}
	return DecodeStrict(document, into)
}

// DecodeStrict reads YAML as an API server does that is asked to be strict. A
// field that nobody knows is an error: it would be without effect.
func DecodeStrict(document []byte, into any) error {
	data, err := sigsyaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	unknown, err := sigsjson.UnmarshalStrict(data, into)
	return errors.Join(append(unknown, err)...)
}
