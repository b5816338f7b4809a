package drain

import (
	"context"
	"fmt"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// tune says what becomes of the alert that a signal opens, by the rules of this
// moment. Whether one has expired is judged by the time of receipt: what an event
// says of its own time is the sender's.
func (d *Drain) tune(ctx context.Context, k key, s signal) (tuning.Decision, error) {
	rules, err := d.rules(ctx, k)
	if err != nil {
		return tuning.Decision{}, err
	}
	decision, err := rules.Decide(s.alert, s.received)
	if err != nil {
		tuningFailures.Inc()
		logf.FromContext(ctx).V(1).Info("Tuning rules failed on an alert", "namespace", k.tenant, "reason", err.Error())
	}
	return decision, nil
}

// rulesWhileTuned are the rules of a tenant, where one acted on the newest alert;
// elsewhere they do not matter.
func (d *Drain) rulesWhileTuned(ctx context.Context, k key, newest known) (*tuning.Set, error) {
	if newest.tuned.Rule == "" {
		return nil, nil
	}
	return d.rules(ctx, k)
}

func (d *Drain) rules(ctx context.Context, k key) (*tuning.Set, error) {
	if d.tuning == nil {
		return nil, nil
	}
	rules, err := d.tuning.Of(ctx, k.tenant)
	if err != nil {
		return nil, fmt.Errorf("looking for the tuning rules of %s: %w", k.tenant, err)
	}
	return rules, nil
}

// covers reports whether an event may count in an alert that was tuned. One on
// which the rule fails may not: it opens an alert in which the next ones count.
func covers(rules *tuning.Set, tuned known, s signal) bool {
	covered, err := rules.Covers(tuned.tuned, s.alert, s.received)
	if err != nil {
		tuningFailures.Inc()
	}
	return covered
}
