package kube

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// conflictDelay is how long a reconciliation waits after a conflict: about as
// long as a watch takes to bring what somebody else wrote.
const conflictDelay = 50 * time.Millisecond

// RetryConflicts makes an ordinary conflict what it is: somebody else wrote
// first, and the reconciliation is done again from what they wrote. It is no
// error, and not logged as one.
func RetryConflicts(inner reconcile.Reconciler) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		result, err := inner.Reconcile(ctx, request)
		if apierrors.IsConflict(err) {
			ctrl.LoggerFrom(ctx).V(1).Info("Somebody else wrote first; doing it again", "conflict", err.Error())
			return reconcile.Result{RequeueAfter: conflictDelay}, nil
		}
		return result, err
	})
}
