package kube

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// Why a Secret's value cannot be had. The messages say what to do.
var (
	ErrSecretNotFound  = errors.New("secret not found")
	ErrSecretForbidden = errors.New("secret forbidden")
)

// SecretValue reads one key of a Secret, past the cache: Tocsin keeps no
// Secrets in memory, and may read only those that a tenant lets it read.
func SecretValue(ctx context.Context, reader client.Reader, namespace string, ref v1alpha1.SecretKeyReference) ([]byte, error) {
	var secret corev1.Secret
	err := reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: string(ref.Name)}, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: create Secret %s in this namespace", ErrSecretNotFound, ref.Name)
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("%w: allow Tocsin's service account to get Secret %s with a Role and a RoleBinding in this namespace", ErrSecretForbidden, ref.Name)
	case err != nil:
		return nil, fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	}
	value := secret.Data[ref.Key]
	if len(value) == 0 {
		return nil, fmt.Errorf("%w: Secret %s has no value under the key %s", ErrSecretNotFound, ref.Name, ref.Key)
	}
	return value, nil
}
