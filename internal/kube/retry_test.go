package kube_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/internal/kube"
)

func TestRetryConflicts(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "alerts"}, "a", errors.New("the object has been modified"))
	other := errors.New("etcd is away")
	for name, tc := range map[string]struct {
		err   error
		want  error
		again bool
	}{
		"a conflict":         {fmt.Errorf("writing status: %w", conflict), nil, true},
		"another error":      {other, other, false},
		"nothing went wrong": {nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := reconcile.Result{RequeueAfter: time.Hour}
			result, err := kube.RetryConflicts(reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
				return asked, tc.err
			})).Reconcile(t.Context(), reconcile.Request{})
			if !errors.Is(err, tc.want) || (err != nil) != (tc.want != nil) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if soon := result.RequeueAfter > 0 && result.RequeueAfter < time.Second; soon != tc.again {
				t.Errorf("it is done again after %s", result.RequeueAfter)
			}
		})
	}
}
