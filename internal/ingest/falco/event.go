// Package falco reads the JSON of Falco and of Falcosidekick's webhook.
package falco

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// event is what Falco writes. Only the rule must be there and be a string;
// whatever else is missing or strange is left out, never refused.
type event struct {
	Rule         string `json:"rule"`
	Priority     word   `json:"priority"`
	Output       word   `json:"output"`
	Time         word   `json:"time"`
	Source       word   `json:"source"`
	Hostname     word   `json:"hostname"`
	Tags         words  `json:"tags"`
	OutputFields fields `json:"output_fields"`
}

// header is as much of an event as tells whether it is worth keeping.
type header struct {
	Rule   string `json:"rule"`
	Source word   `json:"source"`
}

var errNoRule = errors.New("rule: is missing; a Falco event names the rule that fired")

func (h header) check() (decode.Drop, error) {
	switch {
	case text.Line(h.Rule, decode.MaxRule) == "":
		return "", errNoRule
	case strings.HasPrefix(h.Rule, "Falco internal:"), h.Source == "internal":
		return decode.DropHealth, nil
	}
	return "", nil
}

// word is a string, or a number as it was written; anything else is empty.
type word string

// UnmarshalJSON never fails: see word.
func (w *word) UnmarshalJSON(data []byte) error {
	*w = word(scalar(data))
	return nil
}

func scalar(data []byte) string {
	switch data[0] {
	case '"':
		var s string
		_ = json.Unmarshal(data, &s) // It was scanned already: it is a valid string.
		return s
	case '{', '[', 'n':
		return ""
	}
	return string(data)
}

// words is a list of words; anything else is empty.
type words []string

// UnmarshalJSON never fails: see words.
func (w *words) UnmarshalJSON(data []byte) error {
	var list []word
	if data[0] != '[' || json.Unmarshal(data, &list) != nil {
		return nil //nolint:nilerr // see above: what is no list is empty
	}
	for _, item := range list[:min(len(list), maxTags)] {
		*w = append(*w, string(item))
	}
	return nil
}

// maxTags is well above the dozen that Falco's own rules carry.
const maxTags = 100

// fields are the output fields: strings, numbers, lists and nulls.
type fields map[string]string

// UnmarshalJSON never fails: what is no object has no fields. Names are
// trimmed, since some rules leave a blank at their end.
func (f *fields) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if data[0] != '{' || json.Unmarshal(data, &raw) != nil {
		return nil //nolint:nilerr // see above: what is no object is empty
	}
	*f = make(fields, len(raw))
	for name, value := range raw {
		if value := flatten(value); value != "" {
			(*f)[strings.TrimSpace(name)] = value
		}
	}
	return nil
}

// flatten returns a scalar, or the scalars of a list with commas between them.
func flatten(value json.RawMessage) string {
	if value[0] != '[' {
		return scalar(value)
	}
	var list words
	_ = list.UnmarshalJSON(value)
	return strings.Join(list, ",")
}

// get returns the first field of those that has a value, cleaned.
func (f fields) get(names ...string) string {
	for _, name := range names {
		if value := text.Line(f[name], maxField); value != "" && value != "<NA>" && value[0] != '%' {
			return value
		}
	}
	return ""
}

// maxField is what is kept of a field in a key or a fingerprint.
const maxField = 512
