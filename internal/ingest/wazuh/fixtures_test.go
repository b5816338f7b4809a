package wazuh

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// expected is what must come of the rules in the sample: how many alerts of how
// many signals, and of which severity. All Suricata alerts have priority 1.
var expected = map[string]tally{
	"20100": {Alerts: 4, Signals: 4, Severity: "Medium"}, // four signatures
	"20101": {Alerts: 4, Signals: 1, Severity: "Low"},
	"20152": {Alerts: 1, Signals: 1, Severity: "Medium"},
	"2501":  {Alerts: 4, Signals: 1, Severity: "Low"},
	"52507": {Alerts: 2, Signals: 2, Severity: "Informational"}, // two logs
	"5503":  {Alerts: 4, Signals: 1, Severity: "Low"},
	"5551":  {Alerts: 4, Signals: 1, Severity: "Medium"},
	"86601": {Alerts: 4, Signals: 1, Severity: "High"},
	"9705":  {Alerts: 4, Signals: 1, Severity: "Low"},
	"9751":  {Alerts: 4, Signals: 1, Severity: "Medium"},
}

type tally struct {
	Alerts, Signals int
	Severity        string
}

func sample(t *testing.T) ([]model.Alert, []body.Record) {
	t.Helper()
	data := fixtures.Files(t, "wazuh")["alerts-sample.ndjson"]
	records, err := body.Split(data)
	if err != nil {
		t.Fatal(err)
	}
	return hostile.Alerts(t, hostile.Body(t, Decoder{}, data)), records
}

func TestFixtures(t *testing.T) {
	alerts, _ := sample(t)
	got, signals := map[string]tally{}, map[string]bool{}
	for _, a := range alerts {
		n := got[a.Rule]
		n.Alerts++
		if !signals[a.Fingerprint] {
			n.Signals++
		}
		signals[a.Fingerprint] = true
		n.Severity = a.Severity.String()
		got[a.Rule] = n
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
}

// TestEntitiesOfFixtures reads each record a second time, the plain way.
func TestEntitiesOfFixtures(t *testing.T) {
	alerts, records := sample(t)
	if len(alerts) != len(records) {
		t.Fatalf("%d alerts of %d records", len(alerts), len(records))
	}
	for i, a := range alerts {
		var plain struct {
			Timestamp  string
			Predecoder struct{ Hostname string }
			Data       struct {
				SrcIP   string `json:"srcip"`
				Source  string `json:"src_ip"`
				DstUser string `json:"dstuser"`
			}
		}
		if err := json.Unmarshal(records[i].Data, &plain); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range a.Entities {
			got = append(got, string(e.Role)+" "+e.String())
		}
		want := []string{"Attacked Node/user-0"}
		if plain.Predecoder.Hostname != "" {
			want = []string{"Attacked Node/" + plain.Predecoder.Hostname, "Contextual Node/user-0"}
		}
		for _, source := range []string{plain.Data.SrcIP, plain.Data.Source} {
			if source != "" && source != "127.0.0.1" {
				want = append(want, "Source IP/"+source)
			}
		}
		if plain.Data.DstUser != "" {
			want = append(want, `Attacked User/mail\`+plain.Data.DstUser)
		}
		for _, e := range want {
			if !slices.Contains(got, e) {
				t.Errorf("record %d: %s is not among %v", i, e, got)
			}
		}
		if strings.Contains(strings.Join(got, " "), "127.0.0.1") {
			t.Errorf("record %d names this machine: %v", i, got)
		}
		if a.First.Format("2006-01-02T15:04:05.000000+0000") != plain.Timestamp {
			t.Errorf("record %d: %s is not %s", i, a.First, plain.Timestamp)
		}
	}
}
