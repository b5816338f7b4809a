package drain

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// rules keep the alerts of some rules out, after failing a few times.
type rules struct {
	out   map[string]bool
	fails atomic.Int32
}

func (r *rules) OptedOut(_ context.Context, namespace string, a model.Alert) (bool, error) {
	if r.fails.Add(-1) >= 0 {
		return false, errors.New("not known yet")
	}
	return namespace == tenant && a.Source == "falco" && r.out[a.Rule], nil
}

// correlations are those of each alert, by its rule.
func (w *world) correlations(t *testing.T) map[string][]v1alpha1.CorrelationMode {
	t.Helper()
	var list v1alpha1.AlertList
	if err := w.api.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string][]v1alpha1.CorrelationMode{}
	for _, a := range list.Items {
		out[a.Spec.Source.Rule] = append(out[a.Spec.Source.Rule], a.Spec.Correlation)
	}
	return out
}

// It is decided when an alert is created; repetitions change nothing, and no
// event is lost while the policies cannot be read.
func TestOptOuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		policy := &rules{out: map[string]bool{"scan": true}}
		policy.fails.Store(3)
		w.optOuts = policy
		w.send(t, 0, "scan", "scan", "shell")
		w.run(t.Context(), t, w.spool)
		policy.out = map[string]bool{"shell": true}
		w.send(t, time.Minute, "scan", "shell")
		w.send(t, 3*time.Hour, "shell")
		w.run(t.Context(), t, w.spool)
		want := map[string][]v1alpha1.CorrelationMode{
			"scan": {v1alpha1.CorrelationDisabled}, "shell": {v1alpha1.CorrelationEnabled, v1alpha1.CorrelationDisabled},
		}
		got := w.correlations(t)
		if len(got["shell"]) == 2 && got["shell"][0] == v1alpha1.CorrelationDisabled { // by name
			got["shell"][0], got["shell"][1] = got["shell"][1], got["shell"][0]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		w.check(t, map[string]int64{"scan/a": 3, "shell/a": 2, "shell/b": 1}, totals{received: 6, accepted: 3, deduplicated: 3})
	})
}

// What a source says of all its alerts is not asked for again.
func TestSourceWithoutCorrelation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.optOuts = &rules{}
		s, _ := w.sources.Get(types.NamespacedName{Namespace: tenant, Name: "falco"})
		s.CorrelationDisabled = true
		w.sources.Set(s)
		w.send(t, 0, "shell")
		w.run(t.Context(), t, w.spool)
		if diff := cmp.Diff(map[string][]v1alpha1.CorrelationMode{"shell": {v1alpha1.CorrelationDisabled}}, w.correlations(t)); diff != "" {
			t.Error(diff)
		}
	})
}
