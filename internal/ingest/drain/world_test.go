package drain

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/alertname"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

const tenant = "shop"

// world is an API server, a spool and the sources, which outlive each drain.
type world struct {
	api     client.WithWatch
	spool   *spool.Spool
	sources *source.Registry
	optOuts OptOuts
	tuning  TuningRules
	now     time.Time

	mu     sync.Mutex
	writes []string
	// fault decides on each write: before or after it, or not at all.
	fault func(n int, kind string) (before, after error)
	// refuse decides by namespace.
	refuse func(kind, namespace string) error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{sources: source.NewRegistry(), now: clock.RealClock{}.Now().Truncate(time.Second)}
	w.api = interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(&v1alpha1.Alert{}, &v1alpha1.AlertSource{}).Build(), w.interceptors())
	w.addSource(t, "falco", v1alpha1.AlertSourceFalco)
	w.addSource(t, monitor, v1alpha1.AlertSourceAlertmanager)
	w.sources.MarkSynced()
	w.spool = openSpool(t)
	return w
}

func (w *world) addSource(t *testing.T, name string, kind v1alpha1.AlertSourceType) {
	t.Helper()
	from := &v1alpha1.AlertSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name}, Spec: v1alpha1.AlertSourceSpec{Type: kind},
	}
	if err := w.api.Create(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	ready, err := source.New(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.sources.Set(ready)
	w.writes = nil // this was none of the drain's
}

func openSpool(t *testing.T) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Options{Path: filepath.Join(t.TempDir(), "spool.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (w *world) interceptors() interceptor.Funcs {
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return w.write("create", obj.GetNamespace(), func() error { return c.Create(ctx, obj, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			kind := "raise"
			if _, ok := obj.(*v1alpha1.AlertSource); ok {
				kind = "totals"
			}
			return w.write(kind, obj.GetNamespace(), func() error { return c.SubResource(sub).Patch(ctx, obj, patch, opts...) })
		},
	}
}

func (w *world) write(kind, namespace string, do func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.writes)
	w.writes = append(w.writes, kind)
	var before, after error
	if w.fault != nil {
		before, after = w.fault(n, kind)
	}
	if before == nil && w.refuse != nil {
		before = w.refuse(kind, namespace)
	}
	if before != nil {
		return before
	}
	if err := do(); err != nil {
		return err
	}
	return after
}

func (w *world) written() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.writes...)
}

// send spools one request of events of a rule, at a time after the start.
func (w *world) send(t *testing.T, at time.Duration, rules ...string) {
	t.Helper()
	e := envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now.Add(at)}
	for _, rule := range rules {
		e.Events = append(e.Events, fmt.Appendf(nil, `{"rule": %q, "time": %q}`, rule, w.now.Add(at).Format(time.RFC3339Nano)))
	}
	w.spoolEnvelope(t, w.spool, e)
}

func (w *world) spoolEnvelope(t *testing.T, s *spool.Spool, e envelope.Envelope) {
	t.Helper()
	payload, err := e.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), e.Tenant, payload, e.Positions()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) drain(s *spool.Spool) *Drain {
	return New(Deps{Client: w.api, Reader: w.api, Spool: s, Sources: w.sources, OptOuts: w.optOuts, Tuning: w.tuning, Clock: clock.RealClock{}})
}

// run drains until the spool is empty, or the context given to it ends.
func (w *world) run(ctx context.Context, t *testing.T, s *spool.Spool) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.drain(s).Start(ctx) }()
	for range 600 { // Ten minutes of the bubble's time.
		if used := s.Usage().Bytes; used == 0 || ctx.Err() != nil {
			break
		}
		select {
		case <-clock.RealClock{}.After(time.Second):
		case <-ctx.Done():
		}
	}
	if used := s.Usage().Bytes; used > 0 && ctx.Err() == nil {
		t.Errorf("%d bytes are still in the spool; writes: %v", used, w.written())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// chains returns the alerts, each under its rule and a letter for its place in
// the chain of names.
func (w *world) chains(t *testing.T) map[string]v1alpha1.Alert {
	t.Helper()
	var list v1alpha1.AlertList
	if err := w.api.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]v1alpha1.Alert{}
	for _, a := range list.Items {
		place, name := 'a', alertname.Next(a.Spec.Source.Rule, a.Spec.Fingerprint, "")
		for ; name != a.Name && place < 'z'; place++ {
			name = alertname.Next(a.Spec.Source.Rule, a.Spec.Fingerprint, name)
		}
		out[a.Spec.Source.Rule+"/"+string(place)] = a
	}
	return out
}

// alerts returns the occurrences of each alert, by its place in its chain.
func (w *world) alerts(t *testing.T) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for name, a := range w.chains(t) {
		out[name] = ptr.Deref(a.Status.Occurrences, 1)
	}
	return out
}

func (w *world) totals(t *testing.T) totals {
	t.Helper()
	return w.totalsOf(t, tenant, "falco")
}

func (w *world) totalsOf(t *testing.T, tenant, name string) totals {
	t.Helper()
	from := &v1alpha1.AlertSource{}
	if err := w.api.Get(t.Context(), client.ObjectKey{Namespace: tenant, Name: name}, from); err != nil {
		t.Fatal(err)
	}
	if from.Status.Totals == nil {
		return totals{}
	}
	return oldTotals(v1alpha1.SpoolTotals{AlertSourceTotals: *from.Status.Totals})
}

// story spools what happens in most tests: repetitions, a window that ends,
// events that are none, and counts of events that were not kept.
func (w *world) story(t *testing.T) {
	t.Helper()
	w.send(t, 0, "shell", "shell", "miner")
	w.send(t, time.Minute, "shell", "Falco internal: drops", "miner", "miner")
	w.send(t, 3*time.Hour, "shell", "shell")
	w.spoolEnvelope(t, w.spool, envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Suppressed: 4, Rejected: 2})
	w.spoolEnvelope(t, w.spool, envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now, Events: [][]byte{[]byte(`{}`)}})
}

var (
	storyAlerts = map[string]int64{"shell/a": 3, "shell/b": 2, "miner/a": 3}
	storyTotals = totals{received: 16, accepted: 3, deduplicated: 5, suppressed: 5, rejected: 3}
)

func (w *world) check(t *testing.T, alerts map[string]int64, want totals) {
	t.Helper()
	if diff := cmp.Diff(alerts, w.alerts(t)); diff != "" {
		t.Errorf("alerts: %s", diff)
	}
	if got := w.totals(t); got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
}
