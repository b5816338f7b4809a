package reports

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/imported"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

const (
	// maxPending bounds what is on its way to the API server, so that senders do
	// not wait behind the reports of a cluster that are seen for the first time:
	// ten seconds' worth.
	maxPending = 1000
	// maxBatch is how many events share an envelope.
	maxBatch = 100
	// firstDoubt is how long it is waited for the effect of what was delivered, until
	// it is told again; each time it is waited twice as long, up to lastDoubt. It has
	// none where a TuningRule hides it, or the API server refuses it for long.
	firstDoubt, lastDoubt = time.Minute, 24 * time.Hour
)

// pending is what was told and does not show yet.
type pending struct {
	position spool.Position
	at       time.Time
	// doubt is how long its effect is waited for; again says that it is due once more.
	doubt time.Duration
	again bool
	// before is the alert as it was.
	before findings.Told
}

// tell appends to the spool what the alerts do not say yet. It reports whether
// there is more to tell.
func (c *Controller) tell(ctx context.Context, from *v1alpha1.AlertSource, w *watch) (more bool, err error) {
	if early, err := c.tooEarly(ctx, from.Namespace); early || err != nil {
		return true, err
	}
	told, err := c.told(ctx, from)
	if err != nil {
		return false, err
	}
	hides, err := c.hides(ctx, from.Namespace)
	if err != nil {
		return false, err
	}
	var steps []decode.Decoded
	all := map[string]findings.Told{}
	for _, k := range w.kinds {
		for print, t := range told[k.Name()] {
			all[print] = t
		}
		steps = append(steps, c.decide(from, k, told[k.Name()], hides)...)
	}
	if err := c.settle(ctx, from.Namespace, w, all); err != nil {
		return false, err
	}
	steps = slices.DeleteFunc(steps, func(d decode.Decoded) bool {
		p, told := w.pending[d.Alert.Fingerprint]
		return told && !p.again
	})
	young := w.young(c.Clock.Now())
	room := max(0, maxPending-young)
	more = len(steps) > room
	for batch := range slices.Chunk(steps[:min(room, len(steps))], maxBatch) {
		if err := c.append(ctx, from, w, batch, all); err != nil {
			return false, err
		}
	}
	return more || young > 0, nil
}

// young counts what was told so lately that it may still be on its way.
func (w *watch) young(now time.Time) (n int) {
	for _, p := range w.pending {
		if now.Sub(p.at) < firstDoubt {
			n++
		}
	}
	return n
}

// tooEarly holds until what a former process left in the spool is delivered: the
// alerts do not show it yet, and it would be told twice.
func (c *Controller) tooEarly(ctx context.Context, tenant string) (bool, error) {
	if c.leftover == nil {
		last, err := c.Spool.Last(ctx)
		if err != nil {
			return true, err
		}
		c.leftover = &last
	}
	drained, err := c.Spool.Drained(ctx, tenant, *c.leftover)
	return !drained, err
}

// decide asks what is to be told of one kind of report. While not all of its
// reports are known, that is nothing.
func (c *Controller) decide(from *v1alpha1.AlertSource, k *kind, told map[string]findings.Told, hides hides) []decode.Decoded {
	k.mu.Lock()
	defer k.mu.Unlock()
	complete, ok := k.complete()
	if !ok {
		return nil
	}
	return k.board.Decide(findings.Terms{
		Kind: k.Kind, Scope: findings.Scope{Source: from.Name, Cluster: from.Spec.Cluster},
		Minimum:  model.ParseSeverity(string(from.Spec.Watch.MinimumSeverity)),
		Patience: time.Duration(ptr.Deref(from.Spec.Watch.GoneAfterSeconds, 600)) * time.Second,
		Complete: complete, Now: c.Clock.Now().UTC(), Hides: hides,
	}, told)
}

// settle forgets what shows by now. What was delivered to no effect is told again.
func (c *Controller) settle(ctx context.Context, tenant string, w *watch, told map[string]findings.Told) error {
	for print, p := range w.pending {
		if told[print] != p.before {
			delete(w.pending, print)
			continue
		}
		if p.again || c.Clock.Since(p.at) < p.doubt {
			continue
		}
		drained, err := c.Spool.Drained(ctx, tenant, p.position)
		if err != nil {
			return err
		}
		p.again = drained
		w.pending[print] = p
	}
	return nil
}

// append makes a batch durable.
func (c *Controller) append(ctx context.Context, from *v1alpha1.AlertSource, w *watch, batch []decode.Decoded, told map[string]findings.Told) error {
	now := c.Clock.Now()
	e := envelope.Envelope{Tenant: from.Namespace, Source: from.Name, Format: imported.Format, Received: now.UTC()}
	for _, step := range batch {
		event, err := imported.Encode(step)
		if err != nil {
			return err
		}
		e.Events = append(e.Events, event)
	}
	payload, err := e.Marshal()
	if err != nil {
		return err
	}
	first, err := c.Spool.Append(ctx, from.Namespace, payload, e.Positions())
	if err != nil {
		return fmt.Errorf("telling what reports say: %w", err)
	}
	for i, step := range batch {
		print := step.Alert.Fingerprint
		doubt := min(max(firstDoubt, 2*w.pending[print].doubt), lastDoubt)
		w.pending[print] = pending{position: first + spool.Position(i), at: now, doubt: doubt, before: told[print]}
	}
	return nil
}
