// Package imported is the format of alerts that Tocsin made itself, of what it
// found in the cluster: on their way through the spool they are what they will be.
package imported

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// Format is its name. No AlertSource can have it as its type: nobody sends it.
const Format = "Imported"

// event is an alert, or the notice that it is over.
type event struct {
	Resolved bool        `json:"resolved,omitempty"`
	Alert    model.Alert `json:"alert"`
}

// Encode makes an event.
func Encode(d decode.Decoded) ([]byte, error) {
	return json.Marshal(event{Resolved: d.Resolved, Alert: d.Alert})
}

// Decoder reads events.
type Decoder struct{}

// Unwrap returns the event.
func (Decoder) Unwrap(record []byte) ([][]byte, error) { return [][]byte{record}, nil }

// Check says whether it can be read.
func (d Decoder) Check(event []byte) (decode.Drop, error) {
	_, err := d.Decode(event, time.Time{})
	return "", err
}

var errNoFingerprint = errors.New("alert.Fingerprint: is missing")

// Decode returns the alert.
func (Decoder) Decode(data []byte, _ time.Time) (decode.Decoded, error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return decode.Decoded{}, decode.Explain(err)
	}
	if e.Alert.Fingerprint == "" {
		return decode.Decoded{}, errNoFingerprint
	}
	return decode.Decoded{Alert: e.Alert, Resolved: e.Resolved}, nil
}
