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

// rulesWhileHidden are the rules of a tenant, where the newest alert is hidden;
// elsewhere they do not matter.
func (d *Drain) rulesWhileHidden(ctx context.Context, k key, newest known) (*tuning.Set, error) {
	if newest.hiddenBy == "" {
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

// hides reports whether a rule hides an event. One on which it fails is shown: it
// opens an alert in which the next ones count.
func hides(rules *tuning.Set, rule string, s signal) bool {
	hidden, err := rules.Hides(rule, s.alert, s.received)
	if err != nil {
		tuningFailures.Inc()
	}
	return hidden
}
