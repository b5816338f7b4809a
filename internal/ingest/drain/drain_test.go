package drain

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/alertname"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
)

func TestStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.story(t)
		w.run(t.Context(), t, w.spool)
		w.check(t, storyAlerts, storyTotals)
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
				if used := w.spool.Usage().Bytes; (used == 0) != test.emptied {
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
// the next ones would have, do not keep an event out, and cost a bounded number
// of attempts.
func TestNamesThatAreTaken(t *testing.T) {
	for name, test := range map[string]struct {
		taken int
		also  bool // the last resort is taken too, of each event
		want  totals
	}{
		"two":             {taken: 2, want: totals{received: 4, accepted: 2, deduplicated: 2}},
		"many":            {taken: 5 * maxTaken, want: totals{received: 4, accepted: 2, deduplicated: 2}},
		"all that we try": {taken: maxTaken, also: true, want: totals{received: 4, accepted: 1, rejected: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.send(t, 0, "shell")
				w.run(t.Context(), t, w.spool)
				first := w.chains(t)["shell/a"]
				if err := w.api.Delete(t.Context(), &first); err != nil {
					t.Fatal(err)
				}
				next := func(of string) string { return alertname.Next("shell", first.Spec.Fingerprint, of) }
				var names []string
				for name := ""; len(names) < test.taken; {
					name = next(name)
					names = append(names, name)
				}
				for position := 2; position <= 4 && test.also; position++ {
					names = append(names, next(fmt.Sprintf("%s/%d", w.spool.ID(), position)))
				}
				for _, name := range names {
					if err := w.api.Create(t.Context(), &v1alpha1.Alert{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name}}); err != nil {
						t.Fatal(err)
					}
				}
				before := len(w.written())
				w.send(t, time.Minute, "shell", "shell")
				w.run(t.Context(), t, w.spool)
				w.send(t, 2*time.Minute, "shell")
				w.run(t.Context(), t, w.spool)
				if got := w.totals(t); got != test.want {
					t.Errorf("totals %+v, want %+v", got, test.want)
				}
				var occurrences int64
				for name, n := range w.alerts(t) {
					if strings.HasPrefix(name, "shell/") {
						occurrences += n
					}
				}
				if want := test.want.accepted - 1 + test.want.deduplicated; occurrences != want {
					t.Errorf("%d occurrences, want %d", occurrences, want)
				}
				if n := len(w.written()) - before; n > 3*maxTaken+4 {
					t.Errorf("%d writes", n)
				}
			})
		})
	}
}

// TestFingerprintThatFails: no event is lost for what its source says of fingerprints.
func TestFingerprintThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		before := failures(t)
		from := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "falco"}}
		from.Spec.Type, from.Spec.Fingerprint = v1alpha1.AlertSourceFalco, "alert.rule == 'shell' ? event.nothing : 'others'"
		ready, err := source.New(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.sources.Set(ready)
		w.send(t, 0, "shell", "read", "shell", "write")
		w.run(t.Context(), t, w.spool)
		if got := w.totals(t); got.accepted != 2 || got.deduplicated != 2 {
			t.Errorf("totals %+v", got)
		}
		if n := failures(t) - before; n != 2 {
			t.Errorf("%v failures", n)
		}
		if got, today := w.statusOf(t, "falco").FingerprintFailedTime, w.now.Truncate(noticeEvery); got == nil || !got.Time.Equal(today) {
			t.Errorf("it says that its fingerprint failed at %s, want %s", got, today)
		}
	})
}

func failures(t *testing.T) (n float64) {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tocsin_drain_fingerprint_failures_total" {
			n = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return n
}
