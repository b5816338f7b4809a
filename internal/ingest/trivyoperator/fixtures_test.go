package trivyoperator

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// outcome is what a fixture is known to say.
type outcome struct {
	Rule, Title, Severity, Time string
	Techniques, Entities        []string
	Listed                      int
}

var outcomes = map[string]outcome{
	"vulnerability-report.json": {Rule: "VulnerabilityReport", Title: "2 critical vulnerabilities in library/nginx:1.16", Severity: "High",
		Time: "2026-03-04", Entities: []string{"Workload/default/Deployment/nginx Scanned", "Image/nginx:1.16 Scanned"}, Listed: 2},
	// Its summary counts more than its list, which was shortened.
	"configaudit-report.json": {Rule: "ConfigAuditReport", Title: "2 critical misconfigurations in ReplicaSet nginx-6d4cf56db6", Severity: "High",
		Time: "2021-05-20", Entities: []string{"Workload/default/Deployment/nginx PolicyViolator"}, Listed: 2},
	"exposedsecret-report.json": {Rule: "ExposedSecretReport", Title: "2 high exposed secrets in myimagewithsecret:v1.2.3", Severity: "High",
		Time: "2022-06-29", Techniques: []string{"T1552.001"}, Listed: 2,
		Entities: []string{"Workload/default/Deployment/app Scanned", "Image/myimagewithsecret:v1.2.3 Scanned"}},
}

func TestFixtures(t *testing.T) {
	files := fixtures.Files(t, "trivy-operator")
	if len(files) != len(outcomes) {
		t.Errorf("%d files, want %d", len(files), len(outcomes))
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			alerts := hostile.Alerts(t, hostile.Body(t, Decoder{}, data))
			if len(alerts) != 1 {
				t.Fatalf("%d alerts", len(alerts))
			}
			a := alerts[0]
			got := outcome{Rule: a.Rule, Title: a.Title, Severity: a.Severity.String(), Time: a.First.Format("2006-01-02"),
				Techniques: a.Techniques, Listed: strings.Count(a.Description, "\n")}
			for _, e := range a.Entities {
				got.Entities = append(got.Entities, e.String()+" "+string(e.Role))
			}
			if diff := cmp.Diff(outcomes[name], got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
