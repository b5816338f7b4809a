package suricata

import (
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// Service is the product that the alerts name.
const Service = "suricata"

// Decoder reads EVE records.
type Decoder struct {
	// Cluster is where the sender runs; its records do not say it.
	Cluster string
}

// Unwrap returns the record: shippers send lines or arrays, which are split before.
func (Decoder) Unwrap(record []byte) ([][]byte, error) { return [][]byte{record}, nil }

// Check looks at the type: nearly every record of an EVE log is no alert.
func (Decoder) Check(data []byte) (decode.Drop, error) {
	var h header
	if err := decode.Lenient(data, &h); err != nil {
		return "", err
	}
	return h.check()
}

// Decode makes an alert of a record.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	if drop, err := d.Check(data); drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	var e Event
	if err := decode.Lenient(data, &e); err != nil {
		return decode.Decoded{}, err
	}
	return decode.Decoded{Alert: d.alert(e, received)}, nil
}

func (d Decoder) alert(e Event, received time.Time) model.Alert {
	when := entity.Time(string(e.Timestamp), received)
	tactics, techniques := e.Mitre()
	var list entity.List
	e.AddTo(&list)
	list.Asset(model.RoleContextual)(entity.Node(line(e.Host)))
	return model.Alert{
		Service:     Service,
		Rule:        e.Alert.rule(),
		Title:       e.Alert.title(),
		Description: e.describe(),
		Severity:    e.Severity(),
		Tactics:     tactics,
		Techniques:  techniques,
		First:       when,
		Last:        when,
		Fingerprint: decode.Fingerprint(Service, append([]string{d.Cluster}, e.Signal()...)...),
		Entities:    list.Items(),
		Occurrences: 1,
	}
}

func (e Event) describe() string {
	var facts decode.Facts
	facts.Add("Category: ", string(e.Alert.Category))
	facts.Add("Action: ", string(e.Alert.Action))
	if e.Source != "" || e.Destination != "" {
		facts.Add("Connection: ", line(e.Proto)+" "+at(e.Source, e.SourcePort)+" to "+at(e.Destination, e.Port))
	}
	if e.HTTP.Host != "" || e.HTTP.URL != "" {
		facts.Add("Request: ", line(e.HTTP.Method)+" "+line(e.HTTP.Host)+string(e.HTTP.URL))
	}
	facts.Add("Server name: ", string(e.TLS.ServerName))
	return facts.String()
}

// at is an address with its port; ICMP has none.
func at(ip, port decode.Scalar) string {
	if port == "" {
		return line(ip)
	}
	return line(ip) + " port " + line(port)
}
