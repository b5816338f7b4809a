package main

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// bars are what each group must reach: mean F1, fragments, incidents in one scenario.
var bars = map[string]struct {
	f1, fragments float64
	incidents     int
}{
	"AIT alert data set, one intrusion":                                             {0.95, 2, 250},
	"AIT alert data set, two intrusions at once":                                    {0.90, 2, 500},
	"transplanted: each intrusion at other times, in its own and the other network": {0.95, 2, 250},
	"transplanted, two intrusions at once":                                          {0.90, 2, 500},
	"Kubernetes stories of our own":                                                 {0.95, 1, 50},
	"wazuh":                                                                         {0.90, 1, 5},
	"microsoft":                                                                     {1, 1, 3},
}

func TestQuality(t *testing.T) {
	only := ""
	if testing.Short() {
		only = "Kubernetes"
	}
	dir := fixtures()
	if dir == defaultFixtures {
		dir = "../../" + dir
	}
	groups, skipped := load(dir, only)
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			m := mean(g.sets, engineGrouping(dedup.DefaultPolicy(), correlation.DefaultPolicy()))
			t.Log(m)
			if bar := bars[g.name]; m.f1 < bar.f1 || m.fragments > bar.fragments || m.most > bar.incidents {
				t.Errorf("%s: below the bar %+v", m, bar)
			}
		})
	}
	for _, s := range skipped {
		t.Run("skipped", func(t *testing.T) { t.Skip(s) })
	}
}

func TestScore(t *testing.T) {
	var events []event
	add := func(n int, host, signature, phase, during string) {
		for range n {
			e := event{at: time.Unix(int64(len(events)), 0), host: host, signature: signature, phase: phase, during: during}
			if phase != "" {
				e.intrusion = "x"
			}
			events = append(events, e)
		}
	}
	add(1000, "h", "flood", "scan", "x")
	add(2, "h", "shell", "shell", "x")
	add(50, "h", "noise", "", "")
	all := make([]int, len(events))
	// Both phases are held; the flood counts fifty times, as does the noise.
	if s := score(events, all, "x"); s.recall != 1 || math.Abs(s.precision-52.0/102) > 1e-9 || s.fragments != 1 {
		t.Errorf("one incident for all: %+v", s)
	}
	apart := make([]int, len(events))
	for i := 1000; i < len(events); i++ {
		apart[i] = 1
	}
	if s := score(events, apart, "x"); s.recall != 0.5 || s.precision != 1 || s.fragments != 2 {
		t.Errorf("the flood alone: %+v", s)
	}
}

func TestPipelineIsDeterministic(t *testing.T) {
	d := stories()[0]
	one := pipeline(d, dedup.DefaultPolicy(), correlation.DefaultPolicy())
	if two := pipeline(d, dedup.DefaultPolicy(), correlation.DefaultPolicy()); !reflect.DeepEqual(one, two) {
		t.Error("the same events gave other incidents")
	}
}

// A vendor's own grouping is the truth of a dataset: whoever is told it has not found it.
func TestTheTruthIsNotTold(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	var d dataset
	for i, host := range []string{"h1", "h2"} {
		e := event{at: at.Add(time.Duration(i) * time.Hour), host: host}
		e.alert = model.Alert{
			Source: "defender", ProviderIncident: "42", Rule: host, Fingerprint: host, First: e.at, Last: e.at,
			Entities: []model.Entity{asset(model.KindDevice, host)},
		}
		d.events = append(d.events, e)
	}
	if r := pipeline(d, dedup.DefaultPolicy(), correlation.DefaultPolicy()); r.incidents[0] == r.incidents[1] {
		t.Error("the engine was told which alerts belong together")
	}
}
