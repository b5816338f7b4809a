package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// Sent sends an event in each way that senders do: alone, indented, twice in an
// array, on lines, one after another, and all that packed with gzip. Each must
// make as many alerts as the event itself, or twice as many.
func Sent(t *testing.T, d decode.Decoder, event string) {
	t.Helper()
	var line, indented bytes.Buffer
	if err := json.Compact(&line, []byte(event)); err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&indented, []byte(event), "", "  "); err != nil {
		t.Fatal(err)
	}
	one, pretty := line.String(), indented.String()
	want := len(Alerts(t, Record(t, d, []byte(event))))
	if want == 0 {
		t.Fatal("the event makes no alert")
	}
	for name, tc := range map[string]struct {
		body  string
		times int
	}{
		"object":            {one, 1},
		"indented object":   {pretty, 1},
		"array":             {"[" + one + "," + one + "]", 2},
		"lines":             {one + "\n" + one + "\n", 2},
		"one after another": {pretty + pretty, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for _, data := range [][]byte{[]byte(tc.body), packed(t, tc.body)} {
				if got := len(Alerts(t, Body(t, d, data))); got != want*tc.times {
					t.Errorf("%d alerts, want %d", got, want*tc.times)
				}
			}
		})
	}
}

// packed returns what the gateway makes of a body in gzip.
func packed(t *testing.T, data string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	unpacked, err := body.Read(&out, -1, "gzip", body.DefaultMaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return unpacked
}
