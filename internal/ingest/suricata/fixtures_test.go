package suricata

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// summary is what must come of an alert.
type summary struct {
	Rule, Title, Severity, First string
	Entities                     []string
}

var expected = []summary{
	{"123456", "ET HUNTING GENERIC SUSPICIOUS POST to sanitized with Fake Browser 1", "Medium", "2017-04-07T21:24:37Z",
		[]string{"Source IP/5.1.1.1", "Destination IP/5.1.1.2"}},
	{"12345", "ET ATTACK_RESPONSE Win32/LeftHook Stealer Browser Extension Config Inbound", "High", "2023-09-18T06:13:41Z",
		[]string{"Source IP/5.1.1.3", "Destination IP/5.1.1.4", "Suspicious URL/http://5.1.1.3:35361/"}},
	{"1", "Suricata signature 1", "Medium", "2003-12-16T13:21:44Z", nil},
}

func TestFixtures(t *testing.T) {
	files := fixtures.Files(t, "suricata")
	if len(files) != 1 {
		t.Fatalf("nobody says what must come of these %d files", len(files))
	}
	var got []summary
	drops := map[decode.Drop]int{}
	for _, o := range hostile.Body(t, Decoder{}, files["eve-mixed.ndjson"]) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if o.Drop != "" {
			drops[o.Drop]++
			continue
		}
		s := summary{o.Alert.Rule, o.Alert.Title, o.Alert.Severity.String(), o.Alert.First.Format("2006-01-02T15:04:05Z"), nil}
		for _, e := range o.Alert.Entities {
			s.Entities = append(s.Entities, string(e.Role)+" "+e.String())
		}
		got = append(got, s)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[decode.Drop]int{decode.DropTelemetry: 10}, drops); diff != "" {
		t.Error(diff)
	}
}
