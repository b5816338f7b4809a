// Package status tells of each alert source whether it is in use, and where
// its sender posts to.
package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const owner = client.FieldOwner("tocsin-alertsource-status")

// recheck is how soon a Secret that came or went is noticed.
const recheck = time.Minute

// Deps are what the controller needs.
type Deps struct {
	Client client.Client
	Clock  clock.PassiveClock
	// GatewayTLS says whether the gateway serves TLS, and so sees certificates.
	GatewayTLS bool
}

// Controller writes the conditions of alert sources.
type Controller struct{ Deps }

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{deps} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "alertsource-status" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.AlertSource{}).
		Complete(kube.RetryConflicts(reconcile.AsReconciler(mgr.GetClient(), c)))
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=alertsources,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=alertsources/status,verbs=patch

// Reconcile checks one source. Whether one that watches reports is ready, who
// watches tells.
func (c *Controller) Reconcile(ctx context.Context, from *v1alpha1.AlertSource) (reconcile.Result, error) {
	before, after := owned(from), owned(from)
	if from.Spec.Watch == nil {
		ready, err := c.check(ctx, from)
		if err != nil {
			return reconcile.Result{}, err
		}
		ready.Type, ready.ObservedGeneration = v1alpha1.ConditionReady, from.Generation
		after.ObservedGeneration = &from.Generation
		after.Endpoint = fmt.Sprintf("/v1/sources/%s/%s", from.Namespace, from.Name)
		kube.SetCondition(&after.Conditions, ready, c.Clock.Now())
	}
	c.setRecent(&after.Conditions, from.Status.ThrottledTime, throttled)
	c.setRecent(&after.Conditions, from.Status.DelayedTime, delayed)
	c.setRecent(&after.Conditions, from.Status.FingerprintFailedTime, fingerprintFailing)
	_, err := kube.ApplyStatus(ctx, c.Client, owner, from, before, after)
	return reconcile.Result{RequeueAfter: recheck}, err
}

// recent is how long after it was last seen a condition is still true: some of
// the minutes in which the gateway tells it.
const recent = 5 * time.Minute

var (
	throttled = metav1.Condition{
		Type: v1alpha1.ConditionThrottled, Status: metav1.ConditionTrue, Reason: "EventRate",
		Message: "It sends more events than spec.limits.eventsPerSecond and burstEvents allow; the sender is told to send them again later",
	}
	delayed = metav1.Condition{
		Type: v1alpha1.ConditionDelayed, Status: metav1.ConditionTrue, Reason: "Backlog",
		Message: "Events that were taken wait long to be stored, or use up the room that this namespace has for events that wait: look for an API server that is slow or away, a quota of this namespace, or a source that floods it",
	}
	fingerprintFailing = metav1.Condition{
		Type: v1alpha1.ConditionFingerprintFailing, Status: metav1.ConditionTrue, Reason: "EvaluationError",
		Message: "spec.fingerprint fails on events: these are folded by what the format says, not by the expression. Mostly it names a field that not every event has; kubectl tocsin replay of recorded events says what failed",
	}
)

// setRecent sets a condition for as long as it was seen lately.
func (c *Controller) setRecent(conditions *[]metav1.Condition, seen *metav1.Time, condition metav1.Condition) {
	if seen == nil || c.Clock.Since(seen.Time) > recent {
		meta.RemoveStatusCondition(conditions, condition.Type)
		return
	}
	kube.SetCondition(conditions, condition, c.Clock.Now())
}

// check finds what keeps a source from being used, if anything does.
func (c *Controller) check(ctx context.Context, from *v1alpha1.AlertSource) (metav1.Condition, error) {
	unready := func(reason, message string) (metav1.Condition, error) {
		return metav1.Condition{Status: metav1.ConditionFalse, Reason: reason, Message: message}, nil
	}
	if ptr.Deref(from.Spec.Suspend, false) {
		return unready("Suspended", "spec.suspend is true: what the sender posts is refused")
	}
	if _, err := source.New(from, nil); err != nil {
		return unready("Invalid", err.Error())
	}
	if from.Spec.Auth.ClientCertificate != nil && !c.GatewayTLS {
		return unready("GatewayWithoutTLS", "spec.auth.clientCertificate: the gateway serves plain HTTP and sees no certificates: give it a certificate (gateway.tls in the chart's values, --gateway-cert-dir), or choose another way in spec.auth")
	}
	secrets := func(name v1alpha1.LocalName, keys ...string) ([][]byte, error) {
		return kube.SecretValues(ctx, c.Client, from.Namespace, name, keys...)
	}
	_, err := source.Auth(from, secrets, source.Checks{Clock: c.Clock, Memory: auth.NewMemory(c.Clock)})
	switch {
	case errors.Is(err, kube.ErrSecretNotFound):
		return unready("SecretNotFound", err.Error())
	case errors.Is(err, kube.ErrSecretForbidden):
		return unready("SecretForbidden", err.Error())
	case errors.Is(err, kube.ErrSecretInvalid):
		return unready("SecretInvalid", err.Error())
	case err != nil:
		return metav1.Condition{}, err
	}
	return metav1.Condition{Status: metav1.ConditionTrue, Reason: "Valid", Message: "The gateway takes what the sender posts"}, nil
}

// owned is the part of the status that this controller writes; the totals are
// the gateway's.
func owned(from *v1alpha1.AlertSource) *v1alpha1.AlertSourceStatus {
	s := from.Status.DeepCopy()
	if from.Spec.Watch == nil {
		return &v1alpha1.AlertSourceStatus{Conditions: s.Conditions, ObservedGeneration: s.ObservedGeneration, Endpoint: s.Endpoint}
	}
	ready := func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionReady }
	return &v1alpha1.AlertSourceStatus{Conditions: slices.DeleteFunc(s.Conditions, ready)}
}
