package main

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// secondIntrusion are the labels of the AIT data set that belong to a separate activity.
var secondIntrusion = map[string]bool{"dnsteal": true, "service_stop": true}

// loadAIT reads one scenario of the AIT alert data set. The label columns go into
// the truth only.
func loadAIT(dir, scenario string) (dataset, error) {
	d := dataset{name: scenario}
	f, err := os.Open(filepath.Join(dir, "ait-ads", scenario+"_alerts.csv.gz"))
	if err != nil {
		return d, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return d, fmt.Errorf("reading %s: %w", scenario, err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return d, fmt.Errorf("reading %s: %w", scenario, err)
	}
	for _, row := range rows[1:] {
		seconds, err := strconv.ParseFloat(row[0], 64)
		if err != nil {
			return d, fmt.Errorf("reading %s: %w", scenario, err)
		}
		e := event{at: time.Unix(int64(seconds), 0).UTC(), signature: row[1], host: row[3]}
		timeLabel, eventLabel := row[5], row[6]
		if eventLabel != "-" && !secondIntrusion[eventLabel] {
			e.intrusion, e.phase = "attack", eventLabel
		}
		if e.phase != "" || timeLabel != "false_positive" && !secondIntrusion[timeLabel] {
			e.during = "attack"
			e.burst = timeLabel != "cracking" && timeLabel != "network_scans"
		}
		e.alert = model.Alert{
			Service: "siem", Rule: row[1], Title: row[1], Fingerprint: row[3] + "\x00" + row[1],
			First: e.at, Last: e.at, Severity: model.SeverityMedium,
			Entities: []model.Entity{
				{Key: model.Key{Kind: model.KindDevice, Name: row[3]}, Category: model.CategoryAsset},
				{Key: model.Key{Kind: model.KindIP, Name: row[2]}, Category: model.CategoryEvidence},
			},
		}
		d.events = append(d.events, e)
	}
	d.sort()
	return d, nil
}
