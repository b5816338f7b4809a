package falco

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
)

// priorities is what inputs say of Falco's priorities.
var priorities = map[string]model.Severity{
	"EMERGENCY": model.SeverityHigh, "ALERT": model.SeverityHigh, "CRITICAL": model.SeverityHigh, "ERROR": model.SeverityHigh,
	"WARNING": model.SeverityMedium, "NOTICE": model.SeverityLow,
	"INFORMATIONAL": model.SeverityInformational, "INFO": model.SeverityInformational, "DEBUG": model.SeverityInformational,
	"": model.SeverityMedium,
}

func TestFixtures(t *testing.T) {
	for name, data := range fixtures.Files(t, "falco") {
		t.Run(name, func(t *testing.T) {
			records, err := body.Split(data)
			if err != nil || len(records) == 0 {
				t.Fatalf("%d records, %v", len(records), err)
			}
			for _, record := range records {
				if record.Err != nil {
					t.Fatalf("record %d: %v", record.Position, record.Err)
				}
				checkRecord(t, record)
			}
		})
	}
}

// checkRecord reads a record a second time, the plain way, and compares.
func checkRecord(t *testing.T, record body.Record) {
	t.Helper()
	var plain struct {
		Rule, Priority string
		Tags           []string
		OutputFields   map[string]any `json:"output_fields"`
	}
	if err := json.Unmarshal(record.Data, &plain); err != nil {
		t.Fatal(err)
	}
	decoded, err := Decoder{}.Decode(record.Data, received)
	if err != nil {
		t.Fatalf("record %d: %v", record.Position, err)
	}
	if health := strings.HasPrefix(plain.Rule, "Falco internal:"); health != (decoded.Drop != "") {
		t.Errorf("%s: drop is %q", plain.Rule, decoded.Drop)
	}
	if decoded.Drop != "" {
		return
	}
	alert := decoded.Alert
	if alert.Rule != plain.Rule || alert.Severity != priorities[strings.ToUpper(plain.Priority)] {
		t.Errorf("rule %q severity %s, from %q %q", alert.Rule, alert.Severity, plain.Rule, plain.Priority)
	}
	for _, tag := range plain.Tags {
		if _, ok := attack.Tactic(tag); strings.HasPrefix(tag, "mitre_") && !ok {
			t.Errorf("%s: tag %s is not understood", plain.Rule, tag)
		}
	}
	checkPod(t, plain.OutputFields, alert)
}

func checkPod(t *testing.T, fields map[string]any, alert model.Alert) {
	t.Helper()
	pod, ok := fields["k8s.pod.name"].(string)
	if !ok {
		return
	}
	want := model.Key{Kind: model.KindPod, Name: fields["k8s.ns.name"].(string) + "/" + pod}
	if len(alert.Entities) == 0 || alert.Entities[0].Key != want {
		t.Errorf("the first entity of %v is not %s", alert.Entities, want)
	}
}
