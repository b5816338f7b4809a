package run

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

// byAnnotation names the investigation whose Job made a pod.
func byAnnotation() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		name := obj.GetAnnotations()[workload.AnnotationInvestigation]
		if name == "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
	})
}

// byRemediation names the investigations that follow a remediation: the one
// that proposed it, and later ones of the incident.
func byRemediation(c client.Client) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		r, ok := obj.(*v1alpha1.Remediation)
		if !ok || r.Spec.InvestigationName == "" {
			return nil
		}
		return list(ctx, c, client.MatchingFields{kube.IndexInvestigationIncident: string(r.Spec.IncidentName)}, r.Namespace,
			func(inv *v1alpha1.Investigation) bool {
				return inv.Name == string(r.Spec.InvestigationName) || slices.Contains(inv.Status.Remediations, v1alpha1.LocalName(r.Name))
			})
	})
}

// byPlaybook names the investigations that wait to be started with a playbook.
func byPlaybook(c client.Client) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		return list(ctx, c, client.MatchingFields{kube.IndexInvestigationPlaybook: obj.GetName()}, obj.GetNamespace(),
			func(inv *v1alpha1.Investigation) bool { return inv.Status.Plan == nil })
	})
}

func list(ctx context.Context, c client.Client, fields client.MatchingFields, namespace string, wanted func(*v1alpha1.Investigation) bool) []reconcile.Request {
	var investigations v1alpha1.InvestigationList
	if err := c.List(ctx, &investigations, client.InNamespace(namespace), fields, client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "Listing investigations")
		return nil
	}
	var out []reconcile.Request
	for i := range investigations.Items {
		if inv := &investigations.Items[i]; !ended(inv) && wanted(inv) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(inv)})
		}
	}
	return out
}
