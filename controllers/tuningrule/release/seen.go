package release

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// maxSeen bounds the rules of which is kept what they hide. A rule that was dropped
// is asked about each of its alerts again, in some ten microseconds each.
const maxSeen = 256

// seen is what a generation of a rule was found to hide. What it sees of an alert
// never changes, so that it is asked once about each.
type seen struct {
	generation int64
	rule       tuning.Rule
	set        *tuning.Set
	hidden     map[types.UID]bool
}

// seenOf is what is known of a rule; nothing, where that was changed.
func (c *Controller) seenOf(rule *v1alpha1.TuningRule) (*seen, error) {
	if known, ok := c.seen.Get(rule.UID); ok && known.(*seen).generation == rule.Generation {
		return known.(*seen), nil
	}
	compiled, err := tuning.Compile(convert.TuningRule(rule))
	if err != nil {
		return nil, err
	}
	s := &seen{generation: rule.Generation, rule: compiled.Rule, set: tuning.NewSet([]*tuning.Ready{compiled})}
	c.seen.Add(rule.UID, s)
	return s, nil
}

// exposed returns those of the hidden alerts that the rule does not hide at a time.
// It forgets the alerts that are not among them any more.
func (s *seen) exposed(alerts []*v1alpha1.Alert, now time.Time) []*v1alpha1.Alert {
	if !s.rule.InForce(now) {
		return alerts
	}
	var exposed []*v1alpha1.Alert
	hidden := make(map[types.UID]bool, len(alerts))
	for _, a := range alerts {
		hides := s.hidden[a.UID]
		if !hides {
			// One on which it fails it would not have hidden.
			hides, _ = s.set.Hides(s.rule.Name, convert.Reported(a), now)
		}
		if hides {
			hidden[a.UID] = true
		} else {
			exposed = append(exposed, a)
		}
	}
	s.hidden = hidden
	return exposed
}
