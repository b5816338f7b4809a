package drain

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

const (
	// maxHeld bounds the events that are in memory between spool and API server.
	maxHeld = 20_000
	// readBytes bounds what is read from the spool at once.
	readBytes = 1 << 20
)

// feed reads the spool in order, until ctx ends.
func (d *Drain) feed(ctx context.Context) error {
	next := spool.Position(0)
	for ctx.Err() == nil {
		batches, err := d.take(ctx, next)
		if err != nil {
			return err
		}
		if len(batches) > 0 {
			next = batches[len(batches)-1].Last + 1
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

// take reads some batches and hands their events on. It reads none while too
// many are on their way.
func (d *Drain) take(ctx context.Context, next spool.Position) ([]spool.Batch, error) {
	if d.ledger.held() >= maxHeld {
		return nil, nil
	}
	batches, err := d.spool.Read(ctx, next, readBytes)
	for _, b := range batches {
		d.open(ctx, b)
	}
	return batches, err
}

// open hands the events of a batch on, each to its fingerprint.
func (d *Drain) open(ctx context.Context, b spool.Batch) {
	e, err := envelope.Unmarshal(b.Payload)
	if err != nil {
		// It was whole when it was written: a newer version wrote it.
		logf.FromContext(ctx).Error(err, "A batch of the spool cannot be read and is left out", "position", b.First)
		d.ledger.add(b, envelope.Envelope{})
		return
	}
	entry := d.ledger.add(b, e)
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
