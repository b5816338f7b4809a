package registry

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// TestPrimeInsists: the gateway does not turn senders away because a Secret
// could not be read at the first attempt.
func TestPrimeInsists(t *testing.T) {
	for name, test := range map[string]struct {
		problem error
		lasts   int
		synced  bool
	}{
		"no problem":                {synced: true},
		"the API server is away":    {problem: apierrors.NewServiceUnavailable("away"), lasts: 5, synced: true},
		"it stays away":             {problem: apierrors.NewServiceUnavailable("away"), lasts: 1 << 30},
		"Tocsin may not read it":    {problem: apierrors.NewForbidden(corev1.Resource("secrets"), "token", errors.New("no")), lasts: 1 << 30, synced: true},
		"the Secret does not exist": {problem: apierrors.NewNotFound(corev1.Resource("secrets"), "token"), lasts: 1 << 30, synced: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := builders.AlertSource("shop", "falco")
				known := source.NewRegistry()
				reads := 0
				c := New(Deps{Registry: known, Clock: clock.RealClock{}, Client: serving(t, from, func() error {
					if reads++; reads <= test.lasts {
						return test.problem
					}
					return nil
				})})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := (prime{c}).Start(ctx); err != nil {
					t.Fatal(err)
				}
				if _, taken := known.Get(client.ObjectKeyFromObject(from)); known.Synced() != test.synced || taken != test.synced {
					t.Errorf("synced: %t, taken: %t, want %t", known.Synced(), taken, test.synced)
				}
				if reads > 30 {
					t.Errorf("%d reads in a minute", reads)
				}
			})
		})
	}
}

// serving returns a client of a source and its token; read decides on each
// attempt to read the token.
func serving(t *testing.T, from *v1alpha1.AlertSource, read func() error) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	ref := from.Spec.Auth.BearerToken
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: from.Namespace, Name: string(ref.Name)},
		Data:       map[string][]byte{ref.Key: []byte("token")},
	}
	return interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithObjects(from, token).Build(), interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, secret := object.(*corev1.Secret); secret {
				if err := read(); err != nil {
					return err
				}
			}
			return inner.Get(ctx, key, object, options...)
		},
	})
}
