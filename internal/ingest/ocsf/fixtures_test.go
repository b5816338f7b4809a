package ocsf

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// outcome is what a fixture is known to be.
type outcome struct {
	Err, Drop, Title, Service, Severity, Time string
	Tactics, Entities                         []string
}

var outcomes = map[string]outcome{
	"falco-security-finding.json": {Title: "Linux Kernel Module Injection Detected", Service: "Falcosecurity Falco",
		Severity: "Medium", Time: "2023-01-03 15:11:39"},
	"markdown-aws-v1-1-0-security-hub-detection-finding-samples-sechub-guardduty.json": {
		Title:   "AWS CloudTrail trail arn:aws:cloudtrail:us-east-2:111111111111:trail/delete-me was disabled.",
		Service: "Amazon GuardDuty", Severity: "Low", Time: "2023-09-19 14:55:09", Tactics: []string{"DefenseEvasion"},
		Entities: []string{"CloudResource/AWS::IAM::AccessKey:ASIATMJPC7EXAMPLE Attacked", "IP/52.94.133.131 Source"}},
	"markdown-ibm-qradar-siem-samples-offense.json": {
		Title:   "BLEEDING-EDGE DOS -ISC- ICMP blind TCP reset DoS guessing attempt",
		Service: "IBM QRadar SIEM", Severity: "Medium", Time: "2023-04-24 14:44:23",
		Entities: []string{"IP/99.99.99.99 Source", "IP/88.88.88.88 Destination", "IP/77.77.77.77 Destination"}},
	"bloblang-aws-eks-v1-2-0-samples-ocsf-eks.json": {Drop: string(decode.DropTelemetry)},
	// The raw events that two of the others were made of.
	"falco-raw.json": {Err: errNoClass.Error()},
	"bloblang-aws-eks-v1-2-0-samples-eks.json": {Err: errNoClass.Error()},
}

func TestFixtures(t *testing.T) {
	for name, data := range fixtures.Files(t, "ocsf") {
		t.Run(name, func(t *testing.T) {
			all := hostile.Body(t, Decoder{}, data)
			if len(all) != 1 {
				t.Fatalf("%d events", len(all))
			}
			if diff := cmp.Diff(outcomes[name], describe(all[0])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func describe(o hostile.Outcome) outcome {
	if o.Err != nil || o.Drop != "" {
		out := outcome{Drop: string(o.Drop)}
		if o.Err != nil {
			out.Err = o.Err.Error()
		}
		return out
	}
	a := o.Alert
	out := outcome{Title: a.Title, Service: a.Service, Severity: a.Severity.String(), Time: a.First.Format("2006-01-02 15:04:05")}
	for _, tactic := range a.Tactics {
		out.Tactics = append(out.Tactics, string(tactic))
	}
	for _, e := range a.Entities {
		out.Entities = append(out.Entities, e.String()+" "+string(e.Role))
	}
	return out
}
