package drain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
)

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
		before := w.spool.Usage().Bytes
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		if err := w.drain(w.spool).Start(ctx); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"other0", "other1", "other2", "other3", "other4", "last"} {
			if got := w.totalsOf(t, other, "falco"); got != (totals{received: 1, accepted: 1}) {
				t.Errorf("totals of %s are %+v", other, got)
			}
		}
		if left := w.spool.Usage().Bytes; left == 0 || left >= before/2 {
			t.Errorf("%d of %d bytes are left", left, before)
		}
		w.refuse = nil
		w.run(t.Context(), t, w.spool)
		if got := w.totalsOf(t, "last", "falco"); got != (totals{received: 1, accepted: 1}) || w.totals(t) != got {
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
				if got := w.totalsOf(t, "other", "falco"); got != (totals{received: 1, accepted: 1}) {
					t.Errorf("totals of the other tenant are %+v", got)
				}
				if left := w.spool.Usage().Bytes; left != 0 {
					t.Errorf("%d bytes are left", left)
				}
			})
		})
	}
}

// TestTenantsTakeTurns: one whose quota is used up, with more events than may be
// on their way, holds up nobody else, and asks little of the API server; once
// there is room all of its events are counted.
func TestTenantsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const requests, each, limit = 10, 50, 100
		for i := range requests {
			var rules []string
			for j := range each {
				rules = append(rules, fmt.Sprintf("rule %d/%d", i, j))
			}
			w.send(t, 0, rules...)
		}
		for _, other := range []string{"a", "z"} {
			w.addTenant(t, other)
		}
		var full atomic.Bool
		full.Store(true)
		w.refuse = func(kind, namespace string) error {
			if full.Load() && kind == "create" && namespace == tenant {
				return quota()
			}
			return nil
		}
		before := len(w.written())
		d := w.drain(w.spool)
		d.ledger = newLedger(load{events: limit, bytes: 1 << 20})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- d.Start(ctx) }()
		<-clock.RealClock{}.After(2 * settleEvery)
		for _, other := range []string{"a", "z"} {
			if got := w.totalsOf(t, other, "falco"); got != (totals{received: 1, accepted: 1}) {
				t.Errorf("totals of %s are %+v", other, got)
			}
		}
		<-clock.RealClock{}.After(time.Minute)
		if n := len(w.written()) - before; n > 30*workers {
			t.Errorf("%d writes in a minute that most are forbidden in", n)
		}
		full.Store(false)
		<-clock.RealClock{}.After(2 * time.Minute)
		if got := w.totals(t); got != (totals{received: requests * each, accepted: requests * each}) {
			t.Errorf("totals in the end are %+v", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
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
