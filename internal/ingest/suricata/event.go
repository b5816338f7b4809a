// Package suricata reads the records of Suricata's EVE log.
package suricata

import (
	"cmp"
	"errors"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// header is as much of a record as tells whether it is worth keeping.
type header struct {
	EventType decode.Scalar `json:"event_type"`
	Alert     struct {
		ID        decode.Scalar `json:"signature_id"`
		Signature decode.Scalar `json:"signature"`
	} `json:"alert"`
}

var (
	errNoType = errors.New("event_type: is missing; a record of an EVE log says what it is")
	errNoRule = errors.New("alert.signature_id: is missing, and so is alert.signature; an alert names the signature that matched")
)

// check drops what is no alert: an EVE log tells of all traffic.
func (h header) check() (decode.Drop, error) {
	switch h.EventType {
	case "":
		return "", errNoType
	case "stats":
		return decode.DropHealth, nil
	case "alert":
		if text.Line(string(h.Alert.ID), decode.MaxRule) == "" && text.Line(string(h.Alert.Signature), decode.MaxRule) == "" {
			return "", errNoRule
		}
		return "", nil
	}
	return decode.DropTelemetry, nil
}

// Event is a record of type alert. Wazuh passes on the same with all numbers as
// strings.
type Event struct {
	EventType   decode.Scalar `json:"event_type"`
	Timestamp   decode.Scalar `json:"timestamp"`
	Host        decode.Scalar `json:"host"`
	Proto       decode.Scalar `json:"proto"`
	Source      decode.Scalar `json:"src_ip"`
	SourcePort  decode.Scalar `json:"src_port"`
	Destination decode.Scalar `json:"dest_ip"`
	Port        decode.Scalar `json:"dest_port"`
	Direction   decode.Scalar `json:"direction"`
	Flow        struct {
		Port decode.Scalar `json:"dest_port"`
	} `json:"flow"`
	Alert signature `json:"alert"`
	HTTP  struct {
		Host   decode.Scalar `json:"hostname"`
		Port   decode.Scalar `json:"http_port"`
		URL    decode.Scalar `json:"url"`
		Method decode.Scalar `json:"http_method"`
	} `json:"http"`
	TLS struct {
		ServerName decode.Scalar `json:"sni"`
	} `json:"tls"`
	DNS struct {
		Name    decode.Scalar         `json:"rrname"`
		Query   decode.List[question] `json:"query"`   // Suricata 6 and 7
		Queries decode.List[question] `json:"queries"` // Suricata 8
	} `json:"dns"`
	File  file              `json:"fileinfo"`
	Files decode.List[file] `json:"files"`
}

type signature struct {
	Group    decode.Scalar `json:"gid"`
	ID       decode.Scalar `json:"signature_id"`
	Text     decode.Scalar `json:"signature"`
	Category decode.Scalar `json:"category"`
	Severity decode.Scalar `json:"severity"`
	Action   decode.Scalar `json:"action"`
	// Who attacked whom, where the rule says which side is the target.
	Source   endpoint `json:"source"`
	Target   endpoint `json:"target"`
	Metadata struct {
		Techniques decode.List[string] `json:"mitre_technique_id"`
		TacticIDs  decode.List[string] `json:"mitre_tactic_id"`
		Tactics    decode.List[string] `json:"mitre_tactic_name"`
	} `json:"metadata"`
}

type endpoint struct {
	IP decode.Scalar `json:"ip"`
}

type question struct {
	Name decode.Scalar `json:"rrname"`
}

type file struct {
	SHA256 decode.Scalar `json:"sha256"`
}

// rule is the number of the signature; its text changes between revisions.
func (s signature) rule() string {
	return cmp.Or(text.Line(string(s.ID), decode.MaxRule), text.Line(string(s.Text), decode.MaxRule))
}

func (s signature) title() string {
	return cmp.Or(decode.Title(string(s.Text)), decode.Title("Suricata signature "+s.rule()))
}

// Severity maps the priority of a signature, of which 1 is the highest.
func (e Event) Severity() model.Severity {
	switch e.Alert.Severity {
	case "1":
		return model.SeverityHigh
	case "3":
		return model.SeverityLow
	case "4":
		return model.SeverityInformational
	}
	return model.SeverityMedium
}

// Mitre returns the tactics and techniques that the rule's author names.
func (e Event) Mitre() ([]model.Tactic, []string) {
	m := e.Alert.Metadata
	var tags []string
	for _, list := range [][]string{m.TacticIDs, m.Tactics, m.Techniques} {
		for _, tag := range list {
			tags = append(tags, strings.ReplaceAll(tag, "_", " ")) // "Initial_Access"
		}
	}
	return attack.Tags(tags)
}

// Signal is what makes two alerts the same: the signature, the two sides, and
// the port of the service, which is the same for each connection.
func (e Event) Signal() []string {
	port := e.Port
	if e.Flow.Port != "" {
		port = e.Flow.Port
	} else if e.Direction == "to_client" {
		port = e.SourcePort // It is an answer.
	}
	return []string{line(e.Alert.Group), e.Alert.rule(), line(e.Source), line(e.Destination), line(port)}
}

// maxWord is what is kept of a field in a key or a fingerprint.
const maxWord = 512

func line(s decode.Scalar) string { return text.Line(string(s), maxWord) }
