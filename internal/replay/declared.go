package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
)

// Sources are AlertSources by their names.
type Sources map[string]Source

// Read adds the AlertSources of a file, as they are declared in Git: one or more
// documents of YAML or JSON. Objects of other kinds may be between them.
func (s Sources) Read(data []byte) error {
	found := false
	err := eachDocument(data, func(document []byte) error {
		if is, err := kindOf(document); err == nil && is.Kind != "" && is.Kind != "AlertSource" {
			return nil // Who builds manifests out of parts gets more than these.
		}
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
		return from, fmt.Errorf("there is no AlertSource %q%s", name, s.names())
	}
	return from, nil
}

// names goes on in a sentence: "; there are audit, falco".
func (s Sources) names() string {
	names := slices.Sorted(maps.Keys(s))
	switch more := len(names) - maxNames; {
	case len(names) == 0:
		return ""
	case len(names) == 1:
		return "; there is " + names[0]
	case more > 0:
		return fmt.Sprintf("; there are %s and %d more", strings.Join(names[:maxNames], ", "), more)
	}
	return "; there are " + strings.Join(names, ", ")
}

// maxNames bounds how many names an error lists.
const maxNames = 10

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
		RollUp:              convert.RollUpLimits(spec.Limits.RollUp),
	}, nil
}

// ReadPolicy reads the one CorrelationPolicy in a file.
func ReadPolicy(data []byte) (Policies, error) {
	out, found := DefaultPolicies(), 0
	err := eachDocument(data, func(document []byte) error {
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

// Documents takes YAML apart into the documents that say something.
func Documents(data []byte) ([][]byte, error) {
	var documents [][]byte
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		var content any
		if err := sigsyaml.Unmarshal(document, &content); err != nil {
			return nil, fmt.Errorf("document %d: %w", len(documents)+1, err)
		}
		if content != nil { // It is more than a comment.
			documents = append(documents, document)
		}
	}
}

// eachDocument reads one document after another.
func eachDocument(data []byte, read func(document []byte) error) error {
	documents, err := Documents(data)
	if err != nil {
		return err
	}
	for i, document := range documents {
		if err := read(document); err != nil {
			return fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	return nil
}

// kind is what an object says that it is.
type kind struct{ APIVersion, Kind string }

func kindOf(document []byte) (kind, error) {
	var k kind
	err := sigsyaml.Unmarshal(document, &k)
	return k, err
}

// strictly reads an object of one of our kinds.
func strictly(document []byte, name string, into any) error {
	is, err := kindOf(document)
	if err != nil {
		return err
	}
	want := v1alpha1.GroupVersion.String()
	switch {
	case is.Kind == "":
		return fmt.Errorf("it has no kind, and must be %s %s", want, name)
	case is.APIVersion != want || is.Kind != name:
		return fmt.Errorf("it is %s %s, and must be %s %s", is.APIVersion, is.Kind, want, name)
	}
	return DecodeStrict(document, into)
}
