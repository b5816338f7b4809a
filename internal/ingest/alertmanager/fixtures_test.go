package alertmanager

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// expected is what must come of each file.
var expected = map[string][]summary{
	"webhook-v4-single.json": {{Rule: "high_memory_load", Title: "Server High Memory usage", Severity: "Medium", First: "2018-03-07T11:33:21Z",
		Entities: []string{"Node/instance-with-hyphen_and_underscore"}}},
	// Its namespace is none of Kubernetes: it has a slash.
	"webhook-v4-group.json": {
		{Rule: "JustATestAlert_1", Title: groupTitle, Severity: "Informational", First: "2020-10-11T14:34:11Z"},
		{Rule: "JustATestAlert_1", Title: groupTitle, Severity: "Informational", First: "2020-10-11T14:34:11Z"},
		{Rule: "JustATestAlert_1", Title: groupTitle, Severity: "Informational", First: "2020-10-11T14:34:11Z"},
	},
	// Grafana's alerting before version 9: another format, refused with what to do.
	"alerta-grafana-6.json": nil,
}

const groupTitle = "Ratio(Max(Working Set, RSS) / Reservation) [5m Avg] < 40 %"

type summary struct {
	Rule, Title, Severity, First string
	Entities                     []string
}

func summarize(a model.Alert) summary {
	s := summary{Rule: a.Rule, Title: a.Title, Severity: a.Severity.String(), First: a.First.Format("2006-01-02T15:04:05Z")}
	for _, e := range a.Entities {
		s.Entities = append(s.Entities, e.String())
	}
	return s
}

func TestFixtures(t *testing.T) {
	for name, data := range fixtures.Files(t, "alertmanager") {
		t.Run(name, func(t *testing.T) {
			want, known := expected[name]
			if !known {
				t.Fatal("nobody says what must come of this file")
			}
			var got []summary
			fingerprints := map[string]bool{}
			for _, o := range hostile.Body(t, Decoder{}, data) {
				if o.Err == nil {
					got = append(got, summarize(o.Alert))
					fingerprints[o.Alert.Fingerprint] = true
				} else if want != nil || o.Err.Error() != errNoLabels.Error() {
					t.Error(o.Err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if len(fingerprints) != len(want) {
				t.Errorf("%d fingerprints for %d signals", len(fingerprints), len(want))
			}
		})
	}
}
