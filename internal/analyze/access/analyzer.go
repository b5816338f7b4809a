// Package access examines what service accounts may do, by RBAC review: those
// that the alerts name, and those that the named pods run as.
package access

import (
	"context"
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/tocsin-dev/tocsin/internal/analyze"
	"github.com/tocsin-dev/tocsin/internal/engine/assess"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// maxAccounts is how many accounts are examined: each takes a review for every
// permission on the list.
const maxAccounts = 32

// Analyzer examines the service accounts of an input.
type Analyzer struct{ Client kubernetes.Interface }

// account is a service account, and what is said of it.
type account struct {
	key  model.Key
	said assess.Context
}

// Analyze gives each service account a verdict. What may not be read is told,
// not guessed.
func (a Analyzer) Analyze(ctx context.Context, in document.Input) (document.Result, error) {
	out := document.Result{Verdicts: []document.Verdict{}}
	accounts, err := a.accounts(ctx, in)
	if err != nil {
		return document.Result{}, err
	}
	examined := accounts[:min(len(accounts), maxAccounts)]
	for _, acc := range examined {
		v, err := a.examine(ctx, acc)
		if err != nil {
			return document.Result{}, err
		}
		out.Verdicts = append(out.Verdicts, v)
	}
	out.Message = fmt.Sprintf("Service accounts examined: %d of %d", len(examined), len(accounts))
	return out, nil
}

// accounts are those that are named, then those that pods run as: what is said
// of a pod is said of what it acts as.
func (a Analyzer) accounts(ctx context.Context, in document.Input) ([]account, error) {
	var out []account
	for _, key := range analyze.Named(in, model.KindServiceAccount) {
		out = append(out, account{key, analyze.Context(in, key)})
	}
	for _, pod := range analyze.Named(in, model.KindPod) {
		key, ok, err := a.accountOf(ctx, pod)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		said := analyze.Context(in, pod)
		if i := slices.IndexFunc(out, func(known account) bool { return known.key == key }); i >= 0 {
			out[i].said = out[i].said.Join(said)
			continue
		}
		out = append(out, account{key, said})
	}
	return out, nil
}

// accountOf is what the pod runs as; false where that cannot be read.
func (a Analyzer) accountOf(ctx context.Context, pod model.Key) (model.Key, bool, error) {
	namespace, name, ok := analyze.Split(pod)
	if !ok {
		return model.Key{}, false, nil
	}
	found, err := a.Client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		return model.Key{}, false, nil
	case err != nil:
		return model.Key{}, false, fmt.Errorf("reading a pod: %w", err)
	}
	return model.Key{Kind: model.KindServiceAccount, Name: namespace + "/" + found.Spec.ServiceAccountName}, true, nil
}

func (a Analyzer) examine(ctx context.Context, acc account) (document.Verdict, error) {
	namespace, name, ok := analyze.Split(acc.key)
	if !ok {
		return analyze.Unknown(acc.key, "it is not the name of a service account"), nil
	}
	var allowed []assess.Permission
	for _, p := range assess.Permissions {
		may, err := a.review(ctx, namespace, name, p)
		switch {
		case apierrors.IsForbidden(err):
			return analyze.Unknown(acc.key, "the playbook's service account lacks the permission to create subjectaccessreviews"), nil
		case err != nil:
			return document.Verdict{}, fmt.Errorf("reviewing access: %w", err)
		}
		if may {
			allowed = append(allowed, p)
		}
	}
	return analyze.Verdict(acc.key, a.uid(ctx, namespace, name), assess.AssessAccess(allowed, acc.said)), nil
}

// review asks the API server whether the account has the permission.
func (a Analyzer) review(ctx context.Context, namespace, name string, p assess.Permission) (bool, error) {
	attributes := &authorizationv1.ResourceAttributes{Verb: p.Verb, Group: p.Group, Resource: p.Resource, Subresource: p.Subresource}
	if !p.Cluster {
		attributes.Namespace = namespace
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		ResourceAttributes: attributes,
		User:               fmt.Sprintf("system:serviceaccount:%s:%s", namespace, name),
		Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}}
	answer, err := a.Client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed, nil
}

// uid is the account's UID, where it may be read: it only helps to name it.
func (a Analyzer) uid(ctx context.Context, namespace, name string) string {
	found, err := a.Client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return string(found.UID)
}
