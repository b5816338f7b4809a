// Package wazuh reads the alerts of Wazuh, as its integrator hands them to a
// script and as they stand in alerts.json.
package wazuh

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/suricata"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// header is as much of an event as tells whether it is worth keeping.
type header struct {
	Rule struct {
		ID decode.Scalar `json:"id"`
	} `json:"rule"`
	Log decode.Scalar `json:"full_log"`
}

var errNoRule = errors.New("rule.id: is missing; an alert of Wazuh names the rule that fired")

// check drops what stands in the archive: all that was logged, with a rule or not.
func (h header) check() (decode.Drop, error) {
	switch {
	case text.Line(string(h.Rule.ID), decode.MaxRule) != "":
		return "", nil
	case h.Log != "":
		return decode.DropNoRule, nil
	}
	return "", errNoRule
}

type event struct {
	Timestamp decode.Scalar `json:"timestamp"`
	Rule      struct {
		ID          decode.Scalar       `json:"id"`
		Level       decode.Scalar       `json:"level"`
		Description decode.Scalar       `json:"description"`
		Groups      decode.List[string] `json:"groups"`
		Mitre       struct {
			IDs     decode.List[string] `json:"id"`
			Names   decode.List[string] `json:"technique"`
			Tactics decode.List[string] `json:"tactic"`
		} `json:"mitre"`
	} `json:"rule"`
	Agent struct {
		ID   decode.Scalar `json:"id"`
		Name decode.Scalar `json:"name"`
		IP   decode.Scalar `json:"ip"`
	} `json:"agent"`
	Predecoder struct {
		Hostname decode.Scalar `json:"hostname"`
	} `json:"predecoder"`
	Decoder struct {
		Name decode.Scalar `json:"name"`
	} `json:"decoder"`
	Location decode.Scalar `json:"location"`
	Log      decode.Scalar `json:"full_log"`
	Syscheck struct {
		Path   decode.Scalar `json:"path"`
		Event  decode.Scalar `json:"event"`
		SHA256 decode.Scalar `json:"sha256_after"`
	} `json:"syscheck"`
	Raw  json.RawMessage `json:"data"`
	data data
	eve  suricata.Event
}

// data is what a decoder of Wazuh found in a log. Each finds what it knows.
type data struct {
	Source          decode.Scalar `json:"srcip"`
	Destination     decode.Scalar `json:"dstip"`
	SourceUser      decode.Scalar `json:"srcuser"`
	DestinationUser decode.Scalar `json:"dstuser"`
	Signature       decode.Scalar `json:"id"` // Of Snort, and of Suricata in its format.

	// An event of a Kubernetes audit log.
	User struct {
		Name decode.Scalar `json:"username"`
	} `json:"user"`
	Clients decode.List[string] `json:"sourceIPs"`
	Object  struct {
		Resource  decode.Scalar `json:"resource"`
		Namespace decode.Scalar `json:"namespace"`
		Name      decode.Scalar `json:"name"`
	} `json:"objectRef"`

	Windows windows `json:"win"`
}

func parse(record []byte) (event, error) {
	var e event
	if err := decode.Lenient(record, &e); err != nil {
		return e, err
	}
	if len(e.Raw) > 0 {
		// What is no object has no fields.
		_ = decode.Lenient(e.Raw, &e.data)
		if e.in("suricata") {
			_ = decode.Lenient(e.Raw, &e.eve)
		}
	}
	return e, nil
}

// in says whether the rule is in a group.
func (e event) in(group string) bool { return slices.Contains(e.Rule.Groups, group) }

// audit says whether it is about an event of a Kubernetes audit log.
func (e event) audit() bool { return e.data.Object.Resource != "" }

func (e event) rule() string { return text.Line(string(e.Rule.ID), decode.MaxRule) }

// host is where it was logged: the agent, or where the manager or an agent on
// Windows took the log of another machine, that one.
func (e event) host() string {
	if hostname := line(e.Predecoder.Hostname); e.Agent.ID == manager && hostname != "" {
		return strings.ToLower(hostname)
	}
	return cmp.Or(e.data.Windows.computer(line(e.Agent.Name)), strings.ToLower(line(e.Agent.Name)))
}

// manager is the id of Wazuh's own agent.
const manager = "000"

// maxWord is what is kept of a field in a key or a fingerprint.
const maxWord = 512

func line(s decode.Scalar) string { return text.Line(string(s), maxWord) }
