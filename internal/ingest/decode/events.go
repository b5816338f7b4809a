package decode

import (
	"fmt"
	"iter"
)

// MaxEventBytes bounds one event: the largest is an audit event with a large
// object and its answer, and etcd keeps no object over 1.5 MiB.
const MaxEventBytes = 4 << 20

// Event is one event of a record: worth keeping, no alert (Drop), or of no use
// (Err).
type Event struct {
	Data []byte
	Drop Drop
	Err  error
}

// Events takes a record apart and checks each event, as it is asked for.
func Events(d Decoder, record []byte) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		events, err := d.Unwrap(record)
		if err != nil {
			yield(Event{Data: record, Err: err})
			return
		}
		for _, data := range events {
			if !yield(check(d, data)) {
				return
			}
		}
	}
}

func check(d Decoder, data []byte) Event {
	if len(data) > MaxEventBytes {
		return Event{Data: data, Err: fmt.Errorf("the event is larger than %d bytes", MaxEventBytes)}
	}
	drop, err := d.Check(data)
	return Event{Data: data, Drop: drop, Err: err}
}
