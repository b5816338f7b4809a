package drain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	from := &v1alpha1.AlertSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "falco"},
		Spec:       v1alpha1.AlertSourceSpec{Type: v1alpha1.AlertSourceFalco},
	}
	w := &world{sources: source.NewRegistry(), now: clock.RealClock{}.Now().Truncate(time.Second)}
	w.api = interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithObjects(from).
		WithStatusSubresource(&v1alpha1.Alert{}, &v1alpha1.AlertSource{}).Build(), w.interceptors())
	ready, err := source.New(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.sources.Set(ready)
	w.sources.MarkSynced()
	w.spool = openSpool(t)
	return w
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
	if _, err := s.Append(t.Context(), payload, e.Positions()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) drain(s *spool.Spool) *Drain {
	return New(Deps{Client: w.api, Reader: w.api, Spool: s, Sources: w.sources, OptOuts: w.optOuts, Clock: clock.RealClock{}})
}

// run drains until the spool is empty, or the context given to it ends.
func (w *world) run(ctx context.Context, t *testing.T, s *spool.Spool) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.drain(s).Start(ctx) }()
	for range 600 { // Ten minutes of the bubble's time.
		if used, _ := s.Usage(); used == 0 || ctx.Err() != nil {
			break
		}
		select {
		case <-clock.RealClock{}.After(time.Second):
		case <-ctx.Done():
		}
	}
	if used, _ := s.Usage(); used > 0 && ctx.Err() == nil {
		t.Errorf("%d bytes are still in the spool; writes: %v", used, w.written())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// alerts returns the occurrences of each alert, under its rule and a letter for
// its place in the chain.
func (w *world) alerts(t *testing.T) map[string]int64 {
	t.Helper()
	var list v1alpha1.AlertList
	if err := w.api.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, a := range list.Items {
		names[a.Name] = a.Spec.Source.Rule
	}
	out := map[string]int64{}
	for _, a := range list.Items {
		place, name := 'a', alertname.Next(a.Spec.Source.Rule, a.Spec.Fingerprint, "")
		for ; name != a.Name && place < 'z'; place++ {
			name = alertname.Next(a.Spec.Source.Rule, a.Spec.Fingerprint, name)
		}
		out[a.Spec.Source.Rule+"/"+string(place)] = ptr.Deref(a.Status.Occurrences, 1)
	}
	return out
}

func (w *world) totals(t *testing.T) totals {
	t.Helper()
	return w.totalsOf(t, tenant)
}

func (w *world) totalsOf(t *testing.T, tenant string) totals {
	t.Helper()
	from := &v1alpha1.AlertSource{}
	if err := w.api.Get(t.Context(), client.ObjectKey{Namespace: tenant, Name: "falco"}, from); err != nil {
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

func TestStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.story(t)
		w.run(t.Context(), t, w.spool)
		w.check(t, storyAlerts, storyTotals)
	})
}

// TestCrashAtEveryWrite stops the drain before and after each write in turn, and
// starts another one with the same spool.
func TestCrashAtEveryWrite(t *testing.T) {
	for _, after := range []bool{false, true} {
		for k := 0; ; k++ {
			crashed := false
			synctest.Test(t, func(t *testing.T) { crashed = crashAt(t, k, after) })
			if !crashed {
				if k < 6 {
					t.Errorf("only %d writes were seen", k)
				}
				break
			}
		}
	}
}

var errCrash = errors.New("the process is gone")

func crashAt(t *testing.T, k int, after bool) (crashed bool) {
	w := newWorld(t)
	w.story(t)
	ctx, crash := context.WithCancel(t.Context())
	defer crash()
	w.fault = func(n int, _ string) (error, error) {
		switch {
		case crashed || n == k && !after:
			crashed = true
			crash()
			return errCrash, nil
		case n == k:
			crashed = true
			crash()
			return nil, errCrash
		}
		return nil, nil
	}
	w.run(ctx, t, w.spool)
	w.fault = nil
	w.send(t, 3*time.Hour, "miner") // Life goes on before the next start.
	w.run(t.Context(), t, w.spool)
	w.check(t, map[string]int64{"shell/a": 3, "shell/b": 2, "miner/a": 3, "miner/b": 1},
		storyTotals.plus(totals{received: 1, accepted: 1}))
	if t.Failed() {
		t.Logf("crashed at write %d, after it: %v; writes: %v", k, after, w.written())
	}
	return crashed
}

