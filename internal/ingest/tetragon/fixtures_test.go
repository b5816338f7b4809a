package tetragon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// plain is an event read a second time, the plain way.
type plain struct {
	Kprobe *struct {
		Process struct {
			Pod struct{ Namespace, Name string }
		}
	} `json:"process_kprobe"`
	NodeName string `json:"node_name"`
}

func TestFixtures(t *testing.T) {
	alerts := map[string]int{}
	for name, data := range fixtures.Files(t, "tetragon") {
		records, err := body.Split(data)
		if err != nil || len(records) == 0 {
			t.Fatalf("%s: %d records, %v", name, len(records), err)
		}
		for _, record := range records {
			if record.Err != nil {
				t.Fatalf("%s, record %d: %v", name, record.Position, record.Err)
			}
			alerts[name] += checkRecord(t, name, record.Data)
		}
	}
	for name, want := range map[string]int{"docs-events.json": 13, "cat_process_kprobe.json": 1, "process_kprobe.json": 1} {
		if alerts[name] != want {
			t.Errorf("%s: %d alerts, want %d", name, alerts[name], want)
		}
	}
}

// checkRecord returns how many alerts a record makes: one where it is a kprobe.
func checkRecord(t *testing.T, name string, record []byte) int {
	t.Helper()
	var p plain
	if err := json.Unmarshal(record, &p); err != nil {
		t.Fatal(err)
	}
	got := hostile.Record(t, Decoder{}, record)[0]
	if got.Err != nil {
		t.Fatalf("%s: %v", name, got.Err)
	}
	if p.Kprobe == nil {
		if got.Drop != decode.DropTelemetry {
			t.Errorf("%s: drop is %q", name, got.Drop)
		}
		return 0
	}
	if got.Drop != "" {
		t.Fatalf("%s: drop is %q", name, got.Drop)
	}
	if got.Alert.Severity != model.SeverityMedium || got.Alert.First.Year() > 2026 || got.Alert.First.Equal(hostile.Received) {
		t.Errorf("%s: %s at %s", name, got.Alert.Severity, got.Alert.First)
	}
	pod := p.Kprobe.Process.Pod
	if want := (model.Key{Kind: model.KindPod, Name: pod.Namespace + "/" + pod.Name}); pod.Name != "" && got.Alert.Entities[0].Key != want {
		t.Errorf("%s: the first entity of %v is not %s", name, got.Alert.Entities, want)
	}
	return 1
}

// TestFileAccess looks at one event in full.
func TestFileAccess(t *testing.T) {
	var found []model.Alert
	for _, alert := range hostile.Alerts(t, hostile.Body(t, Decoder{}, fixtures.Files(t, "tetragon")["docs-events.json"])) {
		if alert.Rule == "file-monitoring" {
			found = append(found, alert)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d alerts of file-monitoring", len(found))
	}
	var got []string
	for _, e := range found[0].Entities {
		got = append(got, string(e.Role)+" "+e.String())
	}
	want := []string{
		"Attacked Pod/default/file-access",
		"Attacked Container/6b742e38ee3a",
		"Contextual Image/sha256:c3839dd800b9eb7603340509769c43e146a74c63dca3045a8e7dc8ee07e53966",
		"Contextual Node/tetragon-dev-control-plane",
		"Suspicious Process/6b742e38ee3a:/bin/vi",
		"Suspicious File/6b742e38ee3a:/etc/passwd",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := "security_file_permission(/etc/passwd, 2)\nProcess: /bin/vi /etc/passwd\nParent: /bin/sh"; found[0].Description != want {
		t.Errorf("description %q, want %q", found[0].Description, want)
	}
}

// TestWrittenData: what a program wrote to a file is in the event, and must not
// come into the alert.
func TestWrittenData(t *testing.T) {
	alert := hostile.Alerts(t, hostile.Body(t, Decoder{}, fixtures.Files(t, "tetragon")["process_kprobe.json"]))[0]
	if strings.Contains(alert.Description, "ZGFlbW9u") || alert.Rule != "__x64_sys_write" || alert.Title != "/usr/bin/vi __x64_sys_write" {
		t.Errorf("%+v", alert)
	}
	want := model.Key{Kind: model.KindFile, Name: "bae66fa9f180:/etc/passwd"}
	if last := alert.Entities[len(alert.Entities)-1].Key; last != want {
		t.Errorf("the file is %s, want %s", last, want)
	}
}
