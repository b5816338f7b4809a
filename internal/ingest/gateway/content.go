package gateway

import (
	"errors"

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
)

// readContent sorts the events of a body. One bad event does not spoil the others.
func readContent(data []byte, split splitter, d decode.Decoder) (content, error) {
	records, err := split(data)
	if err != nil {
		return content{}, err
	}
	var c content
	for _, record := range records {
		if record.Err != nil {
			c.reject(record.Err)
			continue
		}
		for event := range decode.Events(d, record.Data) {
			if c.position == body.MaxRecords {
				return content{}, body.ErrTooMany
			}
			c.add(event)
		}
	}
	return c, nil
}

func (c *content) add(event decode.Event) {
	switch {
	case event.Err != nil:
		c.reject(event.Err)
	case event.Drop != "":
		c.suppressed++
		c.position++
	default:
		c.events = append(c.events, event.Data)
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
