// Package envelope is what the spool keeps of one request: who sent it, when,
// the events worth keeping, and how many were not.
package envelope

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Envelope is one request.
type Envelope struct {
	// Tenant is the namespace of the source, Source its name.
	Tenant string `json:"tenant"`
	Source string `json:"source"`
	// Format is how the events are read should the source be gone by then.
	Format   string    `json:"format"`
	Received time.Time `json:"received"`
	// Suppressed counts the events that are no alert, Rejected those that could
	// not be read. Both are kept nowhere else.
	Suppressed int64 `json:"suppressed,omitempty"`
	Rejected   int64 `json:"rejected,omitempty"`
	// Events are kept as they came.
	Events [][]byte `json:"-"`
}

// Key names the source.
func (e Envelope) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: e.Tenant, Name: e.Source}
}

// Positions is how many positions of the spool it takes: one for each event,
// and one for the counts of a request without any.
func (e Envelope) Positions() int64 { return max(1, int64(len(e.Events))) }

// version stands first, so that a later format can tell what an older wrote.
const version = 1

// Marshal returns the version, the head in JSON and the events, each with its
// length in front: events are neither escaped nor scanned again.
func (e Envelope) Marshal() ([]byte, error) {
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	size := 1 + len(head) + binary.MaxVarintLen64
	for _, event := range e.Events {
		size += len(event) + binary.MaxVarintLen64
	}
	out := append(make([]byte, 0, size), version)
	out = appendBlock(out, head)
	for _, event := range e.Events {
		out = appendBlock(out, event)
	}
	return out, nil
}

func appendBlock(out, block []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(block))), block...)
}

var errTruncated = errors.New("the envelope is cut off")

// Unmarshal reads what Marshal wrote. The events share its memory.
func Unmarshal(data []byte) (Envelope, error) {
	r := bytes.NewReader(data)
	if v, err := r.ReadByte(); err != nil || v != version {
		return Envelope{}, fmt.Errorf("the envelope has version %d, not %d", v, version)
	}
	head, err := readBlock(data, r)
	if err != nil {
		return Envelope{}, err
	}
	var e Envelope
	if err := json.Unmarshal(head, &e); err != nil {
		return Envelope{}, fmt.Errorf("reading the head of an envelope: %w", err)
	}
	for r.Len() > 0 {
		event, err := readBlock(data, r)
		if err != nil {
			return Envelope{}, err
		}
		e.Events = append(e.Events, event)
	}
	return e, nil
}

func readBlock(data []byte, r *bytes.Reader) ([]byte, error) {
	length, err := binary.ReadUvarint(r)
	if err != nil || length > uint64(r.Len()) {
		return nil, errTruncated
	}
	start := len(data) - r.Len()
	if _, err := r.Seek(int64(length), io.SeekCurrent); err != nil {
		return nil, err
	}
	return data[start : start+int(length)], nil
}
