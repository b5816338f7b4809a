package drain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// limit sets how many alerts a source makes.
func (w *world) limit(t *testing.T, name string, limits rollup.Limits) {
	t.Helper()
	from, found := w.sources.Get(client.ObjectKey{Namespace: tenant, Name: name})
	if !found {
		t.Fatalf("there is no source %s", name)
	}
	from.RollUp = limits
	w.sources.Set(from)
}

// scan spools one request of events of a rule on a pod, of n files each that were
// not seen before.
func (w *world) scan(t *testing.T, at time.Duration, rule, pod string, from, n int) {
	t.Helper()
	w.scanLate(t, at, 0, rule, pod, from, n)
}

// scanLate is scan, told of so much later.
func (w *world) scanLate(t *testing.T, at, late time.Duration, rule, pod string, from, n int) {
	t.Helper()
	e := envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now.Add(at)}
	for i := range n {
		e.Events = append(e.Events, fmt.Appendf(nil,
			`{"rule": %q, "time": %q, "source": "syscall", "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": %q, "fd.name": "/tmp/%d"}}`,
			rule, w.now.Add(at-late).Format(time.RFC3339Nano), pod, from+i))
	}
	w.spoolEnvelope(t, w.spool, e)
}

// kept are the alerts: how many there are of their own, and the occurrences of
// those that roll up others, by title.
type kept struct {
	Single  int
	Events  int64
	RollUps map[string]int64
}

func (w *world) kept(t *testing.T) kept {
	t.Helper()
	var list v1alpha1.AlertList
	if err := w.api.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	out := kept{RollUps: map[string]int64{}}
	for _, a := range list.Items {
		n := ptr.Deref(a.Status.Occurrences, 1)
		out.Events += n
		if a.Spec.RollUp == nil {
			out.Single++
		} else {
			out.RollUps[a.Spec.Title] += n
		}
	}
	return out
}

// flood is more than the limits allow: on two pods of one workload, and on
// another; with what was seen before in between.
func (w *world) flood(t *testing.T) {
	t.Helper()
	w.limit(t, "falco", rollup.Limits{Distinct: 3, PerHour: 1000})
	w.scan(t, 0, "scan", "web-0", 0, 2)
	w.scan(t, time.Second, "scan", "web-1", 0, 4)
	w.scan(t, 2*time.Second, "scan", "web-0", 0, 5)
	w.scan(t, 3*time.Second, "scan", "db-0", 0, 4)
	w.scan(t, 4*time.Second, "other", "web-0", 0, 2)
	w.scan(t, 5*time.Second, "scan", "web-0", 0, 3)
}

const (
	moreOnWeb = "scan (further alerts of this rule on shop/web-*)"
	moreOnDB  = "scan (further alerts of this rule on shop/db-*)"
)

var (
	floodKept   = kept{Single: 8, Events: 20, RollUps: map[string]int64{moreOnWeb: 7, moreOnDB: 1}}
	floodTotals = totals{received: 20, accepted: 10, deduplicated: 4, rolledUp: 6}
)

func (w *world) checkFlood(t *testing.T, want kept, sum totals) {
	t.Helper()
	if diff := cmp.Diff(want, w.kept(t)); diff != "" {
		t.Errorf("alerts: %s", diff)
	}
	if got := w.totals(t); got != sum {
		t.Errorf("totals %+v, want %+v", got, sum)
	}
}

func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.flood(t)
		w.run(t.Context(), t, w.spool)
		w.checkFlood(t, floodKept, floodTotals)
	})
}

// TestFloodTells: a rolled-up alert says what it rolls up, and tells what went in.
func TestFloodTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.flood(t)
		w.run(t.Context(), t, w.spool)
		var list v1alpha1.AlertList
		if err := w.api.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		for _, a := range list.Items {
			if a.Spec.Title != moreOnWeb {
				continue
			}
			place := v1alpha1.EntityKey{Kind: "Pod", Name: "shop/web-*"}
			if a.Spec.RollUp.Level != v1alpha1.RollUpPlace || *a.Spec.RollUp.Place != place || a.Spec.Source.Rule != "scan" {
				t.Errorf("it rolls up %+v of rule %s", a.Spec.RollUp, a.Spec.Source.Rule)
			}
			in := a.Status.RollUp
			if *in.Alerts != 6 || *in.EntityTotal != 6 || in.Entities[0].Name != "shop/web-0" || *in.Entities[0].Events != 4 {
				t.Errorf("%d alerts, %d entities, first %+v", *in.Alerts, *in.EntityTotal, in.Entities[0])
			}
			return
		}
		t.Error("nothing is rolled up")
	})
}

