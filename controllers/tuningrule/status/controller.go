// Package status tells of each tuning rule whether it is in force, when it is
// about to expire, and what it has matched.
//
// What it has matched is counted anew from the alerts that there are: nothing is
// lost or counted twice, whenever a process ends.
package status

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const owner = client.FieldOwner("tocsin-tuningrule-status")

// Deps are what the controller needs.
type Deps struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
}

// Controller writes the status of tuning rules.
type Controller struct{ Deps }

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{deps} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "tuningrule-status" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.TuningRule{}).
		Watches(&v1alpha1.Alert{}, matched).
		Complete(kube.RetryConflicts(reconcile.AsReconciler(mgr.GetClient(), c)))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts;tuningrules,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=tuningrules/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile writes what a rule has matched and whether it is in force, and comes
// back when time changes that.
func (c *Controller) Reconcile(ctx context.Context, rule *v1alpha1.TuningRule) (reconcile.Result, error) {
	alerts, err := c.alerts(ctx, rule)
	if err != nil {
		return reconcile.Result{}, err
	}
	ignored, err := c.ignored(ctx, rule)
	if err != nil {
		return reconcile.Result{}, err
	}
	now := c.Clock.Now()
	before, after := rule.Status.DeepCopy(), status(rule, ignored, alerts, now)
	wrote, err := kube.ApplyStatus(ctx, c.Client, owner, rule, before, after)
	if wrote {
		c.publish(rule, before, after)
	}
	return reconcile.Result{RequeueAfter: untilNews(rule, ignored, now)}, client.IgnoreNotFound(err)
}

// ignored reports whether there are so many rules that this one is not looked at.
func (c *Controller) ignored(ctx context.Context, rule *v1alpha1.TuningRule) (bool, error) {
	heeded, err := kube.TuningRulesOf(ctx, c.Client, rule.Namespace)
	return len(heeded) == tuning.MaxRules && !slices.ContainsFunc(heeded, func(r *v1alpha1.TuningRule) bool { return r.UID == rule.UID }), err
}

// alerts are those that the rule has matched, whether it acted or only counted.
// No alert is in both lists: a rule does one or the other.
func (c *Controller) alerts(ctx context.Context, rule *v1alpha1.TuningRule) ([]v1alpha1.Alert, error) {
	var all []v1alpha1.Alert
	for _, index := range []string{kube.IndexAlertTuned, kube.IndexAlertMonitored} {
		var list v1alpha1.AlertList
		err := c.Client.List(ctx, &list, client.InNamespace(rule.Namespace), client.MatchingFields{index: rule.Name}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, fmt.Errorf("listing the alerts of the rule: %w", err)
		}
		all = append(all, list.Items...)
	}
	return all, nil
}
