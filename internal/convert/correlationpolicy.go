package convert

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// CorrelationPolicy is the engine's view of correlation settings: what they
// leave out is as in correlation.DefaultPolicy.
func CorrelationPolicy(s v1alpha1.CorrelationSettings) correlation.Policy {
	out := correlation.DefaultPolicy()
	set := func(field *int, value *int32) { *field = int(ptr.Deref(value, int32(*field))) }
	set(&out.JoinBits, s.JoinBits)
	set(&out.MergeBits, s.MergeBits)
	set(&out.RoutineBits, s.RoutineBits)
	set(&out.HubIncidents, s.HubIncidents)
	set(&out.MaxAlerts, s.MaxAlerts)
	set(&out.MaxEntities, s.MaxEntities)
	span := func(field *time.Duration, seconds *int32) {
		if seconds != nil {
			*field = time.Duration(*seconds) * time.Second
		}
	}
	span(&out.Window, s.WindowSeconds)
	span(&out.ProximateWindow, s.ProximateWindowSeconds)
	out.Merge = s.Merge != v1alpha1.MergeDisabled
	for _, w := range s.Weights {
		out.Weights[model.EntityKind(w.Kind)] = int(ptr.Deref(w.Bits, 0))
	}
	return out
}

// OptOuts are the alerts that correlation settings keep to themselves. An error
// names the field: optOuts[staging].match.
func OptOuts(s v1alpha1.CorrelationSettings) (*match.Set, error) {
	list := make([]match.Named, 0, len(s.OptOuts))
	for _, o := range s.OptOuts {
		m := match.Match{Rules: o.Rules, Expression: o.Match}
		for _, source := range o.AlertSources {
			m.AlertSources = append(m.AlertSources, string(source))
		}
		list = append(list, match.Named{Name: o.Name, Match: m})
	}
	return match.CompileAll("optOuts", list)
}

// CorrelationProblems names what makes no sense in correlation settings, each
// with its field. They are checked whole, as those read from a file were seen by
// no API server.
func CorrelationProblems(s v1alpha1.CorrelationSettings) error {
	_, err := OptOuts(s)
	return errors.Join(mergeProblem(s.Merge), weightProblems(s.Weights), CorrelationPolicy(s).Validate(), err)
}

func mergeProblem(m v1alpha1.MergeMode) error {
	if m != "" && m != v1alpha1.MergeEnabled && m != v1alpha1.MergeDisabled {
		return fmt.Errorf("merge: must be Enabled or Disabled, is %q", m)
	}
	return nil
}

func weightProblems(weights []v1alpha1.EntityWeight) error {
	known := correlation.DefaultPolicy().Weights
	known[model.KindCluster] = 0
	seen := map[v1alpha1.EntityKind]bool{}
	var problems []error
	for _, w := range weights {
		if _, ok := known[model.EntityKind(w.Kind)]; !ok {
			problems = append(problems, fmt.Errorf("weights[%s].kind: there is no such kind of entity", w.Kind))
		}
		if seen[w.Kind] {
			problems = append(problems, fmt.Errorf("weights[%s].kind: is used twice", w.Kind))
		}
		if w.Bits == nil {
			problems = append(problems, fmt.Errorf("weights[%s].bits: is missing", w.Kind))
		}
		seen[w.Kind] = true
	}
	return errors.Join(problems...)
}

// CorrelationInForce is what is written of settings that were accepted: every
// figure is told, as the API server would add those left out.
func CorrelationInForce(generation int64, s v1alpha1.CorrelationSettings) *v1alpha1.CorrelationPolicyInForce {
	p := CorrelationPolicy(s)
	out := &v1alpha1.CorrelationPolicyInForce{Generation: &generation, CorrelationSettings: *s.DeepCopy()}
	out.JoinBits, out.MergeBits, out.RoutineBits = figure(p.JoinBits), figure(p.MergeBits), figure(p.RoutineBits)
	out.WindowSeconds, out.ProximateWindowSeconds = figure(p.Window/time.Second), figure(p.ProximateWindow/time.Second)
	out.HubIncidents, out.MaxAlerts, out.MaxEntities = figure(p.HubIncidents), figure(p.MaxAlerts), figure(p.MaxEntities)
	out.Merge = cmp.Or(s.Merge, v1alpha1.MergeEnabled)
	return out
}

func figure[N int | time.Duration](n N) *int32 { return ptr.To(int32(n)) }
