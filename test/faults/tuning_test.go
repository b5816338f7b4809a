package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// The rules of Falco that are tuned, each by the tuning rule that is named so.
const (
	kept      = "Kept"
	changed   = "Changed"
	deleted   = "Deleted"
	expired   = "Expired"
	answered  = "Answered"
	belittled = "Belittled"
)

const critical = "Critical"

// TestTuning plays what tuning rules do: alerts are hidden, resolved and
// rescored; what was hidden is released once its rule is changed, deleted or
// expired, and not where the rule keeps it.
func TestTuning(t *testing.T) {
	harness.Suite(t, cluster(t), tuned())
}

func tuned() harness.Scenario {
	return harness.Scenario{
		Name: "tuning", Process: tocsin.Process,
		Quiet: 2500 * time.Millisecond, // longer than the status of a rule waits for further alerts
		Prepare: func(ctx context.Context, r *harness.Run) error {
			err := errors.Join(create(ctx, r, tocsin.Token(r)), create(ctx, r, builders.AlertSource(r.Namespace, tocsin.Falco)))
			for _, rule := range []string{kept, changed, deleted, expired} {
				err = errors.Join(err, create(ctx, r, tuning(r, rule, v1alpha1.TuningHide, func(s *v1alpha1.TuningRuleSpec) {
					if rule != kept {
						s.HiddenAlerts = v1alpha1.HiddenAlertsRelease
					}
				})))
			}
			return errors.Join(err,
				create(ctx, r, tuning(r, answered, v1alpha1.TuningResolve, func(*v1alpha1.TuningRuleSpec) {})),
				create(ctx, r, tuning(r, belittled, v1alpha1.TuningRescore, func(s *v1alpha1.TuningRuleSpec) { s.Severity = v1alpha1.SeverityLow })))
		},
		Steps: []harness.Step{
			{
				Name: "hidden", Await: tunedTo("Hidden", kept, changed, deleted, expired),
				Do: eachOnce("hidden", falco(kept, critical, 1), falco(changed, critical, 1), falco(deleted, critical, 1), falco(expired, critical, 1)),
			},
			{Name: "repetition", Do: falco(changed, critical, 2), Await: happened(changed, 2)},
			{
				Name: "not hidden", Await: func(r *harness.Run, v history.View) error {
					return errors.Join(tunedTo("Correlated", answered, belittled)(r, v), held(v, changed, deleted, expired))
				},
				Do: eachOnce("not hidden", falco(answered, critical, 1), falco(belittled, critical, 1)),
			},
			{
				Name: "rules end", Await: letGo,
				Do: eachOnce("rules end",
					retune(changed, func(s *v1alpha1.TuningRuleSpec) { s.Match.Rules = []string{"Another"} }),
					retune(expired, func(s *v1alpha1.TuningRuleSpec) {
						s.ExpiresAt = ptr.To(metav1.NewTime(clock.RealClock{}.Now().Add(-time.Second)))
					}),
					func(ctx context.Context, r *harness.Run) error {
						return client.IgnoreNotFound(r.Client.Delete(ctx, tuning(r, deleted, v1alpha1.TuningHide, nil)))
					},
					retune(kept, func(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(true) })),
			},
			{Name: "totals", Await: func(r *harness.Run, v history.View) error {
				if said := tocsin.Counted(r, v); said != tocsin.CountedOnce {
					return errors.New(said)
				}
				return nil
			}},
		},
		Outcome: func(r *harness.Run, v history.View) any {
			return append(append(each(v, tunedLine), each(v, ruleLine)...), tocsin.Counted(r, v))
		},
		Flips: []harness.Flip{{
			Name: "a rule is suspended and resumed", Resource: ours("tuningrules"), After: "repetition",
			Do: func(ctx context.Context, r *harness.Run) error {
				return errors.Join(
					retune(changed, func(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(true) })(ctx, r),
					retune(changed, func(s *v1alpha1.TuningRuleSpec) { s.Suspend = nil })(ctx, r))
			},
		}},
	}
}

