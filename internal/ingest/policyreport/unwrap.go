package policyreport

import (
	"cmp"
	"encoding/json"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// wrapping is a report, or a list of reports.
type wrapping struct {
	Kind     string         `json:"kind"`
	Items    decode.Wrapped `json:"items"`
	Results  decode.Wrapped `json:"results"`
	Source   string         `json:"source"`
	Scope    resource       `json:"scope"`
	Metadata struct {
		Namespace         string            `json:"namespace"`
		CreationTimestamp string            `json:"creationTimestamp"`
		Labels            map[string]string `json:"labels"`
	} `json:"metadata"`
}

// reports are the kinds of report, of any of the groups.
var reports = map[string]bool{"PolicyReport": true, "ClusterPolicyReport": true, "Report": true, "ClusterReport": true}

// Unwrap returns the results of a report or of a list of reports, each with what
// it needs of its report, or the record.
func (Decoder) Unwrap(record []byte) ([][]byte, error) {
	var w wrapping
	if err := decode.Lenient(record, &w); err != nil {
		return nil, err
	}
	if w.Items == nil {
		return w.events(record)
	}
	var events [][]byte
	for _, item := range w.Items {
		if len(events) >= decode.MaxWrapped {
			break
		}
		var one wrapping
		if decode.Lenient(item, &one) != nil {
			events = append(events, item) // Check says what is wrong with it.
			continue
		}
		found, err := one.events(item)
		if err != nil {
			return nil, err
		}
		events = append(events, found...)
	}
	return events, nil
}

// events returns the results of a report, none where it has none, and what is no
// report as it is.
func (w wrapping) events(record []byte) ([][]byte, error) {
	if w.Results == nil && !reports[w.Kind] {
		return [][]byte{record}, nil
	}
	// Each result carries it along: it must stay small.
	common := report{
		Namespace: line(w.Metadata.Namespace),
		Source:    line(cmp.Or(w.Source, w.Metadata.Labels["policy.kubernetes.io/engine"])),
		Created:   line(w.Metadata.CreationTimestamp),
		Scope:     w.Scope.within(w.Metadata.Namespace),
	}
	events := make([][]byte, len(w.Results))
	for i, one := range w.Results {
		data, err := json.Marshal(event{Report: common, Result: one})
		if err != nil {
			return nil, err
		}
		events[i] = data
	}
	return events, nil
}
