package match

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/cel-go/cel"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Match says which alerts are meant. What is given must all hold.
type Match struct {
	// AlertSources are names of AlertSources, Rules those of detectors' rules.
	AlertSources, Rules []string
	// Expression is a CEL expression over "alert" that is true or false; see Alert.
	Expression string
	// Field is what the expression is called in errors; "match" where that is empty.
	Field string
}

func (m Match) field() string { return cmp.Or(m.Field, "match") }

// Matcher is a Match ready for use, by many at once.
type Matcher struct {
	sources, rules []string
	// program is nil where there is no expression.
	program cel.Program
	field   string
}

// Compile makes a match ready. An error begins with the field it is about:
// alertSources, rules, or that of the expression.
func Compile(m Match) (*Matcher, error) {
	if len(m.AlertSources) == 0 && len(m.Rules) == 0 && m.Expression == "" {
		return nil, fmt.Errorf("%[1]s: give at least one of alertSources, rules and %[1]s: every alert would be meant", m.field())
	}
	if i := slices.Index(m.AlertSources, ""); i >= 0 {
		return nil, fmt.Errorf("alertSources[%d]: must not be empty", i)
	}
	if i := slices.Index(m.Rules, ""); i >= 0 {
		return nil, fmt.Errorf("rules[%d]: must not be empty", i)
	}
	out := &Matcher{sources: slices.Clone(m.AlertSources), rules: slices.Clone(m.Rules), field: m.field()}
	if m.Expression == "" {
		return out, nil
	}
	var err error
	if out.program, err = compile(m.Expression); err != nil {
		return nil, fmt.Errorf("%s: %w", m.field(), err)
	}
	return out, nil
}

// Matches reports whether the alert is one of those meant. One on which the
// expression fails is not; the error says why.
func (m *Matcher) Matches(a model.Alert) (bool, error) {
	if !oneOf(m.sources, a.Source) || !oneOf(m.rules, a.Rule) {
		return false, nil
	}
	if m.program == nil {
		return true, nil
	}
	out, _, err := m.program.Eval(map[string]any{Variable: View(a)})
	if err != nil {
		return false, fmt.Errorf("%s: %w", m.field, err)
	}
	return out.Value() == true, nil
}

func oneOf(wanted []string, have string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, have)
}
