package correlation

import (
	"context"
	"time"

	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const (
	// lookAgainAfter is when the cluster is asked again, first, about an alert that
	// it could not be asked about at once; then the wait doubles.
	lookAgainAfter = 10 * time.Second
	// lookFor is how old an alert may be for that: what a pod was when it was
	// attacked is soon not to be seen any more.
	lookFor = 10 * time.Minute
)

// enrich adds to the alert what the cluster knows, before it is decided where it
// belongs, so that both are one write. Where that is known only later, it is
// decided anew.
func (c *Controller) enrich(ctx context.Context, s *scope) error {
	age := c.Clock.Since(s.alert.CreationTimestamp.Time)
	if c.Surroundings == nil || len(s.alert.Status.Entities) > 0 || age > lookFor {
		return nil
	}
	policy, err := kube.CorrelationOf(ctx, c.Client, s.alert.Namespace)
	if err != nil || policy.Settings.Enrichment == nil {
		return err
	}
	account := string(policy.Settings.Enrichment.ServiceAccountName)
	added, complete := c.Surroundings.Of(ctx, s.alert.Namespace, account, convert.Alert(s.alert))
	s.alert.Status.Entities = convert.EntitiesOut(added)
	if !complete {
		s.lookAgain = max(age, lookAgainAfter)
	}
	return nil
}
