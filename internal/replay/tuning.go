package replay

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// TuningRules are the TuningRules of one or more files.
type TuningRules struct {
	rules []*tuning.Ready
	names map[string]bool
}

// Read adds the TuningRules of a file: one or more documents of YAML or JSON.
// Objects of other kinds may be between them.
func (t *TuningRules) Read(data []byte) error {
	found := false
	err := eachDocument(data, func(document []byte) error {
		if is, err := kindOf(document); err == nil && is.Kind != "" && is.Kind != "TuningRule" {
			return nil // Who builds manifests out of parts gets more than these.
		}
		var declared v1alpha1.TuningRule
		if err := strictly(document, "TuningRule", &declared); err != nil {
			return err
		}
		found = true
		return t.add(&declared)
	})
	if err == nil && !found {
		err = errors.New("no TuningRule is there")
	}
	return err
}

func (t *TuningRules) add(declared *v1alpha1.TuningRule) error {
	name := declared.Name
	if name == "" {
		return errors.New("TuningRule: metadata.name: is missing")
	}
	if err := convert.TuningRuleProblems(declared.Spec); err != nil {
		fields := strings.ReplaceAll(err.Error(), "\n", "\nspec.")
		return fmt.Errorf("TuningRule %s: spec.%s", name, fields)
	}
	if t.names[name] {
		return fmt.Errorf("TuningRule %s: there is another of that name", name)
	}
	if len(t.rules) == tuning.MaxRules {
		return fmt.Errorf("TuningRule %s: there are more than %d, and a namespace has no more in force", name, tuning.MaxRules)
	}
	ready, err := tuning.Compile(convert.TuningRule(declared))
	if err != nil {
		return fmt.Errorf("TuningRule %s: spec.%w", name, err)
	}
	if t.names == nil {
		t.names = map[string]bool{}
	}
	t.names[name] = true
	t.rules = append(t.rules, ready)
	return nil
}

// Set is all of them.
func (t *TuningRules) Set() *tuning.Set { return tuning.NewSet(t.rules) }

// Tuned is what a tuning rule has done, or would have if it only monitors.
type Tuned struct {
	tuning.Rule
	Alerts int
	// Events are those counted in these alerts.
	Events int64
}

// Tuned tells of each tuning rule what it has done, in the order in which they go
// before each other.
func (r *Run) Tuned() []Tuned {
	var out []Tuned
	at := map[string]int{}
	for i, rule := range r.policies.Tuning.Rules() {
		out, at[rule.Name] = append(out, Tuned{Rule: rule}), i
	}
	for i := range r.alerts {
		a := &r.alerts[i]
		rules := a.tuning.Monitored
		if a.tuning.Rule != "" {
			rules = append([]string{a.tuning.Rule}, rules...)
		}
		for _, name := range rules {
			out[at[name]].Alerts++
			out[at[name]].Events += a.Occurrences
		}
	}
	return out
}
