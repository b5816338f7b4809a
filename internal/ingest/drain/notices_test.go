package drain

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

func (w *world) statusOf(t *testing.T, name string) v1alpha1.AlertSourceStatus {
	t.Helper()
	from := &v1alpha1.AlertSource{}
	if err := w.api.Get(t.Context(), client.ObjectKey{Namespace: tenant, Name: name}, from); err != nil {
		t.Fatal(err)
	}
	return from.Status
}

// TestThrottledIsTold: once a minute while it lasts, and of that source only.
func TestThrottledIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		throttle := source.NewThrottle(1, 1)
		from, _ := w.sources.Get(types.NamespacedName{Namespace: tenant, Name: "falco"})
		from.Throttle = throttle
		w.sources.Set(from)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
		defer cancel()
		go func() {
			for ctx.Err() == nil && (clock.RealClock{}).Since(w.now) < 2*time.Minute {
				throttle.Take(2, clock.RealClock{}.Now())
				<-clock.RealClock{}.After(time.Second)
			}
		}()
		if err := w.drain(w.spool).Start(ctx); err != nil {
			t.Fatal(err)
		}
		last := throttle.LastRefused().Truncate(time.Minute)
		if got := w.statusOf(t, "falco"); got.ThrottledTime == nil || !got.ThrottledTime.Time.Equal(last) || got.DelayedTime != nil || got.Totals != nil {
			t.Errorf("status is %+v, last refused at %s", got, last)
		}
		if got := w.statusOf(t, monitor).ThrottledTime; got != nil {
			t.Errorf("another source was throttled at %s", got)
		}
		if n := len(w.written()); n < 2 || n > 4 {
			t.Errorf("%d writes for two minutes", n)
		}
	})
}

// TestAnotherReplicaKnowsLater: the newest time stays.
func TestAnotherReplicaKnowsLater(t *testing.T) {
	before, status := &v1alpha1.AlertSourceStatus{}, &v1alpha1.AlertSourceStatus{}
	at := time.Unix(1_700_000_000, 0)
	for step, told := range []struct {
		at   time.Time
		want bool
	}{{at, true}, {at, false}, {at.Add(-time.Hour), false}, {at.Add(time.Minute), true}} {
		if got := (notice{throttled: told.at}).addTo(status, before); got != told.want {
			t.Errorf("step %d: changed %t", step, got)
		}
		if told.want {
			before.ThrottledTime = status.ThrottledTime
		}
	}
}

// TestDelayIsTold: a source whose events wait tells of it, once the API server
// takes at least that; one without events does not.
func TestDelayIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(t, 0, "shell")
		ends := clock.RealClock{}.Now().Add(delay + 90*time.Second)
		w.refuse = func(kind, _ string) error {
			if kind == "create" && (clock.RealClock{}).Now().Before(ends) {
				return quota()
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := w.drain(w.spool).Start(ctx); err != nil {
			t.Fatal(err)
		}
		got := w.statusOf(t, "falco").DelayedTime
		if got == nil || got.Time.Before(ends.Add(-2*time.Minute)) || got.Time.After(ends.Add(time.Minute)) {
			t.Errorf("delayed at %s, the delay ended at %s", got, ends)
		}
		if got := w.statusOf(t, monitor).DelayedTime; got != nil {
			t.Errorf("the other source is delayed at %s", got)
		}
		if n := len(slices.DeleteFunc(w.written(), func(kind string) bool { return kind != "totals" })); n < 2 || n > 4 {
			t.Errorf("%d writes to the source", n)
		}
	})
}

// TestNearlyFullIsTold: before anything is refused, the sources tell whose
// events are on their way.
func TestNearlyFullIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var err error
		if w.spool, err = spool.Open(spool.Options{Path: filepath.Join(t.TempDir(), "small.db"), MaxBytes: 2_000}); err != nil {
			t.Fatal(err)
		}
		defer w.spool.Close()
		d := w.drain(w.spool)
		defer d.queue.ShutDown()
		key := types.NamespacedName{Namespace: tenant, Name: "falco"}
		for w.spool.Filled(tenant) < nearlyFull {
			if got := d.notices(); len(got) != 0 {
				t.Fatalf("%v is told of a spool that is filled to %v", got, w.spool.Filled(tenant))
			}
			w.send(t, 0, "shell")
			if _, err := d.take(t.Context(), tenant, 0); err != nil {
				t.Fatal(err)
			}
		}
		want := map[types.NamespacedName]notice{key: {delayed: clock.RealClock{}.Now().Truncate(noticeEvery)}}
		if diff := cmp.Diff(want, d.notices(), cmp.AllowUnexported(notice{})); diff != "" {
			t.Error(diff)
		}
		d.told[key] = want[key]
		if got := d.notices(); len(got) != 0 {
			t.Errorf("%v is told again", got)
		}
	})
}
