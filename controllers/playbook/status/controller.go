// Package status tells of each playbook whether it is in use, and what became
// of it.
package status

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const owner = client.FieldOwner("tocsin-playbook-status")

// Deps are what the controller needs.
type Deps struct {
	Client client.Client
	Clock  clock.PassiveClock
}

// Controller keeps the status of playbooks.
type Controller struct{ Deps }

// New makes the controller.
func New(deps Deps) *Controller { return &Controller{Deps: deps} }

// Name is the controller's name in logs and metrics.
func (c *Controller) Name() string { return "playbook-status" }

// Register adds the controller to the manager.
func (c *Controller) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(c.Name()).
		For(&v1alpha1.Playbook{}).
		Watches(&v1alpha1.Investigation{}, byInvestigation(), investigationChanges()).
		WatchesMetadata(&corev1.ServiceAccount{}, byServiceAccount(c.Client), existence()).
		Complete(kube.RetryConflicts(reconcile.AsReconciler(mgr.GetClient(), c)))
}

// scope is what one reconciliation gathers.
type scope struct {
	playbook       *v1alpha1.Playbook
	accountMissing bool
	investigations []v1alpha1.Investigation
}

// +kubebuilder:rbac:groups=tocsin.dev,resources=playbooks;investigations,verbs=get;list;watch
// +kubebuilder:rbac:groups=tocsin.dev,resources=playbooks/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=serviceaccounts,verbs=get;list;watch

// Reconcile derives the playbook's status from the playbook and its investigations.
func (c *Controller) Reconcile(ctx context.Context, p *v1alpha1.Playbook) (reconcile.Result, error) {
	s, err := c.gather(ctx, p)
	if err != nil {
		return reconcile.Result{}, err
	}
	_, err = kube.ApplyStatus(ctx, c.Client, owner, p, &p.Status, c.status(s))
	return reconcile.Result{}, client.IgnoreNotFound(err)
}

func (c *Controller) gather(ctx context.Context, p *v1alpha1.Playbook) (*scope, error) {
	s := &scope{playbook: p}
	account := &metav1.PartialObjectMetadata{}
	account.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceAccount"))
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: string(p.Spec.ServiceAccountName)}, account)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading service account: %w", err)
	}
	s.accountMissing = apierrors.IsNotFound(err)

	var list v1alpha1.InvestigationList
	err = c.Client.List(ctx, &list, client.InNamespace(p.Namespace),
		client.MatchingFields{kube.IndexInvestigationPlaybook: p.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("listing investigations: %w", err)
	}
	s.investigations = list.Items
	return s, nil
}

// status is what the playbook's status is to be.
func (c *Controller) status(s *scope) *v1alpha1.PlaybookStatus {
	out := s.playbook.Status.DeepCopy()
	ready := readiness(s)
	ready.ObservedGeneration = s.playbook.Generation
	kube.SetCondition(&out.Conditions, ready, c.Clock.Now())
	out.ObservedGeneration = ptr.To(s.playbook.Generation)
	out.Investigations = ptr.To(int32(len(s.investigations)))

	remediations := map[v1alpha1.LocalName]bool{}
	out.LastRunTime = nil
	for _, inv := range s.investigations {
		for _, name := range inv.Status.Remediations {
			remediations[name] = true
		}
		if at := inv.Status.StartTime; at != nil && (out.LastRunTime == nil || out.LastRunTime.Before(at)) {
			out.LastRunTime = at.DeepCopy()
		}
	}
	out.Remediations = ptr.To(int32(len(remediations)))
	return out
}
