package drain

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/alertname"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

func TestCrashAtEveryWrite(t *testing.T) {
	crashAtEveryWrite(t, 6, (*world).story, func(w *world, t *testing.T) {
		w.send(t, 3*time.Hour, "miner") // Life goes on before the next start.
		w.run(t.Context(), t, w.spool)
		w.check(t, map[string]int64{"shell/a": 3, "shell/b": 2, "miner/a": 3, "miner/b": 1},
			storyTotals.plus(totals{received: 1, accepted: 1}))
	})
}

// crashAtEveryWrite stops the drain of a story before and after each write in
// turn, at least of so many; then another one starts with the same spool.
func crashAtEveryWrite(t *testing.T, least int, story, restart func(*world, *testing.T)) {
	t.Helper()
	for _, after := range []bool{false, true} {
		for k := 0; ; k++ {
			crashed := false
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				story(w, t)
				crashed = w.crashAt(t, k, after)
				restart(w, t)
				if t.Failed() {
					t.Logf("crashed at write %d, after it: %v; writes: %v", k, after, w.written())
				}
			})
			if !crashed {
				if k < least {
					t.Errorf("only %d writes were seen", k)
				}
				break
			}
		}
	}
}

var errCrash = errors.New("the process is gone")

// crashAt drains until write k, and says whether it came to that.
func (w *world) crashAt(t *testing.T, k int, after bool) (crashed bool) {
	t.Helper()
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
