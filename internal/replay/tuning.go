package replay

import (
	"errors"
	"fmt"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// TuningRules are the TuningRules of one or more files.
type TuningRules struct {
	rules []*tuning.Ready
	names map[string]bool
}

// Read adds the TuningRules of a file: one or more documents of YAML or JSON, or the
// items of a List. Objects of other kinds may be between them.
func (t *TuningRules) Read(data []byte) error {
	return eachObject(data, "TuningRule", t.add)
}

func (t *TuningRules) add(declared *v1alpha1.TuningRule) error {
	if t.names[declared.Name] {
		return errors.New("there is another of that name")
	}
	if len(t.rules) == tuning.MaxRules {
		return fmt.Errorf("there are more than %d, and a namespace has no more in force", tuning.MaxRules)
	}
	ready, err := tuning.Compile(convert.TuningRule(declared))
	if err != nil {
		return fmt.Errorf("spec.%w", err)
	}
	if t.names == nil {
		t.names = map[string]bool{}
	}
	t.names[declared.Name] = true
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
