// Package kubearmor reads KubeArmor's alerts, as its relay and its client write
// them and as its sidekick sends them.
package kubearmor

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// header is as much of an event as tells whether it is worth keeping.
type header struct {
	Type       decode.Scalar
	EventType  decode.Scalar // The sidekick's word: Alert or Log.
	PolicyName decode.Scalar

	// The sidekick puts the fields of the alert into one of these.
	OutputFields json.RawMessage
	Detail       json.RawMessage
	LikeFalco    json.RawMessage `json:"output_fields"`
}

var (
	errNoType   = errors.New("Type: is missing; an event of KubeArmor says what it is, such as MatchedPolicy") //nolint:staticcheck // it begins with the name of the field
	errNoPolicy = errors.New("PolicyName: is missing; an alert of KubeArmor names the policy that it comes from")
)

func (h *header) fields() json.RawMessage {
	for _, fields := range []json.RawMessage{h.OutputFields, h.LikeFalco, h.Detail} {
		if len(fields) > 0 {
			return fields
		}
	}
	return nil
}

// check drops what no policy matched: KubeArmor also tells of all that goes on.
func (h *header) check() (decode.Drop, error) {
	switch kind := cmp.Or(h.Type, h.EventType); {
	case strings.HasPrefix(string(kind), "Matched"), kind == "Alert", kind == "" && h.policy() != "":
		if h.policy() == "" {
			return "", errNoPolicy
		}
		return "", nil
	case kind == "":
		return "", errNoType
	}
	return decode.DropTelemetry, nil
}

func (h *header) policy() string { return text.Line(string(h.PolicyName), decode.MaxRule) }

// event is an alert. KubeArmor's names have no tags here: they differ between
// its senders in their case only, which does not matter.
type event struct {
	header

	UpdatedTime, Timestamp                            decode.Scalar
	ClusterName, HostName                             decode.Scalar
	NamespaceName, PodName                            decode.Scalar
	ContainerID, ContainerName, ContainerImage        decode.Scalar
	Owner                                             owner
	OwnerRef, OwnerName, OwnerNamespace               decode.Scalar // The sidekick's spelling of Owner.
	ProcessName, ParentProcessName, Source            decode.Scalar
	Operation, Resource, Data                         decode.Scalar
	Severity, Message, Tags, Enforcer, Action, Result decode.Scalar
	ATags                                             decode.List[string]
}

type owner struct{ Ref, Name, Namespace decode.Scalar }

// read fills a header, or an event, which has one.
func read(data []byte, into interface {
	fields() json.RawMessage
	check() (decode.Drop, error)
}) (decode.Drop, error) {
	if err := decode.Lenient(data, into); err != nil {
		return "", err
	}
	if fields := into.fields(); fields != nil {
		_ = decode.Lenient(fields, into) // What is no object has no fields, which check sees.
	}
	return into.check()
}

// maxWord is what is kept of a field in a key or a fingerprint.
const maxWord = 512

func line(s decode.Scalar) string { return text.Line(string(s), maxWord) }
