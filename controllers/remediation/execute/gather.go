package execute

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/actions"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// finalizer keeps a remediation until what it has in place is undone.
const finalizer = "tocsin.dev/undo-remediation"

// scope is one reconciliation.
type scope struct {
	rem *v1alpha1.Remediation
	// first is the status that the reconciliation found; written is the newest one.
	first, written *v1alpha1.RemediationStatus
	plan           actions.Plan
	// as acts with the rights of the tenant's service account.
	as       client.Client
	in       lifecycle.Input
	sight    actions.Sight
	decision lifecycle.Decision
}

// gather collects what the decision rests on, but for what is only looked at
// when the decision asks for it.
func (c *Controller) gather(ctx context.Context, rem *v1alpha1.Remediation) (*scope, error) {
	s := &scope{rem: rem, first: rem.Status.DeepCopy(), written: rem.Status.DeepCopy()}
	s.in = lifecycle.Input{Request: convert.RemediationRequest(rem), Now: c.Clock.Now()}
	s.remember()
	if s.in.Record.State.Final() && !s.in.Record.Held {
		return s, nil
	}
	falsePositive, err := c.falsePositive(ctx, rem)
	if err != nil {
		return nil, err
	}
	s.in.Request.FalsePositive = falsePositive
	return s, c.render(s)
}

// remember reads back what was written down.
func (s *scope) remember() {
	s.in.Record = convert.RemediationRecord(s.rem)
	s.in.Record.Held = controllerutil.ContainsFinalizer(s.rem, finalizer)
}

// render says what would be done, and as whom. What can never be done is part
// of the decision, not an error.
func (c *Controller) render(s *scope) error {
	err := c.plan(s)
	if errors.Is(err, actions.ErrPlan) || errors.Is(err, kube.ErrIdentity) {
		s.in.Invalid = err.Error()
		return nil
	}
	return err
}

func (c *Controller) plan(s *scope) (err error) {
	account := string(s.rem.Spec.ServiceAccountName)
	user, err := kube.ServiceAccountUser(s.rem.Namespace, account)
	if err != nil {
		return err
	}
	if s.plan, err = actions.Render(requestOf(s.rem, user)); err != nil {
		return err
	}
	if s.as, err = c.Identities.As(s.rem.Namespace, account); err != nil {
		return err
	}
	s.plan = s.plan.For(s.rem.Status.TargetUID)
	s.in.Request.Undoable = s.plan.Undoable()
	s.in.Digest, err = s.plan.Digest()
	return err
}

func requestOf(rem *v1alpha1.Remediation, user string) actions.Request {
	return actions.Request{
		Remediation: actions.Remediation{Namespace: rem.Namespace, Name: rem.Name, UID: string(rem.UID)},
		Action:      string(rem.Spec.Action),
		Target: actions.Target{
			Kind: string(rem.Spec.Target.Kind), Namespace: rem.Spec.Target.Namespace,
			Name: rem.Spec.Target.Name, UID: rem.Spec.Target.UID,
		},
		ActsAs: user, TTLSeconds: ptr.Deref(rem.Spec.TTLSeconds, 0), Approval: string(rem.Spec.Approval), Reason: rem.Spec.Reason,
		Incident: string(rem.Spec.IncidentName), Investigation: string(rem.Spec.InvestigationName), RequestedBy: rem.Spec.RequestedBy,
	}
}

// maxRedirects bounds how far the merges of an incident are followed.
const maxRedirects = 16

// falsePositive reports whether people found the incident to be no attack.
func (c *Controller) falsePositive(ctx context.Context, rem *v1alpha1.Remediation) (bool, error) {
	name := rem.Spec.IncidentName
	for range maxRedirects {
		if name == "" {
			return false, nil
		}
		var incident v1alpha1.Incident
		err := c.Client.Get(ctx, types.NamespacedName{Namespace: rem.Namespace, Name: string(name)}, &incident)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading incident: %w", err)
		}
		if incident.Spec.Classification == v1alpha1.ClassificationFalsePositive {
			return true, nil
		}
		name = incident.Status.RedirectedTo
	}
	return false, nil
}