// TestFloodCrashAtEveryWrite: what is rolled up is counted once, wherever a crash
// hits, and goes where it went before.
func TestFloodCrashAtEveryWrite(t *testing.T) {
	crashAtEveryWrite(t, 12, (*world).flood, func(w *world, t *testing.T) {
		w.scan(t, time.Minute, "scan", "web-0", 10, 2) // The flood goes on.
		w.run(t.Context(), t, w.spool)
		want := kept{Single: 8, Events: 22, RollUps: map[string]int64{moreOnWeb: 9, moreOnDB: 1}}
		w.checkFlood(t, want, floodTotals.plus(totals{received: 2, rolledUp: 2}))
	})
}

// TestFloodAnswersLost: so it is where answers are lost.
func TestFloodAnswersLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.flood(t)
		w.fault = func(n int, _ string) (error, error) {
			if n%2 == 0 {
				return nil, context.DeadlineExceeded
			}
			return nil, nil
		}
		w.run(t.Context(), t, w.spool)
		w.checkFlood(t, floodKept, floodTotals)
	})
}

// stopBeforeTotals drains until the totals are to be written, which fails.
func (w *world) stopBeforeTotals(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w.fault = func(_ int, kind string) (error, error) {
		if kind == "totals" {
			stop()
			return errCrash, nil
		}
		return nil, nil
	}
	w.run(ctx, t, w.spool)
	w.fault = nil
}

// deleteSingle deletes what is no roll-up.
func (w *world) deleteSingle(t *testing.T) {
	t.Helper()
	var list v1alpha1.AlertList
	err := w.api.List(t.Context(), &list)
	for _, a := range list.Items {
		if a.Spec.RollUp == nil {
			err = errors.Join(err, w.api.Delete(t.Context(), &a))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRolledUpBeforeTheRestart: the alerts of their own are gone, so that after the
// restart the limits seem not to be reached. What was rolled up stays so.
func TestRolledUpBeforeTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limit(t, "falco", rollup.Limits{Distinct: 3, PerHour: 1000})
		w.scan(t, 0, "scan", "web-0", 0, 3)
		w.run(t.Context(), t, w.spool)
		w.scan(t, 0, "scan", "web-0", 3, 4)
		w.stopBeforeTotals(t)
		w.deleteSingle(t)
		w.run(t.Context(), t, w.spool)
		w.checkFlood(t, kept{Events: 4, RollUps: map[string]int64{moreOnWeb: 4}}, totals{received: 7, accepted: 4, rolledUp: 3})
	})
}

// TestCountedBeforeTheRestart: alerts of another replica are there after the
// restart, so that the limits seem to be reached. What has an alert keeps it, even
// one that is not known to have been active within the hour.
func TestCountedBeforeTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limit(t, "falco", rollup.Limits{Distinct: 3, PerHour: 1000})
		w.scanLate(t, 0, 2*time.Hour, "scan", "web-0", 0, 3)
		w.stopBeforeTotals(t)
		mine := w.spool
		w.spool = openSpool(t)
		w.scan(t, 0, "scan", "web-0", 100, 3)
		w.run(t.Context(), t, w.spool)
		w.spool = mine
		w.run(t.Context(), t, w.spool)
		w.checkFlood(t, kept{Single: 6, Events: 6, RollUps: map[string]int64{}}, totals{received: 6, accepted: 6})
	})
}

