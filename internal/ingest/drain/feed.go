package drain

import (
	"context"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

const (
	// maxHeld bounds the events that are in memory between spool and API server,
	// but for one batch of each tenant. One tenant alone has half of them.
	maxHeld = 40_000
	// readBytes bounds what is read from the spool at once.
	readBytes = 1 << 20
)

// feed reads the queues of the spool, one after the other, each in order, until
// ctx ends.
func (d *Drain) feed(ctx context.Context) error {
	next := map[string]spool.Position{}
	for ctx.Err() == nil {
		taken, err := d.round(ctx, next)
		if err != nil {
			return err
		}
		if taken {
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

// take reads some batches of a tenant and hands their events on. It reads none
// while too many are on their way.
func (d *Drain) take(ctx context.Context, tenant string, from spool.Position) ([]spool.Batch, error) {
	size := readBytes
	switch room, one := d.ledger.roomFor(tenant); {
	case !room && !one:
		return nil, nil
	case !room:
		size = 1
	}
	batches, err := d.spool.Read(ctx, tenant, from, size)
	for _, b := range batches {
		d.open(ctx, tenant, b)
	}
	return batches, err
}

// open hands the events of a batch on, each to its fingerprint.
func (d *Drain) open(ctx context.Context, tenant string, b spool.Batch) {
	e, err := envelope.Unmarshal(b.Payload)
	if err != nil {
		// It was whole when it was written: a newer version wrote it.
		logf.FromContext(ctx).Error(err, "A batch of the spool cannot be read and is left out", "position", b.First)
		d.ledger.add(tenant, b, envelope.Envelope{})
		return
	}
	entry := d.ledger.add(tenant, b, e)
	from, decoder, err := d.decoder(e)
	for i, event := range e.Events {
		position := b.First + spool.Position(i)
		decoded, unreadable := decode.Decoded{}, err
		if unreadable == nil {
			decoded, unreadable = decoder.Decode(event, e.Received)
		}
		switch {
		case unreadable != nil:
			logf.FromContext(ctx).Error(unreadable, "An event cannot be read", "alertSource", e.Key(), "position", position)
			d.ledger.settle(entry, rejected)
		case decoded.Drop != "":
			d.ledger.settle(entry, suppressed)
		default:
			decoded.Alert.Source, decoded.Alert.CorrelationDisabled = e.Source, from.CorrelationDisabled
			k := key{e.Tenant, decoded.Alert.Fingerprint}
			d.inbox.put(k, signal{position: position, alert: decoded.Alert, resolved: decoded.Resolved, entry: entry})
			d.queue.Add(k)
		}
	}
}

// decoder returns the source of an envelope and its decoder. Events of a source
// that is gone or no longer valid were acknowledged all the same: they are read
// as its format is read by default.
func (d *Drain) decoder(e envelope.Envelope) (source.Source, decode.Decoder, error) {
	from, found := d.sources.Get(types.NamespacedName{Namespace: e.Tenant, Name: e.Source})
	if found && from.Decoder != nil {
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
