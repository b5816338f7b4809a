package microsoftgraph

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// summary is what a fixture is known to say.
type summary struct {
	Title, Service, Severity, Incident string
	Tactics                            []model.Tactic
	Techniques                         []string
	Entities                           []string
}

func summarise(a model.Alert) summary {
	s := summary{Title: a.Title, Service: a.Service, Severity: a.Severity.String(), Incident: a.ProviderIncident, Techniques: a.Techniques}
	s.Tactics = append(s.Tactics, a.Tactics...)
	for _, e := range a.Entities {
		s.Entities = append(s.Entities, e.String()+" "+string(e.Role))
	}
	return s
}

var fileSummaries = map[string][]summary{
	"defender-xdr-incidents-rest.json": {
		{Title: "Ransomware activity", Service: "MicrosoftCloudAppSecurity", Severity: "Medium", Incident: "924565",
			Tactics:  []model.Tactic{model.TacticImpact},
			Entities: []string{"User/testuser2@contoso.com Unknown", "IP/62.216.203.204 Unknown"}},
		{Title: "'Mimikatz' hacktool was detected", Service: "MicrosoftDefenderATP", Severity: "Low", Incident: "924521",
			Entities: []string{"Device/user5cx.middleeast.corp.contoso.com Unknown", "File/sha1:5de839186691aa96ee2ca6d74f0a38fb8d1bd6dd Unknown"}},
		{Title: "Email reported by user as malware or phish", Service: "OfficeATP", Severity: "Informational", Incident: "924518",
			Tactics: []model.Tactic{model.TacticInitialAccess},
			Entities: []string{"User/testuser3@contoso.com Unknown", "Mailbox/testuser3@contoso.com Unknown",
				"User/testuser4@contoso.com Unknown", "Mailbox/test.user4@contoso.com Unknown", "User/test.user4@contoso.com Unknown",
				"MailMessage/user.abc@mail.contoso.co.in test.user4@contoso.com [EXTERNAL] Attention Unknown", "IP/49.50.81.121 Unknown"}},
	},
	"graph-alerts-v2-a.json": {
		{Title: "Suspicious execution of hidden file", Service: "microsoftDefenderForEndpoint", Severity: "Low", Incident: "28282",
			Tactics: []model.Tactic{model.TacticDefenseEvasion}, Techniques: []string{"T1564.001"},
			Entities: []string{"Device/tempdns Compromised",
				"CloudResource//subscriptions/8700d3a3-3bb7-4fbe-a090-488a1ad04161/resourcegroups/wdatpapi-eus-stg/providers/microsoft.compute/virtualmachines/nirlavitests Contextual",
				"File/sha256:8963a19fb992ad9a76576c5638fd68292cffb9aaac29eb8285f9abf6196a7dec Unknown",
				`Process/tempdns:C:\Program Files\temp\MsSense.exe Unknown`}},
	},
}

func TestFixtures(t *testing.T) {
	for name, data := range fixtures.Files(t, "microsoft") {
		if name == "panther-graph-v1-and-xdr-events.json" {
			continue // TestLabelled reads it.
		}
		t.Run(name, func(t *testing.T) {
			var got []summary
			for _, alert := range hostile.Alerts(t, hostile.Body(t, Decoder{}, data)) {
				got = append(got, summarise(alert))
			}
			if diff := cmp.Diff(fileSummaries[name], got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLabelled reads events of which a test of others says what they are.
func TestLabelled(t *testing.T) {
	const spray, anonymous = "Password Spray", "Anonymous IP address"
	want := map[string]struct {
		title, severity string
		entities        []string
		resolved        bool
	}{
		"Anonymous Login Event (v2)": {title: anonymous, severity: "Medium",
			entities: []string{"User/homer.simpson@corporation.onmicrosoft.com Unknown", "IP/185.220.103.6 Unknown"}},
		"Password Spray Event (v2)":         {title: spray, severity: "High", entities: []string{"User/homer.simpson@corporation.onmicrosoft.com Unknown"}},
		"Resolved Event (v2)":               {title: anonymous, severity: "High", resolved: true},
		"Informational Severity Event (v2)": {title: "Informational signal", severity: "Informational"},
		"High Severity Finding":             {title: "Regsvr32 Rundll32 Image Loads Abnormal Extension", severity: "High"},
		"Alert Evidence Event":              {},
	}
	var events []struct {
		Test  string
		Event json.RawMessage
	}
	if err := json.Unmarshal(fixtures.Files(t, "microsoft")["panther-graph-v1-and-xdr-events.json"], &events); err != nil {
		t.Fatal(err)
	}
	if len(events) != len(want) {
		t.Errorf("%d events, want %d", len(events), len(want))
	}
	for _, e := range events {
		t.Run(e.Test, func(t *testing.T) {
			outcome, want := hostile.Record(t, Decoder{}, e.Event)[0], want[e.Test]
			if outcome.Err != nil || (outcome.Drop != "") != (want.title == "") || outcome.Resolved != want.resolved {
				t.Fatalf("%v, drop %q, resolved %v", outcome.Err, outcome.Drop, outcome.Resolved)
			}
			if outcome.Drop != "" {
				return
			}
			got := summarise(outcome.Alert)
			if got.Title != want.title || got.Severity != want.severity || !cmp.Equal(got.Entities, want.entities) {
				t.Errorf("%+v", got)
			}
			later := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
			if decoded, err := (Decoder{}).Decode(e.Event, later); err != nil || decoded.Alert.First.Equal(later) {
				t.Errorf("its time was not read: %s, %v", decoded.Alert.First, err)
			}
		})
	}
}