// eachOnce does one thing after the other; a further try goes on where the one
// before has failed.
func eachOnce(name string, steps ...func(context.Context, *harness.Run) error) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		for i, step := range steps {
			key := fmt.Sprint(name, " ", i)
			if _, done := r.Memory.Load(key); done {
				continue
			}
			if err := step(ctx, r); err != nil {
				return err
			}
			r.Memory.Store(key, true)
		}
		return nil
	}
}

// tuning is a tuning rule for one rule of Falco.
func tuning(r *harness.Run, rule string, action v1alpha1.TuningAction, change func(*v1alpha1.TuningRuleSpec)) *v1alpha1.TuningRule {
	return builders.TuningRule(r.Namespace, strings.ToLower(rule), func(t *v1alpha1.TuningRule) {
		t.Spec.Match.Rules, t.Spec.Action = []string{rule}, action
		if change != nil {
			change(&t.Spec)
		}
	})
}

// retune changes the tuning rule for a rule of Falco.
func retune(rule string, change func(*v1alpha1.TuningRuleSpec)) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		t := &v1alpha1.TuningRule{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: strings.ToLower(rule)}, t); err != nil {
			return err
		}
		before := t.DeepCopy()
		change(&t.Spec)
		return r.Client.Patch(ctx, t, client.MergeFrom(before))
	}
}

// membershipOf says whether an alert is hidden or in an incident.
func membershipOf(a *v1alpha1.Alert) string {
	switch said := conditions(a.Status.Conditions); {
	case a.Status.IncidentName == "" && strings.Contains(said, "Correlated=False/Hidden"):
		return "Hidden"
	case a.Status.IncidentName != "" && strings.Contains(said, "Correlated=True"):
		return "Correlated"
	}
	return "neither"
}

// tunedTo: there is such an alert of each rule.
func tunedTo(want string, rules ...string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		for _, rule := range rules {
			such := func(a *v1alpha1.Alert) bool { return a.Spec.Source.Rule == rule && membershipOf(a) == want }
			if !slices.ContainsFunc(history.List[*v1alpha1.Alert](v), such) {
				return fmt.Errorf("no alert of rule %s is %s", rule, want)
			}
		}
		return nil
	}
}

// held: the rules are not deleted before their alerts are released. One that is
// deleted before that is seen to is a rule that never was: it releases nothing.
func held(v history.View, rules ...string) error {
	for _, rule := range rules {
		if t, _ := history.Get[*v1alpha1.TuningRule](v, strings.ToLower(rule)); t == nil || len(t.Finalizers) == 0 {
			return fmt.Errorf("rule %s has no finalizer", rule)
		}
	}
	return nil
}

// letGo: the deleted rule is gone, and what was hidden is released where that was said.
func letGo(r *harness.Run, v history.View) error {
	if t, there := history.Get[*v1alpha1.TuningRule](v, strings.ToLower(deleted)); there {
		return fmt.Errorf("rule %s is still there, with finalizers %v", t.Name, t.Finalizers)
	}
	return errors.Join(tunedTo("Correlated", changed, deleted, expired)(r, v), tunedTo("Hidden", kept)(r, v))
}

func tunedLine(a *v1alpha1.Alert) string {
	t := ptr.Deref(a.Spec.Tuning, v1alpha1.AlertTuning{})
	return fmt.Sprintf("alert of rule %s: %s, severity %s, %d events, %s by %s (detected %q), released: %t",
		a.Spec.Source.Rule, membershipOf(a), a.Spec.Severity, ptr.Deref(a.Status.Occurrences, 0),
		t.Action, t.RuleName, t.DetectedSeverity, a.Status.ReleasedTime != nil)
}

func ruleLine(t *v1alpha1.TuningRule) string {
	m := ptr.Deref(t.Status.Matches, v1alpha1.TuningRuleMatches{})
	return fmt.Sprintf("rule %s: %s, %d alerts, %d events, %d released, any last: %t, finalizers %v", t.Name, conditions(t.Status.Conditions),
		ptr.Deref(m.Alerts, -1), ptr.Deref(m.Occurrences, -1), ptr.Deref(m.Released, 0), t.Status.LastMatchTime != nil, t.Finalizers)
}
