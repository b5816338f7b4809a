package operator_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

func TestAlertsOfOneAttackBecomeOneIncident(t *testing.T) {
	cfg, c := environment.Start(t)
	ns := environment.Namespace(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	mgr, err := operator.New(cfg, operator.Options{MetricsAddress: "0", HealthAddress: "0", Repeatable: true})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	for i, title := range []string{"A shell was opened in a container", "Secrets were listed"} {
		alert := builders.Alert(ns, fmt.Sprintf("alert-%d", i), func(a *v1alpha1.Alert) {
			a.Spec.Title, a.Spec.Source.Rule, a.Spec.Fingerprint = title, title, title
			at := metav1.NewMicroTime(builders.Time.Add(time.Duration(i) * 10 * time.Second))
			a.Spec.FirstActivityTime, a.Spec.LastActivityTime = at, at
		})
		if err := c.Create(ctx, alert); err != nil {
			t.Fatal(err)
		}
		await(t, func() error {
			if err := c.Get(ctx, client.ObjectKeyFromObject(alert), alert); err != nil {
				return err
			}
			if alert.Status.IncidentName != "alert-0" {
				return fmt.Errorf("alert %s is in incident %q", alert.Name, alert.Status.IncidentName)
			}
			return nil
		})
	}
	var inc v1alpha1.Incident
	await(t, func() error {
		if err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "alert-0"}, &inc); err != nil {
			return err
		}
		if inc.Status.Counts == nil || inc.Status.Counts.ActiveOfTotal != "2/2" {
			return fmt.Errorf("counts are %+v", inc.Status.Counts)
		}
		return nil
	})
	if inc.Status.Severity != v1alpha1.SeverityMedium || len(inc.Status.Story) != 2 || inc.Status.Story[1].PeerName != "alert-0" {
		t.Errorf("unexpected status: %+v", inc.Status)
	}
}

// await polls until the check passes, for at most half a minute.
func await(t *testing.T, check func() error) {
	t.Helper()
	last := errors.New("never checked")
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waited in vain: %v", last)
	}
}
