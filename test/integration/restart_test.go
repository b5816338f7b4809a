package integration_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/internal/store"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

const (
	openAlerts = 10_000
	// openIncidents share the alerts; each stays below what an incident takes.
	openIncidents = 12
)

// TestRestartWithTenThousandOpenAlerts: a fresh process rebuilds what it knows
// from what is written, decides nothing again and writes nothing; and then goes
// on as the one before would have.
//
// It runs by itself: it counts what the controllers of this process do.
func TestRestartWithTenThousandOpenAlerts(t *testing.T) {
	if shared == nil {
		t.Skip("KUBEBUILDER_ASSETS is not set: run this by 'make test-integration', which brings kube-apiserver and etcd")
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	if err := shared.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	tenant := &lives{t: t, namespace: namespace.Name, clock: clock.RealClock{}}
	tenant.started = tenant.clock.Now()
	tenant.raise()
	t.Logf("%d alerts were raised in %s", openAlerts, tenant.took())

	stop, _ := tenant.start()
	tenant.until("every alert is in an incident", func() bool { return tenant.undecided() == 0 })
	t.Logf("they were correlated after another %s", tenant.took())
	tenant.quiet(3 * time.Second)
	stop()
	tenant.rebuild()

	stop, requests := tenant.start()
	before := reconciled()
	tenant.until("every alert was looked at", func() bool { return reconciled()-before >= openAlerts })
	t.Logf("a fresh process has looked at all of them after %s", tenant.took())
	tenant.quiet(5 * time.Second)
	if wrote := requests.Total(); wrote > 0 {
		t.Errorf("the restart wrote %d times:\n%s", wrote, requests.Tail(wrote))
	}
	stop()

	tenant.create(openAlerts)
	stop, requests = tenant.start()
	defer stop()
	tenant.until("the next alert is in an incident", func() bool { return tenant.undecided() == 0 })
	t.Logf("after the next restart an alert that had come meanwhile was correlated after %s", tenant.took())
	var next v1alpha1.Alert
	if err := shared.Client.Get(t.Context(), client.ObjectKey{Namespace: tenant.namespace, Name: alertName(openAlerts)}, &next); err != nil {
		t.Fatal(err)
	}
	if len(next.Status.Links) == 0 || next.Status.IncidentName == v1alpha1.LocalName(next.Name) {
		t.Errorf("it joined nothing that was there: it is in incident %s, links %v", next.Status.IncidentName, next.Status.Links)
	}
	tenant.quiet(5 * time.Second)
	for _, write := range requests.Writes(wire.State) {
		if write.Name != next.Name && write.Name != string(next.Status.IncidentName) {
			t.Errorf("one alert, and this was written: %s", write)
		}
	}
}

// lives are the processes of one tenant, one after the other.
type lives struct {
	t         *testing.T
	namespace string
	clock     clock.Clock
	started   time.Time
	requests  *wire.Wire
}

// start runs a process; what it writes is counted.
func (l *lives) start() (stop func(), requests *wire.Wire) {
	l.t.Helper()
	l.requests = wire.New(l.clock, wire.Fault{})
	mgr, err := operator.New(l.requests.Line().Config(shared.Config), operator.Options{
		Namespaces: []string{l.namespace}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true, InvestigatorImage: "investigator",
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	ended := make(chan error, 1)
	l.started = l.clock.Now()
	go func() { ended <- mgr.Start(ctx) }()
	stopped := false
	return func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			l.t.Errorf("the process ended: %v", err)
		}
	}, l.requests
}

func (l *lives) took() time.Duration { return l.clock.Since(l.started).Round(10 * time.Millisecond) }

func alertName(i int) string { return fmt.Sprintf("alert-%05d", i) }

// create makes an alert about one of the pods, each of which has its own day.
func (l *lives) create(i int) {
	if err := shared.Client.Create(l.t.Context(), l.alert(i)); err != nil {
		l.t.Error(err)
	}
}

func (l *lives) alert(i int) *v1alpha1.Alert {
	group := i % openIncidents
	at := metav1.NewMicroTime(builders.Time.AddDate(0, 0, group).Add(time.Duration(i/openIncidents) * time.Second))
	return builders.Alert(l.namespace, alertName(i), func(a *v1alpha1.Alert) {
		a.Spec.Source.Rule, a.Spec.Fingerprint = fmt.Sprint("Rule ", i), fmt.Sprint(i)
		a.Spec.FirstActivityTime, a.Spec.LastActivityTime = at, at
		a.Spec.Entities[0].Name = fmt.Sprintf("shop/web-%d", group)
	})
}

// raise creates all alerts, several at once.
func (l *lives) raise() {
	l.t.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	for i := range openAlerts {
		group.Go(func() error { return shared.Client.Create(l.t.Context(), l.alert(i)) })
	}
	if err := group.Wait(); err != nil {
		l.t.Fatal(err)
	}
}

// undecided says whether any alert is in no incident yet.
func (l *lives) undecided() int {
	var left v1alpha1.AlertList
	err := shared.Client.List(l.t.Context(), &left, client.InNamespace(l.namespace), client.MatchingFields{"status.incidentName": ""}, client.Limit(1))
	if err != nil {
		l.t.Error(err)
	}
	return len(left.Items)
}

// until waits for something; three minutes are a failure.
func (l *lives) until(what string, holds func() bool) {
	l.t.Helper()
	err := wait.PollUntilContextTimeout(l.t.Context(), 100*time.Millisecond, 3*time.Minute, true,
		func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		l.t.Fatalf("%s: not so after %s", what, l.took())
	}
}

// quiet waits until nothing was written for as long as that.
func (l *lives) quiet(d time.Duration) {
	l.t.Helper()
	since := l.clock.Now()
	l.until(fmt.Sprintf("%s without a write", d), func() bool {
		last := l.requests.LastWrite()
		if last.Before(since) {
			last = since
		}
		return l.clock.Since(last) > d
	})
}

// rebuild measures how long it takes to make the index from what is written.
func (l *lives) rebuild() {
	l.t.Helper()
	var alerts v1alpha1.AlertList
	var incidents v1alpha1.IncidentList
	err := errors.Join(shared.Client.List(l.t.Context(), &alerts, client.InNamespace(l.namespace)),
		shared.Client.List(l.t.Context(), &incidents, client.InNamespace(l.namespace)))
	if err != nil {
		l.t.Fatal(err)
	}
	start := l.clock.Now()
	var known []store.Known
	for i := range alerts.Items {
		known = append(known, store.Known{Alert: convert.Alert(&alerts.Items[i]), Membership: convert.Membership(&alerts.Items[i])})
	}
	var facts []correlation.IncidentFacts
	for i := range incidents.Items {
		facts = append(facts, convert.IncidentFacts(&incidents.Items[i]))
	}
	store.NewTenant(correlation.DefaultPolicy(), known, facts)
	l.t.Logf("the index of %d alerts in %d incidents is rebuilt in %s", len(known), len(facts), l.clock.Since(start).Round(time.Millisecond))
}

// reconciled counts how often the correlation of this process has looked at an alert.
func reconciled() int {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return 0
	}
	total := 0.0
	for _, family := range families {
		if family.GetName() != "controller_runtime_reconcile_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "controller" && label.GetValue() == "alert-correlation" {
					total += metric.GetCounter().GetValue()
				}
			}
		}
	}
	return int(total)
}
