package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
)

func write(t *testing.T, bundle string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.json")
	if err := os.WriteFile(file, []byte(bundle), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run([]string{file}, &out)
	return out.String(), err
}

func TestTable(t *testing.T) {
	got, err := write(t, `{"meta": {"snapshot": "today", "notice": "© somebody"}, "tactics": [{"id": "TA0002", "shortname": "execution", "name": "Execution"}],
		"techniques": [{"id": "T3", "name": "C", "tactics": ["execution"], "revoked": true, "revokedBy": "T2"},
			{"id": "T2", "name": "B", "tactics": ["execution"], "revoked": true, "revokedBy": "T1"}, {"id": "T1", "name": "A", "tactics": ["execution"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	const rows = "TA0002\tExecution\t\t\nT1\tA\tTA0002\t\nT2\tB\tTA0002\tT1\nT3\tC\tTA0002\tT1\n"
	if !strings.HasSuffix(got, "replacement\n"+rows) || !strings.Contains(got, "# © somebody\n") || !strings.Contains(got, "royalty-free") {
		t.Error(got)
	}
}

func TestBrokenBundle(t *testing.T) {
	for techniques, want := range map[string]string{
		`{"id": "T1", "tactics": ["x"]}`:                   `T1: tactic "x" is not among the tactics`,
		`{"id": "T1", "revoked": true, "revokedBy": "T2"}`: "T1: its replacement T2 is not among the techniques",
		`{"id": "T1", "revoked": true, "revokedBy": "T1"}`: "T1: its replacements go in a circle",
		`7`: "cannot unmarshal number",
	} {
		if _, err := write(t, `{"techniques": [`+techniques+`]}`); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := run(nil, nil); err == nil {
		t.Error("no file, and no error")
	}
}

// What is embedded is what the generator makes.
func TestEmbeddedTable(t *testing.T) {
	got, err := write(t, string(fixtures.File(t, "mitre/attack-enterprise-v18.1.json")))
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := os.ReadFile("../../internal/ingest/attack/table.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(embedded) {
		t.Error("internal/ingest/attack/table.tsv is not what hack/attack-table writes: run it again")
	}
}
