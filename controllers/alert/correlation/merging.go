package correlation

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/store"
)

// merging merges incidents where people ask for it (spec.mergeInto). It decides
// under the same lock, and on the same knowledge, as the correlation of alerts.
type merging struct{ *Controller }

func (m merging) register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("incident-merge").
		Watches(&v1alpha1.Incident{}, m.onIncident(predicate.Funcs{}, m.concerned)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(kube.RetryConflicts(m))
}

// concerned names the incident, if a merge was asked of it or refused to it, and
// those that are to be merged into it or into what was merged into it.
func (m merging) concerned(ctx context.Context, obj client.Object) []reconcile.Request {
	var requests []reconcile.Request
	inc, ok := obj.(*v1alpha1.Incident)
	if ok && (inc.Spec.MergeInto != nil || mergedCondition(&inc.Status) != nil) {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(inc)})
	}
	names, err := kube.WithMerged(ctx, m.Client, client.ObjectKeyFromObject(obj))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing what was merged into an incident")
	}
	for _, name := range names {
		var asking v1alpha1.IncidentList
		err := m.Client.List(ctx, &asking, client.InNamespace(obj.GetNamespace()),
			client.MatchingFields{kube.IndexIncidentMergeInto: name}, client.UnsafeDisableDeepCopy)
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Listing what is to be merged into an incident")
		}
		for i := range asking.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&asking.Items[i])})
		}
	}
	return requests
}

// Reconcile merges the incident as people ask, or says why not.
func (m merging) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	m.deciding.Lock()
	defer m.deciding.Unlock()
	tenant, err := m.tenant(ctx, request.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	source, err := m.incident(ctx, request.Namespace, request.Name)
	if err != nil || source == nil {
		return reconcile.Result{}, err
	}
	target, why, err := m.answer(ctx, tenant, source)
	if err != nil {
		return reconcile.Result{}, err
	}
	wrote, err := m.writeMerge(ctx, tenant, source, target, why)
	if wrote {
		m.eventMerge(source, target, why)
	}
	return reconcile.Result{}, err
}

// answer says into which incident the source is to be merged, none if not at all,
// and the condition that says why; without a reason there is nothing to say.
func (m merging) answer(ctx context.Context, tenant *store.Tenant, source *v1alpha1.Incident) (v1alpha1.LocalName, metav1.Condition, error) {
	asked, done := source.Spec.MergeInto, source.Status.RedirectedTo
	switch {
	case done != "":
		return done, m.overruled(tenant, source), nil
	case asked == nil:
		return "", metav1.Condition{}, nil
	}
	name, refused := tenant.Merge(source.Name, string(asked.Name))
	if refused == "" {
		message := fmt.Sprintf("%s asked for it to be merged into incident %s", askedBy(asked), name) + via(asked, name)
		return v1alpha1.LocalName(name), metav1.Condition{Status: metav1.ConditionTrue, Reason: convert.ReasonMergedByPerson, Message: message}, nil
	}
	target, err := m.incident(ctx, source.Namespace, name)
	if err != nil {
		return "", metav1.Condition{}, err
	}
	message := refusal(refused, source, target, name) + via(asked, name)
	return "", metav1.Condition{Status: metav1.ConditionFalse, Reason: refused, Message: message}, nil
}

// overruled keeps what is said of a merge that is done. Where correlation was
// faster, and merged it elsewhere than people asked, it tells them what to do.
func (m merging) overruled(tenant *store.Tenant, source *v1alpha1.Incident) metav1.Condition {
	said, asked := mergedCondition(&source.Status), source.Spec.MergeInto
	if said == nil {
		return metav1.Condition{}
	}
	out := *said
	into := string(source.Status.RedirectedTo)
	if asked != nil && out.Reason != convert.ReasonMergedByPerson && tenant.Follow(string(asked.Name)) != tenant.Follow(into) {
		out.Message = fmt.Sprintf("Correlation merged it into incident %s, before it could be merged into %s; to have them all in one, merge incident %s",
			into, asked.Name, tenant.Follow(into))
	}
	return out
}

// writeMerge writes the redirect, if there is a target, and the condition that
// goes with it; this one write commits the merge.
func (c *Controller) writeMerge(ctx context.Context, tenant *store.Tenant, source *v1alpha1.Incident, target v1alpha1.LocalName, why metav1.Condition) (bool, error) {
	before := &v1alpha1.IncidentStatus{RedirectedTo: source.Status.RedirectedTo}
	if said := mergedCondition(&source.Status); said != nil {
		before.Conditions = []metav1.Condition{*said}
	}
	if target != "" && target != before.RedirectedTo {
		if err := c.checkCircle(ctx, source, target); err != nil {
			return false, err
		}
	}
	c.awaitWriters()
	after := before.DeepCopy()
	after.RedirectedTo = target
	if why.Reason == "" {
		after.Conditions = nil
	} else {
		why.Type, why.ObservedGeneration = v1alpha1.IncidentConditionMerged, source.Generation
		kube.SetCondition(&after.Conditions, why, c.Clock.Now())
	}
	wrote, err := kube.ApplyStatus(ctx, c.Client, owner, source, before, after)
	if err != nil {
		return false, fmt.Errorf("merging %s into %s: %w", source.Name, target, err)
	}
	if target != "" {
		tenant.Merged(source.Name, string(target))
	}
	return wrote, nil
}

// checkCircle looks past the cache whether the target was merged into the source:
// a replica that led before this one may have done so just now.
func (c *Controller) checkCircle(ctx context.Context, source *v1alpha1.Incident, target v1alpha1.LocalName) error {
	if c.Live == nil {
		return nil
	}
	end, err := kube.Survivor(ctx, c.Live, types.NamespacedName{Namespace: source.Namespace, Name: string(target)})
	if err != nil {
		return fmt.Errorf("merging %s into %s: %w", source.Name, target, err)
	}
	if end.Name == source.Name {
		c.giveUp(source.Namespace)
		return fmt.Errorf("merging %s into %s: that was merged into it just now; deciding again", source.Name, target)
	}
	return nil
}

func mergedCondition(s *v1alpha1.IncidentStatus) *metav1.Condition {
	return meta.FindStatusCondition(s.Conditions, v1alpha1.IncidentConditionMerged)
}

// eventMerge tells whether a person's word was followed.
func (m merging) eventMerge(source *v1alpha1.Incident, target v1alpha1.LocalName, why metav1.Condition) {
	switch {
	case why.Reason == "" || source.Status.RedirectedTo != "": // told already
	case target == "":
		m.Recorder.Eventf(source, nil, corev1.EventTypeWarning, "MergeRefused", "Merge", "%s", why.Message)
	default:
		m.Recorder.Eventf(source, nil, corev1.EventTypeNormal, "Merged", "Merge", "The incident was merged into %s", target)
	}
}
