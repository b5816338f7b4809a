// Package decode is the contract between the formats and those who read them.
package decode

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// Lengths that the API keeps of the texts of an alert.
const (
	MaxTitle       = 256
	MaxRule        = 256
	MaxSensor      = 63
	MaxDescription = 4096
	// MaxProviderIncident is above the id of an incident in any product.
	MaxProviderIncident = 128
)

// Drop says why an event is no alert; empty when it is one.
type Drop string

// The reasons to drop an event. The set is closed: it labels metrics.
const (
	// DropHealth is a detector's word about itself.
	DropHealth Drop = "Health"
	// DropTelemetry is an event that is no alert by its nature.
	DropTelemetry Drop = "Telemetry"
	// DropNoRule is an event that no rule makes an alert of.
	DropNoRule Drop = "NoRule"
)

// Decoder reads one format. Its methods are pure: the same event and time give
// the same result, on every replica and after every restart.
type Decoder interface {
	// Unwrap returns the events in a record, where the sender wraps many of
	// them, and the record itself where it does not. Each event makes at most
	// one alert, so that every event is counted once.
	Unwrap(record []byte) ([][]byte, error)
	// Check says whether an event is worth keeping, with as little work as
	// that takes: it runs before the sender has its answer.
	Check(event []byte) (Drop, error)
	// Decode makes an alert of an event. The alert has no name yet.
	Decode(event []byte, received time.Time) (Decoded, error)
}

// Decoded is what an event turned out to be.
type Decoded struct {
	// Alert is meaningful when Drop is empty.
	Alert model.Alert
	Drop  Drop
	// Resolved says that the sender regards the signal as over. Alert is filled as
	// when it began, with the same fingerprint. It ends an alert; it is no news of one.
	Resolved bool
	// FingerprintErr says why the source's own fingerprint could not be used; the
	// format's is in Alert then.
	FingerprintErr error
}

// Safe returns a decoder that turns a panic of d into an error: no event may
// stop the gateway or the drain, whatever it holds. It cuts the entities to as
// many as an alert keeps, and says how many there were. Where the sender named no
// tactic, it adds those that the techniques imply.
func Safe(d Decoder) Decoder { return safe{d} }

type safe struct{ Decoder }

func (s safe) Unwrap(record []byte) (events [][]byte, err error) {
	defer recovered(&err)
	return s.Decoder.Unwrap(record)
}

func (s safe) Check(event []byte) (drop Drop, err error) {
	defer recovered(&err)
	return s.Decoder.Check(event)
}

func (s safe) Decode(event []byte, at time.Time) (out Decoded, err error) {
	defer recovered(&err)
	out, err = s.Decoder.Decode(event, at)
	if total := len(out.Alert.Entities); total > entity.MaxEntities {
		out.Alert.Entities, out.Alert.EntityTotal = out.Alert.Entities[:entity.MaxEntities:entity.MaxEntities], total
	}
	if len(out.Alert.Tactics) == 0 {
		out.Alert.Tactics = attack.Implied(out.Alert.Techniques)
	}
	return out, err
}

func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("the decoder failed on this event: %v", cause)
	}
}

// Fingerprint hashes what makes two events the same signal: the format, and
// then the parts in order. Each part goes in with its length, so that no two
// lists of parts look alike.
func Fingerprint(format string, parts ...string) string {
	hash := sha256.New()
	for _, part := range append([]string{format}, parts...) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// Explain makes a JSON error fit for the sender: what is wrong, and where.
func Explain(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		// An embedded type is part of the path, though the sender never wrote it.
		field := strings.TrimPrefix(wrongType.Field, "Event.")
		return fmt.Errorf("%s: must not be of type %s", field, wrongType.Value)
	}
	if errors.As(err, &wrongType) {
		return fmt.Errorf("a JSON object is needed, not a %s", wrongType.Value)
	}
	return fmt.Errorf("not valid JSON: %w", err)
}
