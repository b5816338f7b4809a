package format

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
)

// TestNormalVolumeIsNotRolledUp: what detectors were recorded to send stays below
// the limits that hold by default, even if all of it came at once.
func TestNormalVolumeIsNotRolledUp(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	for folder, name := range map[string]string{
		"alertmanager": "Alertmanager", "falco": "Falco", "k8s-audit": "KubernetesAudit", "kubearmor": "KubeArmor",
		"microsoft": "MicrosoftGraph", "ocsf": "OCSF", "policyreport": "PolicyReport", "suricata": "Suricata", "tetragon": "Tetragon",
		"trivy-operator": "TrivyOperator", "wazuh": "Wazuh",
	} {
		t.Run(folder, func(t *testing.T) {
			decoder, err := New(name, Options{Source: "probe", WithChanges: true})
			if err != nil {
				t.Fatal(err)
			}
			limiter, alerts := rollup.NewLimiter(), 0
			for file, data := range fixtures.Files(t, folder) {
				for _, event := range events(decoder, data) {
					decoded, err := decoder.Decode(event, now)
					if err != nil || decoded.Drop != "" || decoded.Resolved {
						continue
					}
					alerts++
					if level := limiter.Decide(rollup.DefaultLimits(), rollup.SignalOf(decoded.Alert, now, now)); level != rollup.Single {
						t.Errorf("%s: an alert of rule %q is rolled up at level %d", file, decoded.Alert.Rule, level)
					}
				}
			}
			if alerts == 0 {
				t.Error("no alert was found")
			}
			t.Logf("%d alerts", alerts)
		})
	}
}

// events are all that can be read.
func events(decoder decode.Decoder, data []byte) [][]byte {
	var out [][]byte
	records := body.Objects(bytes.NewReader(data))
	for {
		record, err := records.Next()
		if errors.Is(err, io.EOF) || err != nil {
			return out
		}
		for event := range decode.Events(decoder, record.Data) {
			out = append(out, event.Data)
		}
	}
}
