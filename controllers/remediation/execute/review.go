package execute

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// review asks the API server whether those who approved may still approve.
func (c *Controller) review(ctx context.Context, s *scope) error {
	for i := range s.in.Request.Approvals {
		a := &s.in.Request.Approvals[i]
		if !s.in.Counts(*a) || a.Permission != lifecycle.Unasked {
			continue
		}
		permission, err := c.mayApprove(ctx, s.rem, s.rem.Spec.Approvals[i])
		if err != nil {
			return fmt.Errorf("asking whether %s may approve: %w", a.Approver, err)
		}
		a.Permission = permission
	}
	return nil
}

func (c *Controller) mayApprove(ctx context.Context, rem *v1alpha1.Remediation, a v1alpha1.Approval) (lifecycle.Permission, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: a.Approver, Groups: a.Groups,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: rem.Namespace, Name: rem.Name, Verb: "approve",
			Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "remediations",
		},
	}}
	if err := c.Client.Create(ctx, review); err != nil {
		return lifecycle.Unasked, err
	}
	if review.Status.Allowed && !review.Status.Denied {
		return lifecycle.Granted, nil
	}
	return lifecycle.Denied, nil
}
