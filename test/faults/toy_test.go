package faults_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// toy puts every alert of a namespace into one incident. It has the bugs that
// it is told to have, each of which a perturbation must bring to light.
type toy struct {
	client.Client
	seen map[string]bool

	// randomName makes the incident under a new name at each attempt.
	randomName bool
	// trustsCache makes an incident whenever the cache shows none.
	trustsCache bool
	// remembers does no alert of the same name twice.
	remembers bool
	// restless writes without need.
	restless bool
	// moves puts an alert into another incident whenever there is one.
	moves bool
}

func (c *toy) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var alert v1alpha1.Alert
	if err := c.Get(ctx, request.NamespacedName, &alert); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if c.remembers && c.seen[alert.Name] {
		return reconcile.Result{}, nil
	}
	if alert.Status.IncidentName == "" || c.moves {
		name, err := c.incident(ctx, alert.Namespace)
		if err != nil {
			return reconcile.Result{}, err
		}
		if err := c.join(ctx, &alert, name); err != nil {
			return reconcile.Result{}, err
		}
	}
	c.seen[alert.Name] = true
	if c.restless {
		before := alert.DeepCopy()
		alert.Annotations = map[string]string{"restless": fmt.Sprint(rand.Int())}
		return reconcile.Result{RequeueAfter: 100 * time.Millisecond}, c.Patch(ctx, &alert, client.MergeFrom(before))
	}
	return reconcile.Result{}, nil
}

func (c *toy) join(ctx context.Context, alert *v1alpha1.Alert, incident string) error {
	if string(alert.Status.IncidentName) == incident {
		return nil
	}
	alert.Status.IncidentName = v1alpha1.LocalName(incident)
	return c.Status().Update(ctx, alert)
}

// incident returns the name of the one incident, which it makes if need be.
func (c *toy) incident(ctx context.Context, namespace string) (string, error) {
	incident := builders.Incident(namespace, "the-incident")
	if c.randomName || c.trustsCache || c.moves {
		incident.Name, incident.GenerateName = "", "incident-"
	}
	if !c.randomName {
		var all v1alpha1.IncidentList
		if err := c.List(ctx, &all, client.InNamespace(namespace)); err != nil {
			return "", err
		}
		if n := len(all.Items); n > 0 {
			return all.Items[n-1].Name, nil
		}
	}
	if err := c.Create(ctx, incident); err != nil && !apierrors.IsAlreadyExists(err) {
		return "", err
	}
	return incident.Name, nil
}

func (c toy) process(p *harness.Process) (harness.Runnable, error) {
	mgr, err := ctrl.NewManager(p.Config, ctrl.Options{
		Scheme: operator.Scheme(), Logger: p.Logger,
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{p.Namespace: {}}},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		return nil, err
	}
	c.Client, c.seen = mgr.GetClient(), map[string]bool{}
	toAll := func(ctx context.Context, incident client.Object) []reconcile.Request {
		var alerts v1alpha1.AlertList
		_ = c.List(ctx, &alerts, client.InNamespace(incident.GetNamespace()))
		var all []reconcile.Request
		for i := range alerts.Items {
			all = append(all, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&alerts.Items[i])})
		}
		return all
	}
	return mgr, ctrl.NewControllerManagedBy(mgr).Named("toy").For(&v1alpha1.Alert{}).
		Watches(&v1alpha1.Incident{}, handler.EnqueueRequestsFromMapFunc(toAll)).Complete(&c)
}

func (c toy) scenario(name string) harness.Scenario {
	return harness.Scenario{
		Name: name, Process: c.process, Quiet: 300 * time.Millisecond,
		Steps: []harness.Step{
			{
				Name: "first alert",
				Do: func(ctx context.Context, r *harness.Run) error {
					return create(ctx, r, builders.Alert(r.Namespace, "first"))
				},
				Await: joined("first"),
			},
			{
				Name: "second alert",
				Do: func(ctx context.Context, r *harness.Run) error {
					return create(ctx, r, builders.Alert(r.Namespace, "second"))
				},
				Await: joined("second"),
			},
		},
		Outcome: func(_ *harness.Run, v history.View) any {
			members := map[string]int{}
			for _, alert := range history.List[*v1alpha1.Alert](v) {
				members[string(alert.Status.IncidentName)]++
			}
			sizes := []int{}
			for _, incident := range history.List[*v1alpha1.Incident](v) {
				sizes = append(sizes, members[incident.Name])
			}
			return fmt.Sprintf("incidents of %v alerts", sizes)
		},
		Flips: []harness.Flip{{
			Name:     "an alert is replaced by another of its name",
			Resource: schema.GroupResource{Group: "tocsin.dev", Resource: "alerts"}, After: "second alert",
			Do: func(ctx context.Context, r *harness.Run) error {
				err := r.Client.Delete(ctx, builders.Alert(r.Namespace, "first"))
				return errors.Join(client.IgnoreNotFound(err), create(ctx, r, builders.Alert(r.Namespace, "first")))
			},
		}},
	}
}

// create makes an object that may exist already.
func create(ctx context.Context, r *harness.Run, object client.Object) error {
	if err := r.Client.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

func joined(name string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		if alert, ok := history.Get[*v1alpha1.Alert](v, name); !ok || alert.Status.IncidentName == "" {
			return fmt.Errorf("alert %s is in no incident", name)
		}
		return nil
	}
}
