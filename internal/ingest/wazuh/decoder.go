package wazuh

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that the alerts name.
const Service = "wazuh"

// Decoder reads Wazuh's alerts.
type Decoder struct {
	// Cluster is what the alerts are about; they do not say it.
	Cluster string
}

// Unwrap returns the record: Wazuh's alerts come one by one.
func (Decoder) Unwrap(record []byte) ([][]byte, error) { return [][]byte{record}, nil }

// Check looks for the rule.
func (Decoder) Check(data []byte) (decode.Drop, error) {
	var h header
	if err := decode.Lenient(data, &h); err != nil {
		return "", err
	}
	return h.check()
}

// Decode makes an alert of an alert.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	if drop, err := d.Check(data); drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	e, err := parse(data)
	if err != nil {
		return decode.Decoded{}, err
	}
	return decode.Decoded{Alert: d.alert(e, received)}, nil
}

func (d Decoder) alert(e event, received time.Time) model.Alert {
	when := entity.Time(string(e.Timestamp), received)
	tactics, techniques := e.mitre()
	return model.Alert{
		Service:     Service,
		Detection:   text.Line(string(e.Decoder.Name), decode.MaxSensor),
		Rule:        e.rule(),
		Title:       cmp.Or(decode.Title(string(e.Rule.Description)), decode.Title("Wazuh rule "+e.rule())),
		Description: decode.Description(string(e.Log)),
		Severity:    e.severity(),
		Tactics:     tactics,
		Techniques:  techniques,
		First:       when,
		Last:        when,
		Fingerprint: d.fingerprint(e),
		Entities:    e.entities(),
		Occurrences: 1,
	}
}

// severity is that of the level, or that of Suricata where it is higher: Wazuh
// has one rule of a low level for all of its signatures.
func (e event) severity() model.Severity {
	severity := byLevel(e.Rule.Level)
	if e.eve.EventType == "alert" {
		severity = max(severity, e.eve.Severity())
	}
	return severity
}

// byLevel maps the levels from 0 to 16. What is none of them is Medium.
func byLevel(level decode.Scalar) model.Severity {
	switch n, err := strconv.Atoi(string(level)); {
	case err != nil, n < 0, n > 16:
		return model.SeverityMedium
	case n <= 3:
		return model.SeverityInformational
	case n <= 6:
		return model.SeverityLow
	case n <= 11:
		return model.SeverityMedium
	}
	return model.SeverityHigh
}

func (e event) mitre() ([]model.Tactic, []string) {
	tactics, _ := attack.Tags(e.Rule.Mitre.Tactics)
	techniques := e.Rule.Mitre.IDs
	if len(techniques) == 0 {
		techniques = e.Rule.Mitre.Names
	}
	more, further := e.eve.Mitre()
	return model.SortTactics(append(tactics, more...)), attack.Techniques(append(further, techniques...))
}

// fingerprint is over the rule, the agent, the log, who did it, and what to. One
// rule of Wazuh stands for all signatures of an intrusion detection system: there
// the signature is in it too. So is what an event of Windows speaks of.
func (d Decoder) fingerprint(e event) string {
	o := e.data.Object
	parts := []string{d.Cluster, e.rule(), line(e.Agent.ID), line(e.Location), line(e.data.Source), line(e.data.SourceUser),
		line(e.Syscheck.Path), line(e.data.User.Name), line(o.Resource), line(o.Namespace), line(o.Name)}
	if e.in("ids") {
		parts = append(parts, withoutRevision(line(e.data.Signature)), line(e.data.Destination))
	}
	if e.in("suricata") {
		parts = append(parts, e.eve.Signal()...)
	}
	parts = append(parts, e.data.Windows.signal(e.host())...)
	return decode.Fingerprint(Service, parts...)
}

// withoutRevision makes "1:2016184" of "1:2016184:5".
func withoutRevision(signature string) string {
	if parts := strings.Split(signature, ":"); len(parts) == 3 {
		return parts[0] + ":" + parts[1]
	}
	return signature
}
