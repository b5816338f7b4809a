package main

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scenario writes a labelled scenario of ten days with an attack on the ninth.
func scenario(t *testing.T, dir, name, attack string) {
	t.Helper()
	var text strings.Builder
	text.WriteString("time,name,ip,host,short,time_label,event_label\n")
	for hour := range 240 {
		fmt.Fprintf(&text, "%d,noise,10.0.0.1,h1,n,false_positive,-\n", 1_700_000_000+hour*3600)
	}
	for i := range 5 {
		fmt.Fprintf(&text, "%d,step %d,10.0.0.1,h1,s,%s,%s\n", 1_700_000_000+200*3600+i*10, i, strings.Trim(attack, "-"), attack)
	}
	write(t, dir, name, text.String())
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, name+"_alerts.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDiscover: scenarios are found by their files; what cannot be judged is named.
func TestDiscover(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "ait-ads")
	if _, skipped := loadLabelled(root); len(skipped) != 1 || !strings.Contains(skipped[0], "no file") {
		t.Errorf("an absent folder: %v", skipped)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zebra", "ant", "mole"} {
		scenario(t, dir, name, "webshell")
	}
	scenario(t, dir, "peace", "-")
	write(t, dir, "columns", "time,name\n1,2\n")
	write(t, dir, "empty", "")
	if err := os.WriteFile(filepath.Join(dir, "torn_alerts.csv.gz"), []byte("\x1f\x8b"), 0o600); err != nil {
		t.Fatal(err)
	}
	scenarios, skipped := loadLabelled(root)
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	if diff := cmp.Diff([]string{"ant", "mole", "zebra"}, names); diff != "" {
		t.Errorf("scenarios: want(-) got(+)\n%s", diff)
	}
	want := []string{
		"ait-ads: reading columns: record on line 1: wrong number of fields",
		"ait-ads: reading empty: no alert is labelled as part of an attack",
		"ait-ads: reading peace: no alert is labelled as part of an attack",
		"ait-ads: reading torn: unexpected EOF",
	}
	if diff := cmp.Diff(want, skipped); diff != "" {
		t.Errorf("skipped: want(-) got(+)\n%s", diff)
	}

	groups, _ := load(root, "")
	sizes := map[string]int{}
	for _, g := range groups {
		for d := range g.sets {
			sizes[g.name]++
			if len(d.scored()) == 0 {
				t.Errorf("%s: nothing to score in %s", g.name, d.name)
			}
		}
	}
	for name, want := range map[string]int{
		"AIT alert data set, one intrusion":                                             3,
		"AIT alert data set, two intrusions at once":                                    4,
		"transplanted: each intrusion at other times, in its own and the other network": 2 * 4 * mostPerPair,
		"transplanted, two intrusions at once":                                          2 * 2 * mostPerPair,
	} {
		if sizes[name] != want {
			t.Errorf("%s: %d datasets, want %d", name, sizes[name], want)
		}
	}
}

// TestPerPair: the more and the longer the scenarios, the fewer mixtures of each, but one at least.
func TestPerPair(t *testing.T) {
	of := func(n int) dataset { return dataset{events: make([]event, n)} }
	for _, tc := range []struct{ pairs, events, want int }{
		{1, 10, mostPerPair}, {1, 100_000, 7}, {7, 50_000, 2}, {7, 600_000, 1},
	} {
		var pairs []pair
		d := of(tc.events)
		for range tc.pairs {
			pairs = append(pairs, pair{d, d})
		}
		if got := perPair(pairs); got != tc.want {
			t.Errorf("%d pairs of %d events: %d of each, want %d", tc.pairs, tc.events, got, tc.want)
		}
	}
}
