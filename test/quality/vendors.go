package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// loadWazuh reads a sample of one intrusion's raw alerts; the stage intervals
// beside it are the truth.
func loadWazuh(dir string) (dataset, error) {
	d := dataset{name: "wazuh"}
	var times map[string]map[string][2]time.Time
	raw, err := os.ReadFile(filepath.Join(dir, "wazuh", "attack-times.json"))
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(raw, &times); err != nil {
		return d, fmt.Errorf("reading attack times: %w", err)
	}
	f, err := os.Open(filepath.Join(dir, "wazuh", "alerts-sample.ndjson"))
	if err != nil {
		return d, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a struct {
			Timestamp string
			Rule      struct{ ID, Description string }
			Agent     struct{ Name string }
			Data      struct{ SrcIP string }
		}
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return d, fmt.Errorf("reading wazuh: %w", err)
		}
		at, err := time.Parse("2006-01-02T15:04:05.000000-0700", a.Timestamp)
		if err != nil {
			return d, fmt.Errorf("reading wazuh: %w", err)
		}
		e := event{at: at.UTC(), host: a.Agent.Name, signature: a.Rule.Description}
		for _, stages := range times {
			for stage, span := range stages {
				if !at.Before(span[0]) && at.Before(span[1]) {
					e.intrusion, e.phase, e.during = "attack", stage, "attack"
				}
			}
		}
		e.alert = model.Alert{
			Service: "wazuh", Rule: a.Rule.ID, First: e.at, Last: e.at, Fingerprint: a.Rule.ID + "\x00" + e.host,
			Entities: []model.Entity{asset(model.KindDevice, e.host)},
		}
		if a.Data.SrcIP != "" {
			e.alert.Entities = append(e.alert.Entities, evidence(model.KindIP, a.Data.SrcIP, model.RoleSource))
		}
		d.events = append(d.events, e)
	}
	d.sort()
	return d, lines.Err()
}

// loadMicrosoft reads incidents of Microsoft Defender XDR; its own incident is the truth.
func loadMicrosoft(dir string) (dataset, error) {
	d := dataset{name: "microsoft"}
	raw, err := os.ReadFile(filepath.Join(dir, "microsoft", "defender-xdr-incidents-rest.json"))
	if err != nil {
		return d, err
	}
	var doc struct {
		Value []struct {
			IncidentID int
			Alerts     []struct {
				AlertID, Title, Category, DetectionSource string
				FirstActivity                             time.Time
				Entities                                  []struct {
					EntityType, UserPrincipalName, AccountName, IPAddress, Sha256, Sha1, MailboxAddress string
				}
				Devices []struct{ DeviceDNSName string }
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return d, fmt.Errorf("reading microsoft: %w", err)
	}
	for _, inc := range doc.Value {
		for _, a := range inc.Alerts {
			e := event{at: a.FirstActivity.UTC(), host: a.AlertID, signature: a.Title, intrusion: fmt.Sprint(inc.IncidentID), phase: "incident"}
			e.during = e.intrusion
			e.alert = model.Alert{Service: "defender", Detection: a.DetectionSource, Rule: a.Title, First: e.at, Last: e.at, Fingerprint: a.AlertID}
			for _, ent := range a.Entities {
				for kind, name := range map[model.EntityKind]string{
					model.KindUser: ent.UserPrincipalName, model.KindIP: ent.IPAddress, model.KindFile: ent.Sha256 + ent.Sha1, model.KindMailbox: ent.MailboxAddress,
				} {
					if name != "" {
						e.alert.Entities = append(e.alert.Entities, asset(kind, strings.ToLower(name)))
					}
				}
			}
			for _, dev := range a.Devices {
				if dev.DeviceDNSName != "" {
					e.alert.Entities = append(e.alert.Entities, asset(model.KindDevice, strings.ToLower(dev.DeviceDNSName)))
				}
			}
			d.events = append(d.events, e)
		}
	}
	d.sort()
	return d, nil
}
