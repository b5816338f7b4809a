package gateway

import (
	"errors"
	"fmt"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// content is what a body holds.
type content struct {
	// events are worth keeping.
	events [][]byte
	// suppressed counts the events that are no alert.
	suppressed int64
	// rejected counts the events that cannot be read; errors tells of the first.
	rejected int64
	errors   []EventError
	// position is that of the next event.
	position int
}

const (
	// maxErrors bounds the list of errors in an answer.
	maxErrors = 100
	// maxReason bounds one of them: it can quote the event.
	maxReason = 256
	// maxEventBytes bounds one event: the largest is an audit event with a large
	// object and its answer, and etcd keeps no object over 1.5 MiB.
	maxEventBytes = 4 << 20
)

// readContent sorts the events of a body. One bad event does not spoil the others.
func readContent(data []byte, d decode.Decoder) (content, error) {
	records, err := body.Split(data)
	if err != nil {
		return content{}, err
	}
	var c content
	for _, record := range records {
		if record.Err != nil {
			c.reject(record.Err)
			continue
		}
		unwrapped, err := d.Unwrap(record.Data)
		if err != nil {
			c.reject(err)
			continue
		}
		if c.position+len(unwrapped) > body.MaxRecords {
			return content{}, body.ErrTooMany
		}
		for _, event := range unwrapped {
			c.add(event, d)
		}
	}
	return c, nil
}

func (c *content) add(event []byte, d decode.Decoder) {
	if len(event) > maxEventBytes {
		c.reject(fmt.Errorf("the event is larger than %d bytes", maxEventBytes))
		return
	}
	switch drop, err := d.Check(event); {
	case err != nil:
		c.reject(err)
	case drop != "":
		c.suppressed++
		c.position++
	default:
		c.events = append(c.events, event)
		c.position++
	}
}

func (c *content) reject(err error) {
	if len(c.errors) < maxErrors {
		c.errors = append(c.errors, EventError{Position: c.position, Reason: text.Line(err.Error(), maxReason)})
	}
	c.rejected++
	c.position++
}

var errEmpty = errors.New("the body is empty")