// TestLateAlertAfterTheRestart: an alert of its own was not written yet when its
// replica ended, and another replica uses the limits up. It is not taken for one
// that the roll-up counts, as that has come further.
func TestLateAlertAfterTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limit(t, "falco", rollup.Limits{Distinct: 3, PerHour: 1000})
		w.scan(t, 0, "scan", "web-0", 0, 3)
		w.scan(t, time.Second, "scan", "web-0", 10, 2)
		api, first := w.api, w.spool
		w.api = interceptor.NewClient(api, interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				for _, e := range obj.(*v1alpha1.Alert).Spec.Entities {
					if strings.HasSuffix(e.Name, "/tmp/2") {
						return errCrash
					}
				}
				return c.Create(ctx, obj, opts...)
			},
		})
		ctx, crash := context.WithTimeout(t.Context(), time.Minute)
		defer crash()
		w.run(ctx, t, first)
		w.api, w.spool = api, openSpool(t)
		w.scan(t, 0, "scan", "web-0", 20, 3)
		w.run(t.Context(), t, w.spool)
		w.run(t.Context(), t, first)
		w.checkFlood(t, kept{Single: 4, Events: 8, RollUps: map[string]int64{moreOnWeb: 4}}, totals{received: 8, accepted: 5, rolledUp: 3})
	})
}

// TestFloodGoesOnAfterTheRestart: the limits hold, and the roll-up goes on.
func TestFloodGoesOnAfterTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.flood(t)
		w.run(t.Context(), t, w.spool)
		w.scan(t, -time.Second, "scan", "web-1", 0, 8)
		w.run(t.Context(), t, w.spool)
		want := kept{Single: 8, Events: 28, RollUps: map[string]int64{moreOnWeb: 14, moreOnDB: 1}}
		w.checkFlood(t, want, floodTotals.plus(totals{received: 8, deduplicated: 1, rolledUp: 7}))
	})
}

// TestHostileKeys: whatever rules, hosts and times are made up, what is written is
// bounded.
func TestHostileKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limit(t, "falco", rollup.Limits{Distinct: 3, PerHour: 20})
		const requests, each = 40, 50
		for i := range requests {
			e := envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now}
			for j := range each {
				happened := w.now.Add(-time.Duration(requests*each-i*each-j) * 2 * time.Hour)
				e.Events = append(e.Events, fmt.Appendf(nil, `{"rule": "r%d", "hostname": "h%d-%d", "time": %q}`, i, i, j, happened.Format(time.RFC3339)))
			}
			w.spoolEnvelope(t, w.spool, e)
		}
		w.run(t.Context(), t, w.spool)
		got := w.kept(t)
		// 20 alerts of their own, four hosts, and each further rule in one.
		if got.Events != requests*each || got.Single != 20 || len(got.RollUps) != 4+requests {
			t.Errorf("%d events in %d alerts of their own and %d roll-ups", got.Events, got.Single, len(got.RollUps))
		}
		if sum := w.totals(t); sum.accepted+sum.rolledUp != requests*each || sum.received != requests*each {
			t.Errorf("totals %+v", sum)
		}
		if n := len(w.written()); n > 20+4*requests {
			t.Errorf("%d writes", n)
		}
	})
}

// TestOldTimes: one fingerprint whose events say that hours are between them opens
// no more alerts than different ones.
func TestOldTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limit(t, "falco", rollup.Limits{Distinct: 3, PerHour: 10})
		for i := range 30 {
			w.scanLate(t, 0, time.Duration(30-i)*time.Hour, "scan", "web-0", 0, 1)
		}
		w.run(t.Context(), t, w.spool)
		w.checkFlood(t, kept{Single: 3, Events: 30, RollUps: map[string]int64{moreOnWeb: 27}}, totals{received: 30, accepted: 4, rolledUp: 26})
	})
}

// TestBatchThatWaited: it makes nobody forget what others raised since, nor is what
// it raised itself forgotten for them.
func TestBatchThatWaited(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	first, second, third := types.NamespacedName{Name: "first"}, types.NamespacedName{Name: "second"}, types.NamespacedName{Name: "third"}
	l := limiters{}
	waited := l.of(first, now)
	waited.Decide(rollup.Limits{Distinct: 1, PerHour: 10}, rollup.SignalOf(model.Alert{Rule: "scan"}, now.Add(-3*time.Hour), now))
	l.of(second, now.Add(30*time.Minute))
	if l.of(first, now.Add(31*time.Minute)) != waited {
		t.Error("what was raised half an hour ago is forgotten")
	}
	l.of(third, now.Add(90*time.Minute))
	if l[second] != nil || l[first] == nil {
		t.Errorf("an hour after %s was asked there are %v", second.Name, slices.Collect(maps.Keys(l)))
	}
}

