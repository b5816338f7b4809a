// Package hostile tests decoders with what nobody means well with: altered,
// cut and arbitrary payloads. Whatever comes, a decoder answers with an error, a
// drop or an alert within bounds, and Check and Decode agree.
package hostile

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Received is when the events of a test come in.
var Received = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Outcome is what became of one event: exactly one of an error, a drop and an alert.
type Outcome struct {
	decode.Decoded
	Err error
}

// Body reads the body of a request as the gateway and the drain do, and fails
// the test where Check and Decode disagree or an alert is out of bounds.
func Body(t testing.TB, d decode.Decoder, data []byte) []Outcome {
	t.Helper()
	records, err := body.Split(data)
	if err != nil {
		t.Fatalf("splitting the body: %v", err)
	}
	var out []Outcome
	for _, record := range records {
		if record.Err != nil {
			out = append(out, Outcome{Err: record.Err})
			continue
		}
		out = append(out, Record(t, d, record.Data)...)
	}
	return out
}

// Record reads one record of a body.
func Record(t testing.TB, d decode.Decoder, record []byte) []Outcome {
	t.Helper()
	events, err := d.Unwrap(record)
	if err != nil {
		return []Outcome{{Err: err}}
	}
	out := make([]Outcome, len(events))
	for i, event := range events {
		out[i] = Event(t, d, event)
	}
	return out
}

// Event reads one event.
func Event(t testing.TB, d decode.Decoder, event []byte) Outcome {
	t.Helper()
	drop, checkErr := d.Check(event)
	decoded, err := d.Decode(event, Received)
	if message(checkErr) != message(err) || err == nil && drop != decoded.Drop {
		t.Fatalf("Check says %q, %v; Decode says %q, %v\n%.2000s", drop, checkErr, decoded.Drop, err, event)
	}
	if err == nil && drop == "" {
		Bounded(t, decoded.Alert)
	}
	return Outcome{Decoded: decoded, Err: err}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Alerts returns the alerts of outcomes, and fails the test where there is an error.
func Alerts(t testing.TB, outcomes []Outcome) []model.Alert {
	t.Helper()
	var alerts []model.Alert
	for i, o := range outcomes {
		if o.Err != nil {
			t.Fatalf("event %d: %v", i, o.Err)
		}
		if o.Drop == "" {
			alerts = append(alerts, o.Alert)
		}
	}
	return alerts
}

// Bounded fails the test where the API server would refuse an alert, or a
// screen show it otherwise than it is.
func Bounded(t testing.TB, a model.Alert) {
	t.Helper()
	clean(t, "service", a.Service, 1, decode.MaxSensor)
	clean(t, "detection", a.Detection, 0, decode.MaxSensor)
	clean(t, "rule", a.Rule, 1, decode.MaxRule)
	clean(t, "title", a.Title, 1, decode.MaxTitle)
	clean(t, "fingerprint", a.Fingerprint, 32, 32)
	for name, block := range map[string]string{"description": a.Description, "recommendedActions": a.RecommendedActions} {
		if block != text.Block(block, decode.MaxDescription) || !utf8.ValidString(block) {
			t.Errorf("%s is not clean: %.200q", name, block)
		}
	}
	if a.Severity < model.SeverityUnknown || a.Severity > model.SeverityHigh {
		t.Errorf("severity is %d", a.Severity)
	}
	if a.First.IsZero() || a.Last.Before(a.First) || a.Last.After(Received.Add(time.Hour)) {
		t.Errorf("it lasts from %s to %s", a.First, a.Last)
	}
	if a.Occurrences != 1 {
		t.Errorf("it counts as %d occurrences", a.Occurrences)
	}
	boundedLists(t, a)
}

func boundedLists(t testing.TB, a model.Alert) {
	t.Helper()
	if len(a.Tactics) > len(model.Tactics) || len(a.Techniques) > attack.MaxTechniques || len(a.Entities) > entity.MaxNamed {
		t.Errorf("%d tactics, %d techniques, %d entities", len(a.Tactics), len(a.Techniques), len(a.Entities))
	}
	for _, id := range a.Techniques {
		if canonical, ok := attack.Technique(id); !ok || canonical != id {
			t.Errorf("technique %q", id)
		}
	}
	seen := map[model.Key]bool{}
	for _, e := range a.Entities {
		clean(t, "entity "+string(e.Kind), e.Name, 1, entity.MaxName)
		if seen[e.Key] || e.Role == "" || e.Category == "" {
			t.Errorf("entity %v is there twice, or has no role or category", e)
		}
		seen[e.Key] = true
	}
}

func clean(t testing.TB, name, value string, shortest, longest int) {
	t.Helper()
	if len(value) < shortest || value != text.Line(value, longest) || !utf8.ValidString(value) {
		t.Errorf("%s is out of bounds or not clean: %d bytes, %.200q", name, len(value), value)
	}
}
