package drain

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
)

// tuned are the tuning rules of the tenant, known after a few failures.
type tuned struct {
	set   *tuning.Set
	fails atomic.Int32
}

func (r *tuned) Of(_ context.Context, namespace string) (*tuning.Set, error) {
	if r.fails.Add(-1) >= 0 {
		return nil, errors.New("not known yet")
	}
	if namespace != tenant {
		return nil, nil
	}
	return r.set, nil
}

// rulesFor makes rules that are named after what they do to the detector's rule.
func rulesFor(t *testing.T, rules ...tuning.Rule) *tuned {
	t.Helper()
	var ready []*tuning.Ready
	for _, r := range rules {
		compiled, err := tuning.Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, compiled)
	}
	return &tuned{set: tuning.NewSet(ready)}
}

func tune(name string, action tuning.Action, rule string) tuning.Rule {
	return tuning.Rule{Name: name, Action: action, Match: match.Match{Rules: []string{rule}}, Severity: model.SeverityHigh}
}

func hidden(rule string) *v1alpha1.AlertTuning {
	return &v1alpha1.AlertTuning{RuleName: v1alpha1.LocalName(rule), Action: v1alpha1.TuningHide}
}

// tunings are those of each alert, by its place in its chain.
func (w *world) tunings(t *testing.T) map[string]*v1alpha1.AlertTuning {
	t.Helper()
	out := map[string]*v1alpha1.AlertTuning{}
	for name, a := range w.chains(t) {
		out[name] = a.Spec.Tuning
	}
	return out
}

// It is decided when an alert is created, by the rules of that moment; no alert
// is created while they cannot be read.
func TestTuning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		monitored := tune("watched", tuning.Hide, "miner")
		monitored.Monitor = true
		rules := rulesFor(t, tune("noise", tuning.Hide, "scan"), tune("done", tuning.Resolve, "shell"), tune("worse", tuning.Rescore, "miner"), monitored)
		rules.fails.Store(3)
		w.tuning = rules
		w.send(t, 0, "scan", "scan", "shell", "miner", "drift", "shell", "scan")
		w.run(t.Context(), t, w.spool)
		want := map[string]*v1alpha1.AlertTuning{
			"scan/a": hidden("noise"), "drift/a": nil,
			"shell/a": {RuleName: "done", Action: v1alpha1.TuningResolve},
			"miner/a": {
				RuleName: "worse", Action: v1alpha1.TuningRescore, DetectedSeverity: v1alpha1.SeverityMedium,
				Monitored: []v1alpha1.LocalName{"watched"},
			},
		}
		if diff := cmp.Diff(want, w.tunings(t)); diff != "" {
			t.Error(diff)
		}
		if got := w.chains(t)["miner/a"].Spec.Severity; got != v1alpha1.SeverityHigh {
			t.Errorf("the severity is %s", got)
		}
		w.check(t, map[string]int64{"scan/a": 3, "shell/a": 2, "miner/a": 1, "drift/a": 1},
			totals{received: 7, accepted: 3, deduplicated: 1, suppressed: 3})
	})
}

// What another rule hides counts in the alert that is hidden already: two rules in
// turns open no alert for each event.
func TestHiddenByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 4 {
			w.tuning = rulesFor(t, tune([]string{"noise", "other"}[i%2], tuning.Hide, "scan"))
			w.send(t, time.Duration(i)*time.Minute, "scan")
			w.run(t.Context(), t, w.spool)
		}
		if diff := cmp.Diff(map[string]*v1alpha1.AlertTuning{"scan/a": hidden("noise")}, w.tunings(t)); diff != "" {
			t.Error(diff)
		}
		w.check(t, map[string]int64{"scan/a": 4}, totals{received: 4, suppressed: 4})
	})
}

// What is hidden no longer does not count in the alert that is hidden: the next
// event opens another one, and those after it count there.
func TestHiddenNoLonger(t *testing.T) {
	expired := func(w *world) tuning.Rule {
		r := tune("noise", tuning.Hide, "scan")
		r.Expires = w.now.Add(time.Minute)
		return r
	}
	for name, tc := range map[string]struct {
		before, after func(w *world) []tuning.Rule
		second        *v1alpha1.AlertTuning
		want          totals
	}{
		"deleted": {
			after: func(*world) []tuning.Rule { return nil },
			want:  totals{received: 4, accepted: 1, deduplicated: 1, suppressed: 2},
		},
		"resolves by now": {
			after:  func(*world) []tuning.Rule { return []tuning.Rule{tune("noise", tuning.Resolve, "scan")} },
			second: &v1alpha1.AlertTuning{RuleName: "noise", Action: v1alpha1.TuningResolve},
			want:   totals{received: 4, accepted: 1, deduplicated: 1, suppressed: 2},
		},
		"expired": {
			before: func(w *world) []tuning.Rule { return []tuning.Rule{expired(w)} },
			after:  func(w *world) []tuning.Rule { return []tuning.Rule{expired(w)} },
			want:   totals{received: 4, accepted: 1, deduplicated: 1, suppressed: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.tuning = rulesFor(t, tune("noise", tuning.Hide, "scan"))
				if tc.before != nil {
					w.tuning = rulesFor(t, tc.before(w)...)
				}
				w.send(t, 0, "scan", "scan")
				w.run(t.Context(), t, w.spool)
				w.tuning = rulesFor(t, tc.after(w)...)
				w.send(t, 2*time.Minute, "scan", "scan")
				w.run(t.Context(), t, w.spool)
				if diff := cmp.Diff(map[string]*v1alpha1.AlertTuning{"scan/a": hidden("noise"), "scan/b": tc.second}, w.tunings(t)); diff != "" {
					t.Error(diff)
				}
				w.check(t, map[string]int64{"scan/a": 2, "scan/b": 2}, tc.want)
			})
		})
	}
}