// TestAmbiguousWrites loses the answer of every second write that went through,
// and fails others in other ways; nothing stops.
func TestAmbiguousWrites(t *testing.T) {
	for name, fault := range map[string]func(n int, kind string) (error, error){
		"answers lost": func(n int, _ string) (error, error) {
			if n%2 == 0 {
				return nil, context.DeadlineExceeded
			}
			return nil, nil
		},
		"conflicts": func(n int, kind string) (error, error) {
			if n < 12 && kind != "create" {
				return apierrors.NewConflict(schema.GroupResource{}, "x", errors.New("someone else")), nil
			}
			return nil, nil
		},
		"away for ten minutes": func() func(int, string) (error, error) {
			return func(n int, _ string) (error, error) {
				if n < 60 {
					return apierrors.NewServiceUnavailable("etcd is away"), nil
				}
				return nil, nil
			}
		}(),
		"too many requests": func(n int, _ string) (error, error) {
			if n%3 != 2 {
				return apierrors.NewTooManyRequests("later", 1), nil
			}
			return nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.story(t)
				w.fault = fault
				w.run(t.Context(), t, w.spool)
				w.check(t, storyAlerts, storyTotals)
			})
		})
	}
}

// TestTwoReplicas drain two spools with the same signals at the same time: one
// creates, the other counts.
func TestTwoReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second := w.spool, openSpool(t)
		w.story(t)
		w.spool = second
		w.story(t)
		var both sync.WaitGroup
		for _, s := range []*spool.Spool{first, second} {
			both.Go(func() { w.run(t.Context(), t, s) })
		}
		both.Wait()
		// How many windows were opened depends on who came first, but not what they count.
		sum := map[string]int64{}
		for name, n := range w.alerts(t) {
			rule, _, _ := strings.Cut(name, "/")
			sum[rule] += n
		}
		if diff := cmp.Diff(map[string]int64{"shell": 10, "miner": 6}, sum); diff != "" {
			t.Error(diff)
		}
		got := w.totals(t)
		if got.received != 32 || got.accepted+got.deduplicated != 16 || got.suppressed != 10 || got.rejected != 6 {
			t.Errorf("totals %+v", got)
		}
	})
}

func TestPoisonDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(t, 0, "poison", "shell", "poison", "shell")
		w.fault = func(n int, kind string) (error, error) {
			if kind == "create" && n < 2 { // Whichever comes first is refused.
				return apierrors.NewInvalid(schema.GroupKind{}, "x", nil), nil
			}
			return nil, nil
		}
		w.run(t.Context(), t, w.spool)
		got := w.totals(t)
		if got.rejected != 2 || got.accepted+got.deduplicated != 2 || got.received != 4 {
			t.Errorf("totals %+v", got)
		}
	})
}

func TestFloodIsFewWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 50 {
			w.send(t, 0, strings.Split(strings.TrimSuffix(strings.Repeat("shell,", 100), ","), ",")...)
		}
		w.run(t.Context(), t, w.spool)
		w.check(t, map[string]int64{"shell/a": 5000}, totals{received: 5000, accepted: 1, deduplicated: 4999})
		if n := len(w.written()); n > 6 {
			t.Errorf("5,000 equal events took %d writes: %v", n, w.written())
		}
	})
}

func TestIdleWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.story(t)
		w.run(t.Context(), t, w.spool)
		before := len(w.written())
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := w.drain(w.spool).Start(ctx); err != nil {
			t.Fatal(err)
		}
		if after := len(w.written()); after != before {
			t.Errorf("%d writes in an hour without events", after-before)
		}
	})
}

// addTenant makes a source in another tenant and spools one event for it.
func (w *world) addTenant(t *testing.T, tenant string) {
	t.Helper()
	from := &v1alpha1.AlertSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "falco"},
		Spec:       v1alpha1.AlertSourceSpec{Type: v1alpha1.AlertSourceFalco},
	}
	if err := w.api.Create(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	w.spoolEnvelope(t, w.spool, envelope.Envelope{
		Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now, Events: [][]byte{[]byte(`{"rule": "miner"}`)},
	})
}

func quota() error {
	return apierrors.NewForbidden(schema.GroupResource{}, "x", errors.New("exceeded quota"))
}

