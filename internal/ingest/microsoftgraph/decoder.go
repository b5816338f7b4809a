package microsoftgraph

import (
	"cmp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product where an alert names none.
const Service = "microsoft-security"

// Decoder reads the alerts of Microsoft's security products.
type Decoder struct{}

// Unwrap returns the alerts of a page of alerts or of incidents, of a single
// incident, the rows of a stream, or the record.
func (Decoder) Unwrap(record []byte) ([][]byte, error) {
	var page struct {
		Value   decode.Wrapped `json:"value"`
		Records decode.Wrapped `json:"records"`
	}
	if err := decode.Lenient(record, &page); err != nil {
		return nil, err
	}
	items := page.Value
	switch {
	case page.Records != nil:
		return page.Records, nil
	case items == nil:
		items = decode.Wrapped{record}
	}
	var events [][]byte
	for _, item := range items {
		if len(events) >= decode.MaxWrapped {
			break
		}
		events = append(events, alerts(item)...)
	}
	return events, nil
}

// alerts returns the alerts of an incident, and what is none as it is.
func alerts(item []byte) [][]byte {
	var incident struct {
		Alerts decode.Wrapped `json:"alerts"`
	}
	if decode.Lenient(item, &incident) != nil || incident.Alerts == nil {
		return [][]byte{item} // Check says what is wrong with it.
	}
	return incident.Alerts
}

// Check refuses an alert without id or title.
func (Decoder) Check(event []byte) (decode.Drop, error) {
	data, drop, err := content(event)
	if err != nil || drop != "" {
		return drop, err
	}
	var h header
	if err := decode.Lenient(data, &h); err != nil {
		return "", err
	}
	return "", h.check()
}

// Decode makes an alert of an event.
func (Decoder) Decode(event []byte, received time.Time) (decode.Decoded, error) {
	data, drop, err := content(event)
	if err != nil || drop != "" {
		return decode.Decoded{Drop: drop}, err
	}
	var a alert
	if err := decode.Lenient(data, &a); err != nil {
		return decode.Decoded{}, err
	}
	if err := a.check(); err != nil {
		return decode.Decoded{}, err
	}
	return decode.Decoded{Alert: a.model(received), Resolved: strings.EqualFold(a.Status, "resolved")}, nil
}

func (a alert) model(received time.Time) model.Alert {
	// The detector's own id says nothing to people: the title names the rule.
	title := decode.Title(a.Title)
	tactics, techniques := attack.Tags(append(a.techniques(), a.Category))
	first, last := entity.Span(
		cmp.Or(a.FirstActivityDateTime, a.FirstActivity, a.Timestamp, a.CreatedDateTime, a.CreationTime),
		cmp.Or(a.LastActivityDateTime, a.LastActivity), received)
	return model.Alert{
		Service:            cmp.Or(text.Line(a.ServiceSource, decode.MaxSensor), Service),
		Detection:          text.Line(a.DetectionSource, decode.MaxSensor),
		Rule:               title,
		Title:              title,
		Description:        decode.Description(a.Description),
		RecommendedActions: decode.Description(a.RecommendedActions),
		Severity:           severity(a.Severity),
		Tactics:            tactics,
		Techniques:         techniques,
		First:              first,
		Last:               last,
		Fingerprint:        decode.Fingerprint(Service, a.id()),
		Entities:           a.entities(),
		ProviderIncident:   text.Line(string(a.IncidentID), decode.MaxProviderIncident),
		Occurrences:        1,
	}
}

// severity reads both spellings, "medium" and "Medium". One that is missing or
// unknown is Medium: an alert is never lost for it.
func severity(name string) model.Severity {
	switch strings.ToLower(name) {
	case "high":
		return model.SeverityHigh
	case "low":
		return model.SeverityLow
	case "informational":
		return model.SeverityInformational
	}
	return model.SeverityMedium
}
