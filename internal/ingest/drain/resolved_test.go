package drain

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
)

const monitor = "alertmanager"

// notify spools one notification of Alertmanager, that came at a time after the
// start: about rules that hold, or whose alerts were over by then.
func (w *world) notify(t *testing.T, at time.Duration, status string, rules ...string) {
	t.Helper()
	e := envelope.Envelope{Tenant: tenant, Source: monitor, Format: "Alertmanager", Received: w.now.Add(at)}
	for _, rule := range rules {
		e.Events = append(e.Events, fmt.Appendf(nil, `{"status": %q, "labels": {"alertname": %q}, "startsAt": %q, "endsAt": %q}`,
			status, rule, w.now.Add(at-time.Minute).Format(time.RFC3339Nano), w.now.Add(at).Format(time.RFC3339Nano)))
	}
	w.spoolEnvelope(t, w.spool, e)
}

// ends are when alerts ended, and what was newest of each alert, as time after
// the start, named as by alerts.
func (w *world) ends(t *testing.T) (ends, newest map[string]time.Duration) {
	t.Helper()
	ends, newest = map[string]time.Duration{}, map[string]time.Duration{}
	for name, a := range w.chains(t) {
		newest[name] = newKnown(&a).lastTime.Sub(w.now)
		if a.Status.EndedTime != nil {
			ends[name] = a.Status.EndedTime.Sub(w.now)
		}
	}
	return ends, newest
}

// flapping spools alerts that begin, end and begin again, with notices that end
// nothing and an event that comes late.
func (w *world) flapping(t *testing.T) {
	t.Helper()
	w.notify(t, 0, "resolved", "disk", "never")
	w.notify(t, 5*time.Minute, "firing", "disk", "load")
	w.notify(t, 10*time.Minute, "firing", "disk")
	w.notify(t, 12*time.Minute, "resolved", "disk", "disk")
	w.notify(t, 11*time.Minute, "firing", "disk")
	w.notify(t, 14*time.Minute, "firing", "disk")
	w.notify(t, 15*time.Minute, "firing", "disk")
	w.notify(t, 4*time.Minute, "resolved", "disk")
	w.notify(t, 16*time.Minute, "resolved", "disk")
}

var (
	flappingAlerts = map[string]int64{"disk/a": 3, "disk/b": 2, "load/a": 1}
	flappingEnds   = map[string]time.Duration{"disk/a": 12 * time.Minute, "disk/b": 16 * time.Minute}
	flappingNewest = map[string]time.Duration{"disk/a": 11 * time.Minute, "disk/b": 15 * time.Minute, "load/a": 5 * time.Minute}
	flappingTotals = totals{received: 12, accepted: 3, deduplicated: 3, suppressed: 6}
)

func (w *world) checkFlapping(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(flappingAlerts, w.alerts(t)); diff != "" {
		t.Errorf("alerts: %s", diff)
	}
	ends, newest := w.ends(t)
	if diff := cmp.Diff(flappingEnds, ends); diff != "" {
		t.Errorf("ends: %s", diff)
	}
	if diff := cmp.Diff(flappingNewest, newest); diff != "" {
		t.Errorf("newest activity: %s", diff)
	}
	if got := w.totalsOf(t, tenant, monitor); got != flappingTotals {
		t.Errorf("totals %+v, want %+v", got, flappingTotals)
	}
}

func TestResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.flapping(t)
		w.run(t.Context(), t, w.spool)
		w.checkFlapping(t)
	})
}

// TestResolvedCrash: each end is written once, whenever the drain stops.
func TestResolvedCrash(t *testing.T) {
	crashAtEveryWrite(t, 6, (*world).flapping, func(w *world, t *testing.T) {
		w.run(t.Context(), t, w.spool)
		w.checkFlapping(t)
	})
}

// TestResolvedConflicts: another writer is in between each time at first.
func TestResolvedConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.flapping(t)
		w.fault = func(n int, kind string) (error, error) {
			switch {
			case kind == "raise" && n%2 == 0:
				return apierrors.NewConflict(schema.GroupResource{}, "x", errCrash), nil
			case n%3 == 0:
				return nil, errCrash
			}
			return nil, nil
		}
		w.run(t.Context(), t, w.spool)
		w.checkFlapping(t)
	})
}

// TestOnlyAnEnd writes nothing else than that, and nothing a second time.
func TestOnlyAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.notify(t, 0, "firing", "disk")
		w.run(t.Context(), t, w.spool)
		before := w.chains(t)["disk/a"]
		w.notify(t, time.Hour, "resolved", "disk")
		w.run(t.Context(), t, w.spool)
		want := before.DeepCopy()
		after := w.chains(t)["disk/a"]
		want.Status.EndedTime, want.Status.Ingested = after.Status.EndedTime, withPosition(nil, w.spool.ID(), 2)
		want.ResourceVersion, want.ManagedFields = after.ResourceVersion, after.ManagedFields
		if diff := cmp.Diff(*want, after); diff != "" || after.Status.EndedTime == nil {
			t.Error(diff)
		}
		w.notify(t, 2*time.Hour, "resolved", strings.Split(strings.Repeat("disk,", 999)+"disk", ",")...)
		w.run(t.Context(), t, w.spool)
		if again := w.chains(t)["disk/a"]; again.ResourceVersion != after.ResourceVersion {
			t.Errorf("a second notice changed the alert: %s", cmp.Diff(after, again))
		}
		if got := w.totalsOf(t, tenant, monitor); got != (totals{received: 1002, accepted: 1, suppressed: 1001}) {
			t.Errorf("totals %+v", got)
		}
	})
}

// TestResolvedByAnotherReplica: of two replicas that get the same, one ends the
// alert, and none opens another.
func TestResolvedByAnotherReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second := w.spool, openSpool(t)
		w.notify(t, 0, "firing", "disk")
		w.run(t.Context(), t, first)
		w.notify(t, time.Minute, "resolved", "disk")
		w.spool = second
		w.notify(t, time.Minute, "resolved", "disk")
		w.run(t.Context(), t, second)
		w.run(t.Context(), t, first)
		if ends, _ := w.ends(t); ends["disk/a"] != time.Minute || len(ends) != 1 {
			t.Errorf("ended: %v", ends)
		}
		if got := w.totalsOf(t, tenant, monitor); got != (totals{received: 3, accepted: 1, suppressed: 2}) {
			t.Errorf("totals %+v", got)
		}
	})
}
