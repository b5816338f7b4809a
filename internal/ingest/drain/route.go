package drain

import (
	"context"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// route decides for each event whether it goes to an alert of its own or is
// rolled up. What is rolled up is noted in the spool first: an event that is read
// again after a crash, when less is known of those before it, goes where it went.
// One without a note went to its own alert, or nowhere yet.
// What this cannot know is a creation by the process before that comes through
// only after the alerts were listed.
func (d *Drain) route(ctx context.Context, batches []*opened) error {
	notes := map[spool.Position][]byte{}
	for _, o := range batches {
		if d.routeAsNoted(o) {
			continue
		}
		if note := d.routeAnew(o); note != nil {
			notes[o.batch.First] = note
		}
	}
	if len(notes) == 0 {
		return nil
	}
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := d.spool.Note(notes)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		logf.FromContext(ctx).Error(err, "What is rolled up cannot be noted; trying again")
		d.sleep(ctx, wait)
	}
}

// routeAnew returns the note to take, nil where nothing of the batch is rolled up.
func (d *Drain) routeAnew(o *opened) (note []byte) {
	now := d.clock.Now()
	limiter := d.limiters.of(o.envelope.Key(), now)
	for i := range o.events {
		e := &o.events[i]
		if !e.isAlert() {
			continue
		}
		e.level = limiter.Decide(o.limits, rollup.SignalOf(e.Alert, o.envelope.Received, now))
		if e.level == rollup.Single {
			continue
		}
		if d.wasSingle(o, i) {
			e.level = rollup.Single
			continue
		}
		if note == nil {
			note = make([]byte, len(o.events))
		}
		note[i] = byte(e.level)
	}
	return note
}

// wasSingle says that an event that would be rolled up now went to an alert of its
// own before a restart, when other alerts were known. Either that alert says so; or
// the roll-up has come further in the spool, without the event, and would take it
// for counted.
func (d *Drain) wasSingle(o *opened, i int) bool {
	e, position := o.events[i], o.batch.First+spool.Position(i)
	folded := rollup.Fold(e.Alert, e.level, o.envelope.Received)
	for _, fingerprint := range []string{e.Alert.Fingerprint, folded.Fingerprint} {
		if _, counted := holder(d.view.of(key{o.envelope.Tenant, fingerprint}), d.spool.ID(), position); counted {
			return true
		}
	}
	return false
}

// routeAsNoted does nothing where there is no note, or none of ours.
func (d *Drain) routeAsNoted(o *opened) bool {
	if len(o.batch.Note) == 0 || len(o.batch.Note) != len(o.events) {
		return false
	}
	now := d.clock.Now()
	limiter := d.limiters.of(o.envelope.Key(), now)
	for i := range o.events {
		e := &o.events[i]
		if !e.isAlert() {
			continue
		}
		e.level = rollup.Level(o.batch.Note[i])
		limiter.Restore(o.limits, e.level, rollup.SignalOf(e.Alert, o.envelope.Received, now))
	}
	return true
}

// limiters are those of the sources that raised alerts within the hour. They are
// for the goroutine that reads the spool.
type limiters map[types.NamespacedName]*limiter

// limiter is one of them, and when it was last asked. That is the time of the drain:
// a batch may have waited for long, and says nothing about the batches of others.
type limiter struct {
	*rollup.Limiter
	asked time.Time
}

func (l limiters) of(source types.NamespacedName, now time.Time) *rollup.Limiter {
	if l[source] == nil {
		maps.DeleteFunc(l, func(_ types.NamespacedName, other *limiter) bool { return now.Sub(other.asked) >= rollup.Hour })
		l[source] = &limiter{Limiter: rollup.NewLimiter()}
	}
	l[source].asked = now
	return l[source].Limiter
}

// existing is an alert that there was at the start.
type existing struct {
	source types.NamespacedName
	level  rollup.Level
	signal rollup.Signal
}

// newExisting tells of an alert, if it was active within the hour. When its newest
// event was received is not kept: it is when that happened, but not before the
// alert was created.
func newExisting(a *v1alpha1.Alert, now time.Time) (existing, bool) {
	if a.Spec.Ingestion == nil {
		return existing{}, false
	}
	reported := convert.Reported(a)
	at := reported.Last
	if at.Before(a.CreationTimestamp.Time) || at.After(now) {
		at = a.CreationTimestamp.Time
	}
	return existing{
		source: types.NamespacedName{Namespace: a.Namespace, Name: reported.Source}, level: convert.Level(a.Spec.RollUp),
		signal: rollup.SignalOf(reported, at, now),
	}, now.Sub(at) < rollup.Hour
}

// restore tells the limiters of the alerts that there are.
func (d *Drain) restore(alerts []existing) {
	now := d.clock.Now()
	slices.SortStableFunc(alerts, func(a, b existing) int { return a.signal.At.Compare(b.signal.At) })
	for _, a := range alerts {
		limits := rollup.DefaultLimits()
		if from, found := d.sources.Get(a.source); found {
			limits = from.RollUp
		}
		d.limiters.of(a.source, now).Restore(limits, a.level, a.signal)
	}
}
