package drain

import (
	"context"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// maxHeld bounds what is in memory between spool and API server, but for the
// floor and one batch of each tenant. One tenant alone has half of it.
var maxHeld = load{events: 40_000, bytes: 64 << 20}

// readBytes bounds what is read from the spool at once, but for the last batch.
const readBytes = 1 << 20

// feed reads the queues of the spool, one after the other, each in order, until
// ctx ends.
func (d *Drain) feed(ctx context.Context) error {
	next := map[string]spool.Position{}
	for ctx.Err() == nil {
		began := d.clock.Now()
		taken, err := d.round(ctx, next)
		if err != nil {
			return err
		}
		if taken {
			d.yield(ctx, d.clock.Since(began))
			continue
		}
		select {
		case <-ctx.Done():
		case <-d.spool.News():
		case <-d.ledger.room:
		}
	}
	return nil
}

const (
	// restParts is how many times as long as it has worked the feed rests while
	// senders wait for their answers: what is in the spool already is safe.
	restParts = 3
	// maxRest bounds what that adds to the time that an event of a quiet tenant
	// waits.
	maxRest = 500 * time.Millisecond
	// restFilled is how much of its room in the spool any tenant may use before the
	// feed works without rest, so that less must be refused.
	restFilled = 0.5
)

// yield leaves the processor to the gateway while more comes in.
func (d *Drain) yield(ctx context.Context, worked time.Duration) {
	select {
	case <-d.spool.News():
	default:
		return
	}
	if rest := min(restParts*worked, maxRest); rest > 0 && d.mostFilled() < restFilled {
		d.sleep(ctx, rest)
	}
}

// mostFilled is how much of its room in the spool the tenant uses that uses most.
func (d *Drain) mostFilled() float64 {
	filled := 0.0
	for tenant := range d.spool.Queues() {
		filled = max(filled, d.spool.Filled(tenant))
	}
	return filled
}

// round takes a little of every tenant; next is how far each was read.
func (d *Drain) round(ctx context.Context, next map[string]spool.Position) (taken bool, err error) {
	queues := d.spool.Queues()
	maps.DeleteFunc(next, func(tenant string, _ spool.Position) bool { _, waits := queues[tenant]; return !waits })
	for _, tenant := range slices.Sorted(maps.Keys(queues)) {
		batches, err := d.take(ctx, tenant, next[tenant])
		if err != nil {
			return taken, err
		}
		if len(batches) > 0 {
			next[tenant], taken = batches[len(batches)-1].Last+1, true
		}
	}
	return taken, nil
}

// take reads some batches of a tenant and hands their events on. It reads no more
// than there is room for, but for the end of the last batch.
func (d *Drain) take(ctx context.Context, tenant string, from spool.Position) ([]spool.Batch, error) {
	room := d.ledger.roomFor(tenant)
	if room.events <= 0 || room.bytes <= 0 {
		return nil, nil
	}
	batches, err := d.spool.Read(ctx, tenant, from, min(readBytes, room.bytes))
	if err != nil {
		return nil, err
	}
	batches = within(batches, room.events)
	opened := make([]*opened, len(batches))
	for i, b := range batches {
		opened[i] = d.open(ctx, b)
	}
	if err := d.route(ctx, opened); err != nil {
		return nil, err
	}
	for _, o := range opened {
		d.handOn(ctx, tenant, o)
	}
	return batches, nil
}

// within returns the first batches, up to the one with which there are so many events.
func within(batches []spool.Batch, events int) []spool.Batch {
	for i, b := range batches {
		if events -= batchOf(b).events; events <= 0 {
			return batches[:i+1]
		}
	}
	return batches
}

// opened is a batch whose events were read.
type opened struct {
	batch    spool.Batch
	envelope envelope.Envelope
	limits   rollup.Limits
	events   []event
}

// event is what an event turned out to be, or why it cannot be read, and what it
// is rolled up into.
type event struct {
	decode.Decoded
	err   error
	level rollup.Level
}

// isAlert says that an event is neither unreadable nor dropped nor the end of a
// signal.
func (e event) isAlert() bool { return e.err == nil && e.Drop == "" && !e.Resolved }

// open reads the events of a batch.
func (d *Drain) open(ctx context.Context, b spool.Batch) *opened {
	out := &opened{batch: b}
	e, err := envelope.Unmarshal(b.Payload)
	if err != nil {
		// It was whole when it was written: a newer version wrote it.
		logf.FromContext(ctx).Error(err, "A batch of the spool cannot be read and is left out", "position", b.First)
		return out
	}
	from, decoder, err := d.decoder(e)
	out.envelope, out.limits, out.events = e, from.RollUp, make([]event, len(e.Events))
	for i, data := range e.Events {
		read := &out.events[i]
		if read.err = err; err == nil {
			read.Decoded, read.err = decoder.Decode(data, e.Received)
		}
		if read.FingerprintErr != nil {
			fingerprintFailures.Inc()
			d.failed.see(e.Key(), d.clock.Now())
			logf.FromContext(ctx).V(1).Info("The fingerprint of a source failed on an event", "alertSource", e.Key(), "reason", read.FingerprintErr.Error())
		}
		read.Alert.Source, read.Alert.CorrelationDisabled = e.Source, from.CorrelationDisabled
	}
	return out
}

// handOn hands the events of a batch on, each to the fingerprint under which it
// is counted.
func (d *Drain) handOn(ctx context.Context, tenant string, o *opened) {
	entry := d.ledger.add(tenant, o.batch, o.envelope)
	for i, e := range o.events {
		position := o.batch.First + spool.Position(i)
		switch {
		case e.err != nil:
			logf.FromContext(ctx).Error(e.err, "An event cannot be read", "alertSource", o.envelope.Key(), "position", position)
			d.ledger.settle(entry, rejected)
		case e.Drop != "":
			d.ledger.settle(entry, suppressed)
		default:
			s := signal{
				position: position, received: o.envelope.Received, resolved: e.Resolved, entry: entry,
				level: e.level, fingerprint: e.Alert.Fingerprint,
			}
			s.alert = rollup.Fold(e.Alert, e.level, o.envelope.Received)
			k := key{o.envelope.Tenant, s.alert.Fingerprint}
			d.inbox.put(k, s)
			d.queue.Add(k)
		}
	}
}

// decoder returns the source of an envelope and its decoder. Events of a source
// that is gone or no longer valid were acknowledged all the same: they are read
// as its format is read by default.
func (d *Drain) decoder(e envelope.Envelope) (source.Source, decode.Decoder, error) {
	from, found := d.sources.Get(types.NamespacedName{Namespace: e.Tenant, Name: e.Source})
	if !found {
		from.RollUp = rollup.DefaultLimits()
	}
	if found && from.Decoder != nil && from.Format == e.Format {
		return from, from.Decoder, nil
	}
	decoder, ok := d.fallback[e.Format]
	if ok {
		return from, decoder, nil
	}
	decoder, err := format.New(e.Format, format.Options{})
	if err == nil {
		d.fallback[e.Format] = decoder
	}
	return from, decoder, err
}
