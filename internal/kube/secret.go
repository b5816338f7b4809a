package kube

import (
	"bytes"
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
	ErrSecretInvalid   = errors.New("secret invalid")
)

// SecretUnusable says whether a value cannot be had until somebody changes
// something, rather than at the moment.
func SecretUnusable(err error) bool {
	return errors.Is(err, ErrSecretNotFound) || errors.Is(err, ErrSecretForbidden) || errors.Is(err, ErrSecretInvalid)
}

// SecretValues reads keys of a Secret, past the cache: Tocsin keeps no Secrets in
// memory, and may read only those that a tenant lets it read.
func SecretValues(ctx context.Context, reader client.Reader, namespace string, name v1alpha1.LocalName, keys ...string) ([][]byte, error) {
	var secret corev1.Secret
	err := reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: string(name)}, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: create Secret %s in this namespace", ErrSecretNotFound, name)
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("%w: allow Tocsin's service account to get Secret %s with a Role and a RoleBinding in this namespace", ErrSecretForbidden, name)
	case err != nil:
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		switch values[i] = secret.Data[key]; {
		case len(values[i]) == 0:
			return nil, fmt.Errorf("%w: Secret %s has no value under the key %s", ErrSecretNotFound, name, key)
		case len(bytes.TrimSpace(values[i])) == 0:
			return nil, fmt.Errorf("%w: Secret %s has only blanks under the key %s", ErrSecretInvalid, name, key)
		}
	}
	return values, nil
}
