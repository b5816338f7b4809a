package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// gathering is how long a rule waits after a hidden alert for further ones, as
// all of them are looked at together.
const gathering = 2 * time.Second

// hiddenAnew has a rule looked at that has hidden an alert: it may have been
// changed before that was seen everywhere.
var hiddenAnew = handler.Funcs{CreateFunc: func(_ context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	a, ok := e.Object.(*v1alpha1.Alert)
	if !ok {
		return
	}
	if rule := convert.Hidden(a); rule != "" {
		q.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: a.Namespace, Name: rule}}, gathering)
	}
}}

// due lists the hidden alerts that the rule does not hide any more, the oldest
// first.
func (c *Controller) due(ctx context.Context, rule *v1alpha1.TuningRule) ([]*v1alpha1.Alert, error) {
	var known *seen // nothing, where all are due
	if rule.DeletionTimestamp.IsZero() {
		var err error
		if known, err = c.seenOf(rule); err != nil {
			log.FromContext(ctx).V(1).Info("The rule is not valid; nothing is released", "reason", err.Error())
			return nil, nil
		}
	}
	var list v1alpha1.AlertList
	err := c.Client.List(ctx, &list, client.InNamespace(rule.Namespace), client.MatchingFields{kube.IndexAlertTuned: rule.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("listing the alerts of the rule: %w", err)
	}
	var due []*v1alpha1.Alert
	for i := range list.Items {
		if a := &list.Items[i]; convert.Hidden(a) != "" {
			due = append(due, a)
		}
	}
	if known != nil {
		due = known.exposed(due, c.Clock.Now())
	}
	slices.SortFunc(due, func(a, b *v1alpha1.Alert) int {
		return cmp.Or(a.Spec.FirstActivityTime.Compare(b.Spec.FirstActivityTime.Time), cmp.Compare(a.Name, b.Name))
	})
	return due, nil
}

// page is how many alerts are read at once past the cache.
const page = 500

// anyHidden looks past the cache for an alert that the rule still hides.
func (c *Controller) anyHidden(ctx context.Context, rule *v1alpha1.TuningRule) (bool, error) {
	list := v1alpha1.AlertList{}
	for {
		err := c.Live.List(ctx, &list, client.InNamespace(rule.Namespace),
			client.MatchingFields{kube.IndexAlertTuned: rule.Name}, client.Limit(page), client.Continue(list.Continue))
		if err != nil {
			return false, fmt.Errorf("listing the alerts of the rule: %w", err)
		}
		if slices.ContainsFunc(list.Items, func(a v1alpha1.Alert) bool { return convert.Hidden(&a) != "" }) {
			return true, nil
		}
		if list.Continue == "" {
			return false, nil
		}
	}
}

// untilExpiry is how long the rule stays in force; zero where it ends not, or has.
func untilExpiry(rule *v1alpha1.TuningRule, now time.Time) time.Duration {
	if rule.Spec.ExpiresAt == nil {
		return 0
	}
	return max(rule.Spec.ExpiresAt.Sub(now), 0)
}
