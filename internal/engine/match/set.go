package match

import (
	"errors"
	"fmt"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Named is a match with a name that is unique in its list.
type Named struct {
	Name string
	Match
}

// Set is a list of matches ready for use, by many at once. A nil one is empty.
type Set struct{ list []named }

type named struct {
	name string
	*Matcher
}

// CompileAll makes a list of matches ready. field is what the list is called in
// errors, such as "optOuts[staging].match: ..."; all of them are told at once.
func CompileAll(field string, list []Named) (*Set, error) {
	set, seen := &Set{}, map[string]bool{}
	var problems []error
	for _, m := range list {
		if seen[m.Name] {
			problems = append(problems, fmt.Errorf("%s[%s].name: is used twice", field, m.Name))
		}
		seen[m.Name] = true
		matcher, err := Compile(m.Match)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s[%s].%w", field, m.Name, err))
			continue
		}
		set.list = append(set.list, named{m.Name, matcher})
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return set, nil
}

// Find names the first match that means the alert, if any does. The error tells
// which of those before it failed on the alert; they count as not meaning it.
func (s *Set) Find(a model.Alert) (name string, found bool, err error) {
	if s == nil {
		return "", false, nil
	}
	var failed []error
	for _, m := range s.list {
		means, err := m.Matches(a)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.name, err))
		}
		if means {
			return m.name, true, errors.Join(failed...)
		}
	}
	return "", false, errors.Join(failed...)
}
