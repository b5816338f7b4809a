package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// wrong are values of each JSON type, among them such as a stranger would choose.
var wrong = []string{
	`null`, `true`, `0`, `-1`, `1e400`, `123456789012345678901234567890`,
	`""`, `"x"`, `"\u0000\u202e\ud800 \n"`, `"` + strings.Repeat("x", 10_000) + `"`, `"0001-01-01T00:00:00Z"`,
	`[]`, `{}`, `[[]]`, `["x",1,null,{}]`, `{"x":[{}]}`,
	strings.Repeat(`[`, 60) + strings.Repeat(`]`, 60),
}

// Alter replaces each field of a payload in turn with each wrong value, leaves
// it out, and cuts the payload after every 16th byte. The payload itself must
// make an alert, or there would be nothing to break.
func Alter(t *testing.T, d decode.Decoder, payload string) {
	t.Helper()
	if len(Alerts(t, Body(t, d, []byte(payload)))) == 0 {
		t.Fatal("the payload makes no alert")
	}
	var whole any
	decoder := json.NewDecoder(strings.NewReader(payload))
	decoder.UseNumber() // The other numbers stay as they were written.
	if err := decoder.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	for _, value := range wrong {
		replaceEach(whole, json.RawMessage(value), func(path string, altered any) {
			t.Run(fmt.Sprintf("%s=%.40s", path, value), func(t *testing.T) { Record(t, d, marshal(t, altered)) })
		})
	}
	for end := 0; end < len(payload); end += 16 {
		t.Run(fmt.Sprintf("cut after %d", end), func(t *testing.T) { Record(t, d, []byte(payload[:end])) })
	}
}

// Altered are the payload with each field in turn replaced by each wrong value, and
// left out.
func Altered(t *testing.T, payload []byte, values ...string) iter.Seq[[]byte] {
	t.Helper()
	var whole any
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	return func(yield func([]byte) bool) {
		done := false
		for _, value := range append(slices.Clone(wrong), values...) {
			replaceEach(whole, json.RawMessage(value), func(_ string, altered any) {
				if !done {
					done = !yield(marshal(t, altered))
				}
			})
		}
	}
}

// marshal keeps a value that is no valid text as it is.
func marshal(t *testing.T, value any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// replaceEach calls visit with each value within whole replaced, and each member
// left out.
func replaceEach(whole, value any, visit func(path string, altered any)) {
	var walk func(path string, here any, put func(any))
	walk = func(path string, here any, put func(any)) {
		if path != "" {
			put(value)
			visit(path, whole)
			put(here)
		}
		switch here := here.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(here)) {
				member := here[name]
				walk(path+"."+name, member, func(v any) { here[name] = v })
				delete(here, name)
				visit(path+"."+name+" left out", whole)
				here[name] = member
			}
		case []any:
			for i, item := range here {
				walk(fmt.Sprintf("%s[%d]", path, i), item, func(v any) { here[i] = v })
			}
		}
	}
	walk("", whole, nil)
}

// Fuzz reads arbitrary records, beginning with the seeds.
func Fuzz(f *testing.F, d decode.Decoder, seeds ...string) {
	f.Helper()
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		first, second := Record(t, d, record), Record(t, d, record)
		for i, o := range first {
			if o.Alert.Fingerprint != second[i].Alert.Fingerprint {
				t.Fatalf("the same event has two fingerprints: %v", o.Alert)
			}
		}
	})
}
