package replay

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
)

// Sources are AlertSources by their names.
type Sources map[string]Source

// Read adds the AlertSources of a file, as they are declared in Git: one or more
// documents of YAML or JSON, or the items of a List. Objects of other kinds may be
// between them. Who may send is no matter of a replay: spec.auth may be left out.
func (s Sources) Read(data []byte) error {
	return eachObject(data, "AlertSource", func(declared *v1alpha1.AlertSource) error {
		from, err := newSource(declared)
		if err != nil {
			return fmt.Errorf("spec.%w", err)
		}
		if _, twice := s[from.Name]; twice {
			return errors.New("there is another of that name")
		}
		s[from.Name] = from
		return nil
	})
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

// Tenant is the namespace that the sources of events declare, and empty where none
// does. Alerts of several namespaces are never correlated, so they are not replayed
// as if they were.
func Tenant(sources ...Source) (string, error) {
	namespace := ""
	for _, from := range sources {
		if namespace != "" && from.Namespace != "" && from.Namespace != namespace {
			return "", fmt.Errorf("AlertSource %s is in namespace %s, and those before it are in %s: a replay is of one namespace, as incidents are; replay each on its own", from.Name, from.Namespace, namespace)
		}
		namespace = cmp.Or(namespace, from.Namespace)
	}
	return namespace, nil
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
	spec := declared.Spec
	decoder, err := format.New(string(spec.Type), source.Options(declared))
	if err != nil {
		return Source{}, err
	}
	return Source{
		Name: declared.Name, Namespace: declared.Namespace, Decoder: decoder, Rows: spec.Type == v1alpha1.AlertSourceGeneric,
		CorrelationDisabled: spec.Correlation == v1alpha1.CorrelationDisabled,
		RollUp:              convert.RollUpLimits(spec.Limits.RollUp),
	}, nil
}

// ReadPolicy reads the one CorrelationPolicy in a file. Objects of other kinds may
// be beside it.
func ReadPolicy(data []byte) (Policies, error) {
	out, found := DefaultPolicies(), 0
	err := eachObject(data, "CorrelationPolicy", func(declared *v1alpha1.CorrelationPolicy) error {
		if found++; found > 1 {
			return errors.New("there is another, and only one can be in use")
		}
		settings := declared.Spec.CorrelationSettings
		if err := convert.CorrelationProblems(settings); err != nil {
			return fmt.Errorf("spec.%w", err)
		}
		var err error
		out.Correlation = convert.CorrelationPolicy(settings)
		out.OptOuts, err = convert.OptOuts(settings)
		return err
	})
	return out, err
}
