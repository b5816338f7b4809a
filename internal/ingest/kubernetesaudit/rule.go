package kubernetesaudit

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"

	"github.com/tocsin-dev/tocsin/internal/engine/bounded"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
)

// Rule makes an alert of the audit events that it matches.
type Rule struct {
	// Name is unique within a set.
	Name string
	// Title is the title of the alert.
	Title    string
	Severity model.Severity
	Tactics  []model.Tactic
	// Techniques are ids of ATT&CK.
	Techniques []string
	// Description says why it matters, RecommendedActions what to do.
	Description        string
	RecommendedActions string
	// Match is a CEL expression over event, actor, succeeded and inSystemNamespace.
	Match string
}

// costLimit ends an evaluation that takes too long: a tenth of what the API
// server grants an admission policy, about ten milliseconds. The largest pod
// that the API server takes costs a rule of ours a few thousand.
const costLimit = 1_000_000

// compiled is a rule ready to run.
type compiled struct {
	Rule
	program cel.Program
}

// Set is the rules of one source, in order of precedence.
type Set struct{ rules []compiled }

// Compile makes a set of rules. Every error names the rule and its member; all
// of them are told at once.
func Compile(rules []Rule) (*Set, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	set, seen := &Set{}, map[string]bool{}
	var problems []error
	for _, rule := range rules {
		if seen[rule.Name] {
			problems = append(problems, fmt.Errorf("rule %q: name: is used twice", rule.Name))
		}
		seen[rule.Name] = true
		program, err := rule.compile(env)
		if err != nil {
			problems = append(problems, fmt.Errorf("rule %q: %w", rule.Name, err))
			continue
		}
		set.rules = append(set.rules, compiled{rule, program})
	}
	return set, errors.Join(problems...)
}

func environment() (*cel.Env, error) {
	return cel.NewEnv(
		cel.OptionalTypes(),
		bounded.Strings(),
		ext.NativeTypes(reflect.TypeFor[Event](), reflect.TypeFor[Actor](), ext.ParseStructTags(true)),
		cel.Variable("event", cel.ObjectType("kubernetesaudit.Event")),
		cel.Variable("actor", cel.ObjectType("kubernetesaudit.Actor")),
		cel.Variable("succeeded", cel.BoolType),
		cel.Variable("inSystemNamespace", cel.BoolType),
	)
}

func (r Rule) compile(env *cel.Env) (cel.Program, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	ast, err := bounded.Compile(env, r.Match)
	if err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("match: must be true or false, not %s", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	return program, nil
}

func (r Rule) validate() error {
	switch {
	case strings.TrimSpace(r.Name) == "":
		return errors.New("name: is missing")
	case strings.TrimSpace(r.Title) == "":
		return errors.New("title: is missing")
	case r.Severity == model.SeverityUnknown:
		return errors.New("severity: is missing or not known")
	case strings.TrimSpace(r.Match) == "":
		return errors.New("match: is missing")
	}
	for i, tactic := range r.Tactics {
		if tactic.Order() < 0 {
			return fmt.Errorf("tactics[%d]: %q is no tactic of ATT&CK", i, tactic)
		}
	}
	for i, technique := range r.Techniques {
		if id, ok := attack.ID(technique); !ok || id != technique {
			return fmt.Errorf("techniques[%d]: %q is no technique of ATT&CK", i, technique)
		}
	}
	return nil
}

// match returns the rules that an event matches, most severe first. An
// expression that fails, because it looks at what is not there or takes too
// long, does not match.
func (s *Set) match(e Event) []Rule {
	facts := map[string]any{
		"event":             e,
		"actor":             newActor(e.User.Username),
		"succeeded":         e.succeeded(),
		"inSystemNamespace": systemNamespace(e.ObjectRef.Namespace),
	}
	var found []Rule
	for _, rule := range s.rules {
		if out, _, err := rule.program.Eval(facts); err == nil && out.Value() == true {
			found = append(found, rule.Rule)
		}
	}
	return bySeverity(found)
}