// TestTotalsDoNotWaitForOthers: where the totals of one source cannot be
// written, the others' are, and only what is counted leaves the spool.
func TestTotalsDoNotWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 5 {
			w.addTenant(t, fmt.Sprintf("other%d", i))
		}
		w.send(t, 0, "shell")
		w.addTenant(t, "last")
		w.refuse = func(kind, namespace string) error {
			if kind == "totals" && namespace == tenant {
				return quota()
			}
			return nil
		}
		before, _ := w.spool.Usage()
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		if err := w.drain(w.spool).Start(ctx); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"other0", "other1", "other2", "other3", "other4", "last"} {
			if got := w.totalsOf(t, other); got != (totals{received: 1, accepted: 1}) {
				t.Errorf("totals of %s are %+v", other, got)
			}
		}
		if left, _ := w.spool.Usage(); left == 0 || left >= before/2 {
			t.Errorf("%d of %d bytes are left", left, before)
		}
		w.refuse = nil
		w.run(t.Context(), t, w.spool)
		if got := w.totalsOf(t, "last"); got != (totals{received: 1, accepted: 1}) || w.totals(t) != got {
			t.Errorf("totals in the end are %+v and %+v", got, w.totals(t))
		}
	})
}

// TestQuotaOfOneTenant: what a tenant's quota refuses is tried for a while, then
// given up, so that the spool which all share is not held up for ever.
func TestQuotaOfOneTenant(t *testing.T) {
	for name, test := range map[string]struct {
		lasts time.Duration
		want  totals
	}{
		"for a while":      {lasts: patience - time.Minute, want: totals{received: 2, accepted: 2}},
		"for ever":         {lasts: time.Hour, want: totals{received: 2, rejected: 2}},
		"never, of course": {want: totals{received: 2, accepted: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.send(t, 0, "shell", "miner")
				w.addTenant(t, "other")
				ends := clock.RealClock{}.Now().Add(test.lasts)
				w.refuse = func(kind, namespace string) error {
					if kind == "create" && namespace == tenant && (clock.RealClock{}).Now().Before(ends) {
						return quota()
					}
					return nil
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience+time.Minute)
				defer cancel()
				if err := w.drain(w.spool).Start(ctx); err != nil {
					t.Fatal(err)
				}
				if got := w.totals(t); got != test.want {
					t.Errorf("totals are %+v, want %+v", got, test.want)
				}
				if got := w.totalsOf(t, "other"); got != (totals{received: 1, accepted: 1}) {
					t.Errorf("totals of the other tenant are %+v", got)
				}
				if left, _ := w.spool.Usage(); left != 0 {
					t.Errorf("%d bytes are left", left)
				}
			})
		})
	}
}

// TestGrace stops the drain right after events were acknowledged: with the pod
// goes its disk.
func TestGrace(t *testing.T) {
	for name, test := range map[string]struct {
		grace, took time.Duration
		fault       func(int, string) (error, error)
		emptied     bool
	}{
		"all is delivered":         {grace: 15 * time.Second, took: 5 * time.Second, emptied: true},
		"the API server is away":   {grace: 15 * time.Second, took: 16 * time.Second, fault: away},
		"there is no time":         {took: 0},
		"nor for one that is away": {took: 0, fault: away},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fault = test.fault
				w.send(t, 0, "shell", "shell")
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				d := w.drain(w.spool)
				d.grace = test.grace
				go func() { ended <- d.Start(ctx) }()
				synctest.Wait()
				w.send(t, time.Second, "shell", "miner")
				told := clock.RealClock{}.Now()
				stop()
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				if took := (clock.RealClock{}).Since(told); took > test.took {
					t.Errorf("it took %s", took)
				}
				if used, _ := w.spool.Usage(); (used == 0) != test.emptied {
					t.Errorf("%d bytes are left", used)
				}
				if test.emptied {
					w.check(t, map[string]int64{"shell/a": 3, "miner/a": 1}, totals{received: 4, accepted: 2, deduplicated: 2})
				}
			})
		})
	}
}

func away(int, string) (error, error) { return apierrors.NewServiceUnavailable("etcd is away"), nil }

func TestSourceIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(t, 0, "shell")
		from := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "falco"}}
		if err := w.api.Delete(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		w.sources.Delete(client.ObjectKeyFromObject(from))
		w.run(t.Context(), t, w.spool)
		if diff := cmp.Diff(map[string]int64{"shell/a": 1}, w.alerts(t)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAlertIsDeletedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(t, 0, "shell", "shell")
		w.fault = func(_ int, kind string) (error, error) {
			if kind == "raise" { // Somebody deletes it between our read and our write.
				w.fault = nil
				return nil, w.api.DeleteAllOf(t.Context(), &v1alpha1.Alert{}, client.InNamespace(tenant))
			}
			return nil, nil
		}
		w.send(t, time.Minute, "shell")
		w.run(t.Context(), t, w.spool)
		w.send(t, 2*time.Minute, "shell")
		w.run(t.Context(), t, w.spool)
		// The first event went with the alert that counted it.
		if diff := cmp.Diff(map[string]int64{"shell/a": 3}, w.alerts(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestNamesThatAreTaken: alerts that somebody made by hand, under the names that
// the next ones would have, do not keep an event out.
func TestNamesThatAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(t, 0, "shell")
		w.run(t.Context(), t, w.spool)
		var list v1alpha1.AlertList
		if err := w.api.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		first := list.Items[0]
		second := alertname.Next("shell", first.Spec.Fingerprint, first.Name)
		if err := w.api.Delete(t.Context(), &first); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{first.Name, second} {
			if err := w.api.Create(t.Context(), &v1alpha1.Alert{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name}}); err != nil {
				t.Fatal(err)
			}
		}
		w.send(t, time.Minute, "shell", "shell")
		w.run(t.Context(), t, w.spool)
		w.send(t, 2*time.Minute, "shell")
		w.run(t.Context(), t, w.spool)
		if got := w.totals(t); got != (totals{received: 4, accepted: 2, deduplicated: 2}) {
			t.Errorf("totals %+v", got)
		}
		if got := w.alerts(t)["shell/c"]; got != 3 {
			t.Errorf("%d occurrences, want 3", got)
		}
	})
}

// TestCountedInALaterWindow: before the crash the event was counted in a window
// that another replica had opened. Only the list at the start can know.
func TestCountedInALaterWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(t, time.Minute, "shell")
		probe := newWorld(t)
		probe.send(t, 0, "shell")
		probe.run(t.Context(), t, probe.spool)
		var list v1alpha1.AlertList
		if err := probe.api.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		older := list.Items[0].DeepCopy()
		older.ResourceVersion, older.Spec.Ingestion.Spool = "", "other"
		newer := older.DeepCopy()
		newer.Name = alertname.Next("shell", older.Spec.Fingerprint, older.Name)
		newer.Spec.Ingestion.Position = ptr.To[int64](2)
		if err := errors.Join(w.api.Create(t.Context(), older), w.api.Create(t.Context(), newer)); err != nil {
			t.Fatal(err)
		}
		newer.Status.Occurrences = ptr.To[int64](2)
		newer.Status.Ingested = withPosition(nil, w.spool.ID(), 1)
		if err := w.api.Status().Update(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		w.run(t.Context(), t, w.spool)
		w.check(t, map[string]int64{"shell/a": 1, "shell/b": 2}, totals{received: 1, deduplicated: 1})
	})
}

// TestTenants: only their alerts are read; to list all of them may be forbidden.
func TestTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.addTenant(t, "other")
		w.send(t, 0, "shell")
		w.run(t.Context(), t, w.spool)
		w.send(t, time.Minute, "shell")
		w.api = interceptor.NewClient(w.api, interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if options := (&client.ListOptions{}).ApplyOptions(opts); options.Namespace == "" {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "alerts"}, "", errors.New("cluster-wide"))
				}
				return c.List(ctx, list, opts...)
			},
		})
		d := New(Deps{
			Client: w.api, Reader: w.api, Spool: w.spool, Sources: w.sources, Clock: clock.RealClock{},
			Namespaces: []string{"other", tenant}, Grace: time.Minute,
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if got := w.totals(t); got != (totals{received: 2, accepted: 1, deduplicated: 1}) {
			t.Errorf("totals %+v", got)
		}
		for _, of := range []string{"other", tenant} {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(d.view.alerts)), func(k key) bool { return k.tenant == of }) {
				t.Errorf("the alerts of %s were not read", of)
			}
		}
	})
}

func TestTotalsOfOldSpoolsAreAddedUp(t *testing.T) {
	var spools []v1alpha1.SpoolTotals
	for i := range 40 {
		entries := []*entry{{first: 1, last: 1, totals: totals{received: 1, accepted: 1}}}
		var changed bool
		if spools, changed = addTotals(spools, fmt.Sprintf("spool%d", i), entries); !changed {
			t.Fatal("nothing was added")
		}
	}
	if len(spools) != maxSpools+1 || spools[0].Spool != retired || *spools[0].Received != 40-maxSpools || spools[maxSpools].Spool != "spool39" {
		t.Errorf("%d spools, the first is %s with %d", len(spools), spools[0].Spool, *spools[0].Received)
	}
	if got := *sum(spools).Received; got != 40 {
		t.Errorf("the sum is %d, want 40", got)
	}
}
