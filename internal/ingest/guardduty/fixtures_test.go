package guardduty

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// labelled is a finding and what a test of others says of it.
type labelled struct {
	Test          string
	SeverityClass string
	Finding       json.RawMessage
}

var classes = map[string]model.Severity{
	"Critical": model.SeverityHigh, "High": model.SeverityHigh, "Medium": model.SeverityMedium, "Low": model.SeverityLow,
}

func TestFixtures(t *testing.T) {
	var all []labelled
	if err := json.Unmarshal(fixtures.Files(t, "guardduty")["panther-findings.json"], &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 8 {
		t.Fatalf("%d findings, want 8", len(all))
	}
	for _, e := range all {
		t.Run(e.Test, func(t *testing.T) {
			alerts := hostile.Alerts(t, hostile.Record(t, Decoder{}, e.Finding))
			if len(alerts) != 1 {
				t.Fatalf("%d alerts", len(alerts))
			}
			checkFinding(t, e, alerts[0])
		})
	}
}

func checkFinding(t *testing.T, e labelled, a model.Alert) {
	t.Helper()
	want := classes[e.SeverityClass]
	sample := strings.Contains(e.Test, "Sample")
	if sample {
		want = model.SeverityInformational
	}
	if a.Severity != want || strings.HasPrefix(a.Title, "[SAMPLE] ") != sample {
		t.Errorf("%s, want %s: %s", a.Severity, want, a.Title)
	}
	var entities []string
	for _, found := range a.Entities {
		entities = append(entities, found.String()+" "+string(found.Role))
	}
	tactics, techniques := []model.Tactic{model.TacticPrivilegeEscalation}, 0
	wanted := []string{"CloudResource/arn:aws:iam::123456789012:role/IAMRole Attacked"}
	if strings.HasPrefix(a.Rule, "AttackSequence:") {
		tactics, techniques, wanted = nil, 5, nil
	}
	if diff := cmp.Diff(wanted, entities); diff != "" {
		t.Error(diff)
	}
	if len(a.Techniques) != techniques || len(a.Tactics) != len(tactics) || len(tactics) > 0 && a.Tactics[0] != tactics[0] {
		t.Errorf("%v %v", a.Tactics, a.Techniques)
	}
	if a.First.Year() != 2020 && a.First.Format("2006-01-02 15:04:05") != "2025-02-25 20:40:06" {
		t.Errorf("its time was not read: %s", a.First)
	}
}
