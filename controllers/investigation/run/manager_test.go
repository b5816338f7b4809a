package run_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// The whole operator takes an alert to its remediation, driven by its watches
// alone; the test plays only the kubelet.
func TestFromAlertToRemediation(t *testing.T) {
	cfg, _ := environment.Start(t)
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme(), FieldOwner: "test"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, c: c, ns: environment.Namespace(t, c)}
	mgr, err := operator.New(cfg, operator.Options{MetricsAddress: "0", HealthAddress: "0", Repeatable: true, InvestigatorImage: "tocsin.dev/tocsin:test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	w.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "responder"}})
	w.create(builders.Playbook(w.ns, "pods", func(p *v1alpha1.Playbook) {
		p.Spec.Responses = []v1alpha1.PlaybookResponse{{Name: "isolate", Action: v1alpha1.ActionIsolatePod}}
	}))
	w.create(builders.Alert(w.ns, "shell"))

	w.await("a running step", func() error {
		var list v1alpha1.InvestigationList
		if err := c.List(ctx, &list, client.InNamespace(w.ns)); err != nil || len(list.Items) != 1 {
			return fmt.Errorf("%d investigations, %w", len(list.Items), err)
		}
		w.inv = &list.Items[0]
		if len(w.inv.Status.Steps) != 1 || w.inv.Status.Steps[0].State != v1alpha1.StepRunning {
			return fmt.Errorf("steps are %+v", w.inv.Status.Steps)
		}
		return nil
	})
	w.answer("pod", malicious)
	w.await("the remediation that follows", func() error {
		if got := w.remediations(); len(got) != 1 {
			return fmt.Errorf("%d remediations", len(got))
		}
		return nil
	})
	w.await("the playbook's counts", func() error {
		p := &v1alpha1.Playbook{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: w.ns, Name: "pods"}, p); err != nil {
			return err
		}
		if s := p.Status; s.Investigations == nil || *s.Investigations != 1 || *s.Remediations != 1 || s.Conditions[0].Reason != "Valid" {
			return fmt.Errorf("status is %+v", s)
		}
		return nil
	})
	w.await("the pending approval", func() error {
		w.read()
		if w.inv.Status.State != v1alpha1.InvestigationPendingApproval {
			return errors.New("state is " + string(w.inv.Status.State))
		}
		return nil
	})
}

// await polls until the check passes, for at most a minute.
func (w *world) await(what string, check func() error) {
	w.Helper()
	last := errors.New("never checked")
	err := wait.PollUntilContextTimeout(w.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		w.Fatalf("waited in vain for %s: %v", what, last)
	}
}
