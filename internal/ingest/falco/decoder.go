package falco

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that the alerts name.
const Service = "falco"

// Decoder reads Falco events.
type Decoder struct {
	// Cluster is where the sender runs; its events do not say it.
	Cluster string
}

// Unwrap returns the record: Falco sends its events one by one.
func (Decoder) Unwrap(record []byte) ([][]byte, error) { return [][]byte{record}, nil }

// Check refuses what names no rule and drops what Falco says about itself.
func (Decoder) Check(data []byte) (decode.Drop, error) {
	var h header
	if err := json.Unmarshal(data, &h); err != nil {
		return "", decode.Explain(err)
	}
	return h.check()
}

// Decode makes an alert of an event.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return decode.Decoded{}, decode.Explain(err)
	}
	if drop, err := (header{Rule: e.Rule, Source: e.Source}).check(); drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(e, received)}, nil
}

func (d Decoder) alert(e event, received time.Time) model.Alert {
	tactics, techniques := attack.Tags(e.Tags)
	rule := text.Line(e.Rule, decode.MaxRule)
	when := entity.Time(string(e.Time), received)
	return model.Alert{
		Service:     Service,
		Detection:   e.sensor(),
		Rule:        rule,
		Title:       rule,
		Description: describe(string(e.Output)),
		Severity:    severity(string(e.Priority)),
		Tactics:     tactics,
		Techniques:  techniques,
		First:       when,
		Last:        when,
		Fingerprint: d.fingerprint(e, rule),
		Entities:    e.entities(),
		Occurrences: 1,
	}
}

// sensor is the event source within Falco. Old versions call the system calls
// "syscalls", the oldest call them nothing.
func (e event) sensor() string {
	switch sensor := text.Line(string(e.Source), decode.MaxSensor); sensor {
	case "", "syscalls":
		return "syscall"
	default:
		return sensor
	}
}

// stamp is what Falco puts before the message: "13:44:05.478445995: Critical ".
var stamp = regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d+: [A-Z][a-z]+ `)

func describe(output string) string {
	// Cut first: a redaction looks at no more than what is kept.
	output = text.Block(stamp.ReplaceAllString(output, ""), decode.MaxDescription)
	return text.Block(text.Redact(output), decode.MaxDescription)
}

// severity maps Falco's priorities. One that is missing or unknown is Medium:
// an alert is never lost for it.
func severity(priority string) model.Severity {
	switch strings.ToLower(strings.TrimSpace(priority)) {
	case "emergency", "alert", "critical", "error":
		return model.SeverityHigh
	case "notice":
		return model.SeverityLow
	case "informational", "info", "debug":
		return model.SeverityInformational
	}
	return model.SeverityMedium
}

// fingerprint is over the rule, the sensor, the cluster, where it happened, the
// program, the file or peer without ports, and the user. It leaves out what
// differs each time: uuid, evt.num, process ids and the rest of the command.
func (d Decoder) fingerprint(e event, rule string) string {
	f := e.OutputFields
	return decode.Fingerprint(Service, rule, e.sensor(), d.Cluster, e.place(),
		f.get("proc.exepath", "proc.name"),
		entity.WithoutPorts(f.get("fd.name", "ka.target.name", "json.value[/resourceName]")),
		f.get("ka.target.resource"),
		f.get("user.name", "ka.user.name", "gcp.user", "ct.user", "okta.actor.alternateid"))
}

// place is the pod, else the container, else the host.
func (e event) place() string {
	f := e.OutputFields
	namespace, pod := f.get("k8s.ns.name", "ka.target.namespace"), f.get("k8s.pod.name")
	if namespace != "" {
		return namespace + "/" + pod
	}
	if container, ok := entity.Container(f.get("container.id")); ok {
		return container.String()
	}
	return e.host()
}