// An event that a rule does not mean opens another alert where the rule resolved or
// rescored the open one, though both are of one fingerprint or one roll-up.
func TestTunedNoLonger(t *testing.T) {
	for _, action := range []tuning.Action{tuning.Resolve, tuning.Rescore} {
		t.Run(string(action), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.tuning = rulesFor(t, tune("ours", action, "scan"))
				w.send(t, 0, "scan", "scan")
				w.run(t.Context(), t, w.spool)
				elsewhere := tune("ours", action, "scan")
				elsewhere.Match.Expression = "alert.entities.exists(e, e.name == 'elsewhere')"
				w.tuning = rulesFor(t, elsewhere)
				w.send(t, time.Minute, "scan", "scan")
				w.run(t.Context(), t, w.spool)
				if got := w.tunings(t); got["scan/a"] == nil || got["scan/b"] != nil {
					t.Errorf("tuned: %v", got)
				}
				w.check(t, map[string]int64{"scan/a": 2, "scan/b": 2}, totals{received: 4, accepted: 2, deduplicated: 2})
			})
		})
	}
}

// The time of an event is the sender's word: one that says that it is old is not
// hidden by a rule that has expired when it is received, nor is one that comes
// from ahead of its time shown before.
func TestExpiryIsJudgedByReceipt(t *testing.T) {
	for name, tc := range map[string]struct {
		received, happened time.Duration
		want               *v1alpha1.AlertTuning
	}{
		"old by its own word": {2 * time.Minute, -time.Hour, nil},
		"of later":            {0, 2 * time.Minute, hidden("noise")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				r := tune("noise", tuning.Hide, "scan")
				r.Expires = w.now.Add(time.Minute)
				w.tuning = rulesFor(t, r)
				w.spoolEnvelope(t, w.spool, envelope.Envelope{
					Tenant: tenant, Source: "falco", Format: "Falco", Received: w.now.Add(tc.received),
					Events: [][]byte{fmt.Appendf(nil, `{"rule": "scan", "time": %q}`, w.now.Add(tc.happened).Format(time.RFC3339Nano))},
				})
				w.run(t.Context(), t, w.spool)
				if diff := cmp.Diff(map[string]*v1alpha1.AlertTuning{"scan/a": tc.want}, w.tunings(t)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// What is released goes on as any other alert, also where the rule is still there.
func TestReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tuning = rulesFor(t, tune("noise", tuning.Hide, "scan"))
		w.send(t, 0, "scan")
		w.run(t.Context(), t, w.spool)
		a := w.chains(t)["scan/a"]
		a.Status.ReleasedTime = ptr.To(metav1.NewMicroTime(w.now))
		if err := w.api.Status().Update(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
		w.send(t, time.Minute, "scan", "scan")
		w.run(t.Context(), t, w.spool)
		w.check(t, map[string]int64{"scan/a": 3}, totals{received: 3, deduplicated: 2, suppressed: 1})
	})
}

// hiding spools what is hidden at first and then is not, as the rule expires.
func (w *world) hiding(t *testing.T) {
	t.Helper()
	r := tune("noise", tuning.Hide, "scan")
	r.Expires = w.now.Add(2 * time.Minute)
	w.tuning = rulesFor(t, r)
	w.send(t, 0, "scan", "shell")
	w.send(t, time.Minute, "scan")
	w.send(t, 2*time.Minute, "scan", "scan", "scan")
}

// A crash changes nothing about what counted where.
func TestHiddenThroughCrashes(t *testing.T) {
	crashAtEveryWrite(t, 5, (*world).hiding, func(w *world, t *testing.T) {
		w.run(t.Context(), t, w.spool)
		w.check(t, map[string]int64{"scan/a": 2, "scan/b": 3, "shell/a": 1},
			totals{received: 6, accepted: 2, deduplicated: 2, suppressed: 2})
	})
}
