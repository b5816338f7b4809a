// Package cloudevents reads CloudEvents in structured mode, one or a batch, and
// hands their data to the decoder of the format that their type stands for.
// Structured brings an event in binary mode, whose attributes are headers of the
// request, into that form.
package cloudevents

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// Route says how the data of events of a type is read.
type Route struct {
	// Type is the type; with a * at its end, all types that begin so.
	Type string
	// Decoder reads the data.
	Decoder decode.Decoder
}

func (r Route) matches(eventType string) bool {
	if prefix, found := strings.CutSuffix(r.Type, "*"); found {
		return strings.HasPrefix(eventType, prefix)
	}
	return eventType == r.Type
}

// Decoder reads CloudEvents.
type Decoder struct {
	// Routes are tried in order.
	Routes []Route
}

// event is as much of a CloudEvent as is read: where it comes from and what it
// is about is in its data too.
type event struct {
	Type       string          `json:"type"`
	Data       json.RawMessage `json:"data,omitempty"`
	DataBase64 json.RawMessage `json:"data_base64,omitempty"`
}

// maxType is above what any sender uses: the type of a batch is kept with each
// of the events in it.
const maxType = 256

var (
	errNoType   = errors.New("type: is missing; a CloudEvent has one, in binary mode as the header Ce-Type")
	errLongType = fmt.Errorf("type: is longer than %d bytes", maxType)
	errNoData   = errors.New("data: is missing; the event has neither data nor data_base64")
)

// TypeHeader is the header that tells the type of an event in binary mode.
const TypeHeader = "Ce-Type"

// Structured is the structured form of an event in binary mode, as much of it as
// is read.
func Structured(eventType string, data []byte) ([]byte, error) {
	e := event{Type: eventType}
	if json.Valid(data) {
		e.Data = data
		return json.Marshal(e)
	}
	encoded, err := json.Marshal(data) // as base64
	if err != nil {
		return nil, err
	}
	e.DataBase64 = encoded
	return json.Marshal(e)
}

// parse reads an event and finds its decoder; there is none where no route
// takes it.
func (d Decoder) parse(record []byte) (event, decode.Decoder, error) {
	var e event
	if err := decode.Lenient(record, &e); err != nil {
		return e, nil, err
	}
	switch {
	case e.Type == "":
		return e, nil, errNoType
	case len(e.Type) > maxType:
		return e, nil, errLongType
	}
	for _, route := range d.Routes {
		if route.matches(e.Type) {
			return e, route.Decoder, nil
		}
	}
	return e, nil, nil
}

// data returns what the event carries.
func (e event) data() ([]byte, error) {
	var encoded string
	switch {
	case len(e.Data) > 0 && string(e.Data) != "null":
		return e.Data, nil
	case e.DataBase64 == nil:
		return nil, errNoData
	case json.Unmarshal(e.DataBase64, &encoded) != nil:
		return nil, errors.New("data_base64: must be a string")
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("data_base64: %w", err)
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, within(decode.Explain(err)) // Nobody has looked into it yet.
	}
	return data, nil
}

// Unwrap returns an event for each of those in the data, and one that no route
// takes as it is.
func (d Decoder) Unwrap(record []byte) ([][]byte, error) {
	e, inner, err := d.parse(record)
	if err != nil || inner == nil {
		return [][]byte{record}, nil //nolint:nilerr // Check says what is wrong with it.
	}
	data, err := e.data()
	if err != nil {
		return nil, err
	}
	wrapped, err := inner.Unwrap(data)
	if err != nil {
		return nil, within(err)
	}
	events := make([][]byte, len(wrapped))
	for i, one := range wrapped {
		if events[i], err = json.Marshal(event{Type: e.Type, Data: one}); err != nil {
			return nil, within(err)
		}
	}
	return events, nil
}

// open returns the decoder of an event and its data.
func (d Decoder) open(record []byte) (decode.Decoder, []byte, error) {
	e, inner, err := d.parse(record)
	if err != nil || inner == nil {
		return nil, nil, err
	}
	data, err := e.data()
	return inner, data, err
}

// Check drops events that no route takes, and asks the decoder of the others.
func (d Decoder) Check(record []byte) (decode.Drop, error) {
	inner, data, err := d.open(record)
	switch {
	case err != nil:
		return "", err
	case inner == nil:
		return decode.DropNoRule, nil
	}
	drop, err := inner.Check(data)
	return drop, within(err)
}

// Decode makes an alert of what an event carries.
func (d Decoder) Decode(record []byte, received time.Time) (decode.Decoded, error) {
	inner, data, err := d.open(record)
	switch {
	case err != nil:
		return decode.Decoded{}, err
	case inner == nil:
		return decode.Decoded{Drop: decode.DropNoRule}, nil
	}
	decoded, err := inner.Decode(data, received)
	return decoded, within(err)
}

// within says that an error is about the data.
func within(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("data: %w", err)
}
