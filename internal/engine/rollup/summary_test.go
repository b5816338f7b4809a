package rollup

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestSummary(t *testing.T) {
	var s Summary
	for i, names := range [][]string{{"pod", "a"}, {"pod", "b"}, {"pod", "a"}, {"pod"}} {
		var entities []model.Entity
		for _, name := range names {
			entities = append(entities, asset(model.KindPod, name))
		}
		s = s.Add(fmt.Sprint(i%3), entities)
	}
	want := []Weight{
		{Key: model.Key{Kind: model.KindPod, Name: "pod"}, Events: 4},
		{Key: model.Key{Kind: model.KindPod, Name: "a"}, Events: 2},
		{Key: model.Key{Kind: model.KindPod, Name: "b"}, Events: 1},
	}
	if diff := cmp.Diff(want, s.Heaviest); diff != "" || s.Alerts.Count() != 3 || s.Entities.Count() != 3 {
		t.Error(s.Alerts.Count(), s.Entities.Count(), diff)
	}
}

// TestHeaviest: between thousands of entities of one event each, those of many are
// found, with counts that are never too low and not too high by more than is said.
func TestHeaviest(t *testing.T) {
	var s Summary
	truth := map[string]int64{}
	for i := range 5000 {
		names := []string{"web", fmt.Sprint("file", i)}
		if i%3 == 0 {
			names = append(names, "attacker")
		}
		var entities []model.Entity
		for _, name := range names {
			truth[name]++
			entities = append(entities, entity(model.KindFile, name))
		}
		s = s.Add(fmt.Sprint(i), entities)
	}
	if len(s.Heaviest) != MaxHeaviest || s.Heaviest[0].Name != "web" || s.Heaviest[1].Name != "attacker" {
		t.Fatalf("%+v", s.Heaviest)
	}
	for _, w := range s.Heaviest {
		if w.Events < truth[w.Name] || w.Events-w.Over > truth[w.Name] {
			t.Errorf("%s: %d events, %d too many at most, but there were %d", w.Name, w.Events, w.Over, truth[w.Name])
		}
	}
}

func TestAddLeavesTheOldAsItWas(t *testing.T) {
	before := Summary{}.Add("f", []model.Entity{asset(model.KindPod, "a"), asset(model.KindPod, "b")})
	kept := Summary{Heaviest: append([]Weight(nil), before.Heaviest...)}
	before.Add("g", []model.Entity{asset(model.KindPod, "b")})
	if diff := cmp.Diff(kept.Heaviest, before.Heaviest); diff != "" || before.Alerts.Count() != 1 {
		t.Error(before.Alerts.Count(), diff)
	}
}

// TestDistinct: exact while there are few, close to it beyond, and the same after
// it was kept.
func TestDistinct(t *testing.T) {
	var d Distinct
	for i := range 200_000 {
		d = d.Add(fmt.Sprint(i)).Add(fmt.Sprint(i / 2))
		n := i + 1
		if n < maxHashes && d.Count() != int64(n) {
			t.Fatalf("%d of %d", d.Count(), n)
		}
		if off := math.Abs(float64(d.Count())/float64(n) - 1); off > 0.36 { // four standard deviations
			t.Fatalf("%d of %d", d.Count(), n)
		}
	}
	again, err := ParseDistinct(d.Bytes())
	if err != nil || again.Count() != d.Count() || again.Add("x").Count() != d.Add("x").Count() {
		t.Error(again.Count(), d.Count(), err)
	}
}

func TestParseDistinctRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"cut off":      make([]byte, 7),
		"too long":     make([]byte, 8*maxHashes+8),
		"not in order": make([]byte, 16),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseDistinct(data); err == nil {
				t.Error("it was read")
			}
		})
	}
}

func FuzzParseDistinct(f *testing.F) {
	f.Add(Distinct{}.Bytes())
	f.Add(Distinct{}.Add("a").Add("b").Bytes())
	f.Add([]byte("not eight"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseDistinct(data)
		if err != nil {
			return
		}
		if string(d.Bytes()) != string(data) || d.Count() < int64(len(data)/8) {
			t.Errorf("%x became %x, %d", data, d.Bytes(), d.Count())
		}
	})
}
