package story

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// undoLimit is how long remediations may take to be undone. Where Tocsin does
// not run any more nobody will undo them.
const undoLimit = 20 * time.Second

// tidy removes what an earlier run left, in the order in which it can go. Tocsin
// itself stays and is upgraded.
func tidy(ctx context.Context, w *World) error {
	if err := w.forgetRemediations(ctx); err != nil {
		return err
	}
	deletions := [][]string{
		{"delete", "-k", w.samples(), "--ignore-not-found", "--wait=false"},
		{"delete", "namespace", Shop, Tenant, "--ignore-not-found", "--wait=false"},
		{"delete", "clusterrolebinding", attackBinding, "shop-web", "--ignore-not-found"},
		{"delete", "clusterrole", "shop-web", "--ignore-not-found"},
	}
	for _, arguments := range deletions {
		if out, err := w.kubectl(ctx, "", arguments...); err != nil && !unknownKind(err.Error()) {
			return fmt.Errorf("%w %s", err, out)
		}
	}
	for _, name := range []string{Shop, Tenant} {
		if err := w.gone(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// forgetRemediations deletes the remediations while Tocsin and the service
// accounts that it acts as are there, so that their effects are undone.
func (w *World) forgetRemediations(ctx context.Context) error {
	var list v1alpha1.RemediationList
	if err := w.Client.List(ctx, &list, client.InNamespace(Tenant)); err != nil {
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil // the first run
		}
		return err
	}
	for i := range list.Items {
		if err := client.IgnoreNotFound(w.Client.Delete(ctx, &list.Items[i])); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, undoLimit)
	defer cancel()
	err := Every(limited, "the undoing of remediations", func(ctx context.Context) error {
		if err := w.Client.List(ctx, &list, client.InNamespace(Tenant)); err != nil {
			return err
		}
		if len(list.Items) > 0 {
			return fmt.Errorf("%d are left", len(list.Items))
		}
		return nil
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	w.note("%v: what they did goes with namespace %s", err, Shop)
	for i := range list.Items {
		list.Items[i].Finalizers = nil
		if err := client.IgnoreNotFound(w.Client.Update(ctx, &list.Items[i])); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) gone(ctx context.Context, namespace string) error {
	return Every(ctx, "the end of namespace "+namespace, func(ctx context.Context) error {
		err := w.get(ctx, "", namespace, &corev1.Namespace{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it is still there")
		}
		return err
	})
}

// samples are the tenant that the story uses.
func (w *World) samples() string { return filepath.Join(w.Root, "config", "samples") }

// unknownKind says whether kubectl complains that Tocsin's kinds do not exist,
// as before the first installation. Everything else was deleted.
func unknownKind(problem string) bool {
	return strings.Contains(problem, "no matches for kind") || strings.Contains(problem, "doesn't have a resource type")
}
