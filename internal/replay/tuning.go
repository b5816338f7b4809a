package replay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// TuningRules are the TuningRules of one or more files.
type TuningRules struct{ rules []namespaced }

// namespaced is a rule and its tenant, where that is declared.
type namespaced struct {
	namespace string
	*tuning.Ready
}

// Read adds the TuningRules of a file: one or more documents of YAML or JSON, or the
// items of a List. Objects of other kinds may be between them.
func (t *TuningRules) Read(data []byte) error {
	return eachObject(data, "TuningRule", t.add)
}

func (t *TuningRules) add(declared *v1alpha1.TuningRule) error {
	before := 0
	for _, r := range t.rules {
		if r.namespace != declared.Namespace {
			continue
		}
		if before++; r.Name == declared.Name {
			return errors.New("there is another of that name")
		}
	}
	if before == tuning.MaxRules {
		return fmt.Errorf("there are more than %d, and a namespace has no more in force", tuning.MaxRules)
	}
	ready, err := tuning.Compile(convert.TuningRule(declared))
	if err != nil {
		return fmt.Errorf("spec.%w", err)
	}
	t.rules = append(t.rules, namespaced{declared.Namespace, ready})
	return nil
}

// For is those that hold in a namespace, and a line for each of the others. Where
// either is empty it is thought to be the same.
func (t *TuningRules) For(namespace string) (set *tuning.Set, notes []string, err error) {
	var held []*tuning.Ready
	for _, rule := range t.rules {
		if rule.namespace != "" && namespace != "" && rule.namespace != namespace {
			notes = append(notes, fmt.Sprintf("Tuning rule %s is not used: it is in namespace %s, and the events are of %s.", rule.Name, rule.namespace, namespace))
			continue
		}
		if slices.ContainsFunc(held, func(r *tuning.Ready) bool { return r.Name == rule.Name }) {
			return nil, nil, fmt.Errorf("TuningRule %s: there is one of that name in several namespaces; give the AlertSource its own", rule.Name)
		}
		held = append(held, rule.Ready)
	}
	return tuning.NewSet(held), notes, nil
}

// Tuned is what a tuning rule has done, or would have if it only monitors.
type Tuned struct {
	tuning.Rule
	Alerts int
	// Events are those counted in these alerts.
	Events int64
	// Failures is on how many events it failed, Failure why it did so first.
	Failures int
	Failure  string
	// Expired says that it had expired when the newest event came.
	Expired bool
}

// failure is on how many events a rule failed, which was the last, and why it
// failed on the first.
type failure struct {
	events, last int
	reason       string
}

// fail notes the rules that failed on the newest event. One can fail on it twice:
// where it is held against the open alert, and where it opens another.
func (r *Run) fail(err error) {
	for _, one := range tuning.Failures(err) {
		noted := r.failed[one.Rule]
		if noted.last == r.taken {
			continue
		}
		r.failed[one.Rule] = failure{noted.events + 1, r.taken, cmp.Or(noted.reason, text.Line(one.Err.Error(), maxReason))}
	}
}

// Tuned tells of each tuning rule what it has done, in the order in which they go
// before each other.
func (r *Run) Tuned() []Tuned {
	var out []Tuned
	at := map[string]int{}
	for i, rule := range r.policies.Tuning.Rules() {
		failed := r.failed[rule.Name]
		out = append(out, Tuned{
			Rule: rule, Failures: failed.events, Failure: failed.reason,
			Expired: !rule.Expires.IsZero() && !r.newest.Before(rule.Expires),
		})
		at[rule.Name] = i
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

// TuningNotes are a line for each tuning rule that failed on events, is suspended,
// or expired before it matched anything.
func (r *Run) TuningNotes() []string {
	var notes []string
	for _, rule := range r.Tuned() {
		switch {
		case rule.Failures > 0:
			events := "1 event"
			if rule.Failures > 1 {
				events = fmt.Sprintf("%d events", rule.Failures)
			}
			notes = append(notes, fmt.Sprintf("Tuning rule %s failed on %s, and matches nothing on which it fails. The first time: %s", rule.Name, events, rule.Failure))
		case rule.Suspended:
			notes = append(notes, fmt.Sprintf("Tuning rule %s was not applied: it is suspended.", rule.Name))
		case rule.Expired && rule.Alerts == 0:
			notes = append(notes, fmt.Sprintf("Tuning rule %s matched nothing before it expired at %s, by the time of the events.", rule.Name, rule.Expires.Format(time.RFC3339)))
		}
	}
	return notes
}
