package ocsf

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product where a finding names none.
const Service = "ocsf"

// Decoder reads OCSF events.
type Decoder struct {
	// Cluster is where the sender runs, for findings without an id.
	Cluster string
}

// Unwrap returns the findings in an event of AWS Security Hub, or the record.
func (Decoder) Unwrap(record []byte) ([][]byte, error) {
	var envelope struct {
		Detail struct {
			Findings decode.Wrapped `json:"findings"`
		} `json:"detail"`
	}
	if err := decode.Lenient(record, &envelope); err != nil {
		return nil, err
	}
	if envelope.Detail.Findings != nil {
		return envelope.Detail.Findings, nil
	}
	return [][]byte{record}, nil
}

// Check drops what is no finding and checks that passed.
func (Decoder) Check(data []byte) (decode.Drop, error) {
	var h header
	if err := decode.Lenient(data, &h); err != nil {
		return "", err
	}
	return h.check()
}

// Decode makes an alert of a finding.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	var e event
	if err := decode.Lenient(data, &e); err != nil {
		return decode.Decoded{}, err
	}
	if drop, err := e.check(); drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(e, received), Resolved: e.resolved()}, nil
}

func (d Decoder) alert(e event, received time.Time) model.Alert {
	f, title := e.finding(), e.title()
	tactics, techniques := attack.Tags(e.tags())
	techniques = attack.Techniques(append(techniques, e.techniques()...))
	first, last := entity.Span(
		cmp.Or(f.FirstSeenTimeDT, string(cmp.Or(f.FirstSeenTime, e.StartTime)), e.TimeDT, string(cmp.Or(e.Time, f.CreatedTime))),
		cmp.Or(f.LastSeenTimeDT, string(cmp.Or(f.LastSeenTime, e.EndTime))), received)
	alert := model.Alert{
		Service: cmp.Or(e.Metadata.Product.name(), Service),
		Detection: text.Line(cmp.Or(f.Analytic.Name, e.Analytic.Name, e.Metadata.Product.Feature.Name),
			decode.MaxSensor),
		Rule:               title,
		Title:              title,
		Description:        decode.Description(cmp.Or(f.Desc, e.Desc, e.Message)),
		RecommendedActions: decode.Description(e.Remediation.Desc),
		Severity:           e.severity(),
		Tactics:            tactics,
		Techniques:         techniques,
		First:              first,
		Last:               last,
		Entities:           e.entities(),
		ProviderIncident:   text.Line(e.incident(), decode.MaxProviderIncident),
		Occurrences:        1,
	}
	alert.Fingerprint = d.fingerprint(e, alert)
	return alert
}

// severities are those of severity_id: 5 is critical, 6 fatal.
var severities = map[string]model.Severity{
	"1": model.SeverityInformational, "2": model.SeverityLow, "3": model.SeverityMedium,
	"4": model.SeverityHigh, "5": model.SeverityHigh, "6": model.SeverityHigh,
	"informational": model.SeverityInformational, "low": model.SeverityLow, "high": model.SeverityHigh,
	"critical": model.SeverityHigh, "fatal": model.SeverityHigh,
}

// severity is Medium where the finding gives none (0), another (99), or nothing.
func (e event) severity() model.Severity {
	if severity, ok := severities[string(e.SeverityID)]; ok {
		return severity
	}
	return cmp.Or(severities[strings.ToLower(e.Severity)], model.SeverityMedium)
}

// resolved holds once the finding is closed (its activity), or is resolved or
// archived (its status; its state in old versions).
func (e event) resolved() bool {
	over := []decode.Scalar{"4", "5"}
	return e.ActivityID == "3" || slices.Contains(over, e.StatusID) || slices.Contains(over, e.StateID)
}

// incident is the sender's grouping: an incident is its own.
func (e event) incident() string {
	if e.class() == incidentFinding {
		return string(cmp.Or(e.Metadata.UID, e.Metadata.CorrelationUID))
	}
	return string(e.Metadata.CorrelationUID)
}

// fingerprint is over the product and the id of the finding, which all its
// updates have. The id of an event is not it: an update has another, so that it
// serves only where it is all there is of an incident. Without an id it is what
// was found where.
func (d Decoder) fingerprint(e event, alert model.Alert) string {
	uid := e.finding().UID
	if e.class() == incidentFinding {
		uid = e.Metadata.UID
	}
	if uid != "" {
		return decode.Fingerprint(Service, alert.Service, text.Line(string(uid), entity.MaxName))
	}
	parts := []string{alert.Service, d.Cluster, alert.Title}
	for _, found := range alert.Entities {
		parts = append(parts, found.String())
	}
	return decode.Fingerprint(Service, parts...)
}
