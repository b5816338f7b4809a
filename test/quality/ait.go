package main

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// secondIntrusion are the labels of the AIT data set that belong to a separate activity.
var secondIntrusion = map[string]bool{"dnsteal": true, "service_stop": true}

// loadLabelled reads every scenario in the folder ait-ads, whatever its name,
// and says what could not be read.
func loadLabelled(dir string) (scenarios []dataset, skipped []string) {
	const suffix = "_alerts.csv.gz"
	files, err := filepath.Glob(filepath.Join(dir, "ait-ads", "*"+suffix))
	if err != nil || len(files) == 0 {
		return nil, []string{fmt.Sprintf("ait-ads: no file *%s in %s", suffix, filepath.Join(dir, "ait-ads"))}
	}
	for _, file := range files { // in order of their names
		scenario := strings.TrimSuffix(filepath.Base(file), suffix)
		d, err := loadAIT(file, scenario)
		switch {
		case err != nil:
			skipped = append(skipped, fmt.Sprintf("ait-ads: %v", err))
		case len(d.scored()) == 0:
			skipped = append(skipped, fmt.Sprintf("ait-ads: reading %s: no alert is labelled as part of an attack", scenario))
		default:
			scenarios = append(scenarios, d)
		}
	}
	return scenarios, skipped
}

// columns of the AIT alert data set.
const columns = 7

// loadAIT reads one scenario of the AIT alert data set. The label columns go into
// the truth only.
func loadAIT(file, scenario string) (dataset, error) {
	d := dataset{name: scenario}
	f, err := os.Open(file)
	if err != nil {
		return d, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return d, fmt.Errorf("reading %s: %w", scenario, err)
	}
	lines := csv.NewReader(z)
	lines.FieldsPerRecord = columns
	rows, err := lines.ReadAll()
	if err != nil {
		return d, fmt.Errorf("reading %s: %w", scenario, err)
	}
	for _, row := range rows[min(1, len(rows)):] {
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
