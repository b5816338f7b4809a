package guardduty

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that the alerts name.
const Service = "guardduty"

// Decoder reads findings of GuardDuty and of Security Hub.
type Decoder struct{}

// Unwrap returns the finding, or those of Security Hub, in an event of
// EventBridge, the findings in an answer of the API, or the record.
func (Decoder) Unwrap(record []byte) ([][]byte, error) {
	var envelope struct {
		Detail   json.RawMessage `json:"detail"`
		Findings decode.Wrapped  `json:"findings"`
	}
	if err := decode.Lenient(record, &envelope); err != nil {
		return nil, err
	}
	switch {
	case envelope.Findings != nil:
		return envelope.Findings, nil
	case envelope.Detail == nil:
		return [][]byte{record}, nil
	}
	var detail struct {
		Findings decode.Wrapped `json:"findings"`
	}
	if err := decode.Lenient(envelope.Detail, &detail); err == nil && detail.Findings != nil {
		return detail.Findings, nil
	}
	return [][]byte{envelope.Detail}, nil
}

// Check refuses what has no id or title, and drops checks that passed.
func (Decoder) Check(event []byte) (decode.Drop, error) {
	_, drop, err := read(event)
	return drop, err
}

func read(event []byte) (header, decode.Drop, error) {
	var h header
	if err := decode.Lenient(event, &h); err != nil {
		return h, "", err
	}
	drop, err := h.check()
	return h, drop, err
}

// Decode makes an alert of a finding.
func (Decoder) Decode(event []byte, received time.Time) (decode.Decoded, error) {
	h, drop, err := read(event)
	switch {
	case err != nil, drop != "":
		return decode.Decoded{Drop: drop}, err
	case h.hub():
		return decodeHub(event, received)
	}
	var f finding
	if err := decode.Lenient(event, &f); err != nil {
		return decode.Decoded{}, err
	}
	return decode.Decoded{Alert: f.alert(received), Resolved: f.Service.Archived}, nil
}

func (f finding) alert(received time.Time) model.Alert {
	tactics, techniques := attack.Tags(f.tags())
	first, last := entity.Span(string(cmp.Or(f.Service.EventFirstSeen, f.CreatedAt)),
		string(cmp.Or(f.Service.EventLastSeen, f.UpdatedAt)), received)
	title := decode.Title(f.Title)
	alert := model.Alert{
		Service:     Service,
		Detection:   text.Line(f.Service.FeatureName, decode.MaxSensor),
		Rule:        cmp.Or(text.Line(f.Type, decode.MaxRule), title),
		Title:       title,
		Description: decode.Description(f.Description),
		Severity:    severity(string(f.Severity)),
		Tactics:     tactics,
		Techniques:  techniques,
		First:       first,
		Last:        last,
		Fingerprint: fingerprint(Service, string(f.ID)),
		Entities:    f.entities(),
		Occurrences: 1,
	}
	if f.Service.AdditionalInfo.Sample {
		alert.Title = decode.Title("[SAMPLE] " + title)
		alert.Severity = model.SeverityInformational // Nothing has happened.
	}
	return alert
}

// severity maps GuardDuty's figures: 1 to 3.9 is low, to 6.9 medium, to 8.9
// high, above critical. One that is missing or out of range is Medium.
func severity(figure string) model.Severity {
	value, err := strconv.ParseFloat(figure, 64)
	switch {
	case err != nil, value <= 0, value > 10:
		return model.SeverityMedium
	case value < 4:
		return model.SeverityLow
	case value < 7:
		return model.SeverityMedium
	}
	return model.SeverityHigh
}

// fingerprint is over the id alone: a finding that is updated keeps it. Security
// Hub has it at the end of an ARN.
func fingerprint(service, id string) string {
	if service == Service {
		id = lastPart(id)
	}
	return decode.Fingerprint(service, text.Line(id, entity.MaxName))
}