// TestFloodOfTwoReplicas: each has limits of its own; all is counted once.
func TestFloodOfTwoReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second := w.spool, openSpool(t)
		w.flood(t)
		w.spool = second
		w.flood(t)
		ended := make(chan struct{})
		go func() { w.run(t.Context(), t, first); close(ended) }()
		w.run(t.Context(), t, second)
		<-ended
		got, sum := w.kept(t), w.totals(t)
		if got.Events != 40 || sum.received != 40 || sum.accepted+sum.deduplicated+sum.rolledUp != 40 || got.RollUps[moreOnWeb] != 14 {
			t.Errorf("%+v, totals %+v", got, sum)
		}
	})
}

// TestResolvedAfterItWasRolledUp: the notice ends nothing, least of all the
// rolled-up alert.
func TestResolvedAfterItWasRolledUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limit(t, monitor, rollup.Limits{Distinct: 1, PerHour: 2})
		w.notify(t, 0, "firing", "disk", "load", "heat", "heat")
		w.notify(t, time.Minute, "resolved", "heat", "disk")
		w.run(t.Context(), t, w.spool)
		if got, want := w.totalsOf(t, tenant, monitor), (totals{received: 6, accepted: 3, rolledUp: 1, suppressed: 2}); got != want {
			t.Errorf("totals %+v, want %+v", got, want)
		}
		if ends, _ := w.ends(t); len(ends) != 1 || ends["disk/a"] != time.Minute {
			t.Errorf("%v ended", ends)
		}
	})
}

// TestNotedFirst: what cannot be noted is not handed on.
func TestNotedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.flood(t)
		d := w.drain(w.spool)
		defer d.queue.ShutDown()
		batches, err := w.spool.Read(t.Context(), tenant, 0, readBytes)
		if err != nil {
			t.Fatal(err)
		}
		var opened []*opened
		for _, b := range batches {
			opened = append(opened, d.open(t.Context(), b))
		}
		if d.spool, err = spool.Open(spool.Options{Path: filepath.Join(t.TempDir(), "spool.db")}); err != nil {
			t.Fatal(err)
		}
		if err := d.spool.Close(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := d.route(ctx, opened); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("events are handed on that were not noted: %v", err)
		}
	})
}

// TestSpreadingFlood: one rule fires on file after file at place after place, far
// beyond what the source may raise. Every place has an alert, all is counted, and
// what is written does not grow with the events.
func TestSpreadingFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limit(t, "falco", rollup.Limits{Distinct: 10, PerHour: 500})
		const places, files = 100, 100
		w.spread(t, places, files)
		w.run(t.Context(), t, w.spool)
		if got := w.totals(t); got.received != places*files || got.accepted+got.rolledUp != places*files {
			t.Errorf("totals %+v", got)
		}
		var list v1alpha1.AlertList
		if err := w.api.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		events := map[string]int64{}
		for _, a := range list.Items {
			if a.Spec.RollUp != nil && a.Spec.RollUp.Level != v1alpha1.RollUpPlace {
				t.Errorf("%q rolls up more than one place", a.Spec.Title)
			}
			events[a.Spec.Entities[0].Name] += ptr.Deref(a.Status.Occurrences, 1)
		}
		if len(events) != places {
			t.Errorf("%d places have alerts", len(events))
		}
		for place, n := range events {
			if n != files {
				t.Errorf("%s has %d events", place, n)
			}
		}
		if n, most := len(w.written()), 250+4*places; n > most {
			t.Errorf("%d writes, want %d at most", n, most)
		}
	})
}

// spread spools requests of 100 events each: of file after file, at all places in
// turn.
func (w *world) spread(t *testing.T, places, files int) {
	t.Helper()
	e := envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now}
	for i := range places * files {
		e.Events = append(e.Events, fmt.Appendf(nil,
			`{"rule": "scan", "time": %q, "source": "syscall", "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "app%dx", "fd.name": "/tmp/%d"}}`,
			w.now.Format(time.RFC3339Nano), i%places, i/places))
		if len(e.Events) == 100 {
			w.spoolEnvelope(t, w.spool, e)
			e.Events = nil
		}
	}
}
