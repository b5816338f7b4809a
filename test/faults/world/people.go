package world

import (
	"context"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// rightsTimeout is how long the API server may take to know of a new binding.
const rightsTimeout = 10 * time.Second

// As returns a client that is that user.
func As(config *rest.Config, c client.Client, user string) (client.Client, error) {
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	return client.New(config, client.Options{Scheme: c.Scheme(), Mapper: c.RESTMapper()})
}

// Grant gives a user the rights in the namespace, and waits until the API
// server knows it.
func Grant(ctx context.Context, c client.Client, namespace, user string, role rbacv1.RoleRef, rules ...rbacv1.PolicyRule) error {
	if role.Kind == "Role" {
		object := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role.Name}, Rules: rules}
		if err := c.Create(ctx, object); client.IgnoreAlreadyExists(err) != nil {
			return err
		}
	}
	role.APIGroup = rbacv1.GroupName
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "grant-"},
		RoleRef:    role,
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}
	if err := c.Create(ctx, binding); err != nil {
		return err
	}
	for _, rule := range rules {
		if err := awaitRight(ctx, c, namespace, user, rule); err != nil {
			return err
		}
	}
	return nil
}

func awaitRight(ctx context.Context, c client.Client, namespace, user string, rule rbacv1.PolicyRule) error {
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, rightsTimeout, true, func(ctx context.Context) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: rule.Resources[0], Name: "any",
			},
		}}
		err := c.Create(ctx, review)
		return err == nil && review.Status.Allowed, nil
	})
	if err != nil {
		return fmt.Errorf("%s was not granted %s %s within %s: %w", user, rule.Verbs[0], rule.Resources[0], rightsTimeout, err)
	}
	return nil
}
