package story

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// secret creates or replaces a Secret. It does not pass by a command line,
// where everybody on the machine could read it.
func (w *World) secret(ctx context.Context, namespace, name string, kind corev1.SecretType, data map[string]string) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	_, err := controllerutil.CreateOrUpdate(ctx, w.Client, secret, func() error {
		secret.Type, secret.StringData = kind, data
		return nil
	})
	return err
}
