package kubernetesaudit

import (
	"bytes"
	"encoding/json"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// wireEvent is an Event of audit.k8s.io as it is sent. v1 and v1beta1 differ in
// nothing that is read here, and kind and apiVersion are often missing.
//
// Some members replace those of the official type: times come in more spellings
// than it takes, and objects are read only when a rule can look at them.
type wireEvent struct {
	auditv1.Event

	RequestReceivedTimestamp loose           `json:"requestReceivedTimestamp"`
	StageTimestamp           loose           `json:"stageTimestamp"`
	Timestamp                loose           `json:"timestamp"`
	RequestObject            json.RawMessage `json:"requestObject"`
	ResponseObject           json.RawMessage `json:"responseObject"`
}

// loose is a string; anything else is empty.
type loose string

// UnmarshalJSON never fails: see loose.
func (l *loose) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*l = loose(s)
	}
	return nil
}

// parse reads an event, be it plain or in the envelope of a cloud.
func parse(data []byte) (wireEvent, error) {
	var w wireEvent
	if inner, found := azureLog(data); found {
		data = inner
	} else if bytes.Contains(data, []byte(`"protoPayload"`)) {
		return parseGoogle(data)
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return wireEvent{}, decode.Explain(err)
	}
	return w, nil
}

// azureLog returns the event that AKS sends as a string within its own record.
func azureLog(data []byte) ([]byte, bool) {
	if !bytes.Contains(data, []byte(`"properties"`)) {
		return nil, false
	}
	var envelope struct {
		Properties struct {
			Log loose `json:"log"`
		} `json:"properties"`
	}
	if json.Unmarshal(data, &envelope) != nil || envelope.Properties.Log == "" {
		return nil, false
	}
	return []byte(envelope.Properties.Log), true
}
