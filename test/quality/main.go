// Command quality measures the correlation engine on labelled data and prints
// the report that docs/quality.md explains.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
)

func fixtures() string {
	if dir := os.Getenv("TOCSIN_FIXTURES"); dir != "" {
		return dir
	}
	return filepath.Join("..", "shared", "fixtures")
}

func main() {
	var sets []dataset
	for _, scenario := range []string{"russellmitchell", "shaw"} {
		d, err := loadAIT(fixtures(), scenario)
		if err != nil {
			fmt.Printf("SKIPPED %s: %v\n", scenario, err)
			continue
		}
		sets = append(sets, d)
	}
	if len(sets) == 2 {
		sets = append(sets, overlay(sets[0], sets[1], 10*time.Minute), overlay(sets[1], sets[0], 10*time.Minute))
	}
	if os.Getenv("TRANS") != "" {
		var singles, doubles []dataset
		for _, bg := range sets[:2] {
			for _, at := range sets[:2] {
				singles = append(singles, transplants(bg, at, 12)...)
			}
		}
		for i := range 12 {
			doubles = append(doubles, overlay(singles[i], singles[47-i], 10*time.Minute), overlay(singles[12+i], singles[35-i], 10*time.Minute))
		}
		if os.Getenv("TRANS") == "sweep" {
			for _, v := range variants() {
				f, w, fr, m := mean(singles, v.dedup, v.corr, false)
				f2, w2, fr2, m2 := mean(doubles, v.dedup, v.corr, false)
				fmt.Printf("%-22s %.3f worst %.3f frag %.2f most %d   %.3f worst %.3f frag %.2f most %d\n", v.name, f, w, fr, m, f2, w2, fr2, m2)
			}
			return
		}
		f, w, fr, m := mean(singles, dedup.DefaultPolicy(), correlation.DefaultPolicy(), true)
		fmt.Println("singles", f, w, fr, m)
		f, w, fr, m = mean(doubles, dedup.DefaultPolicy(), correlation.DefaultPolicy(), true)
		fmt.Println("doubles", f, w, fr, m)
		return
	}
	if os.Getenv("SWEEP") != "" {
		sweep(sets)
		return
	}
	for _, d := range sets {
		start := time.Now() //nolint:forbidigo // measures the harness itself
		r := pipeline(d, dedup.DefaultPolicy(), correlation.DefaultPolicy())
		fmt.Printf("%-22s %d events, %d alerts, %.1fs\n", d.name, len(d.events), r.alerts, time.Since(start).Seconds())
		for _, intrusion := range d.scored() {
			if os.Getenv("TRACE") == d.name {
				trace(d, r, intrusion, 600, 3000)
			}
			print1(d, "engine", r.incidents, intrusion)
			for _, b := range []struct {
				name string
				key  func(event) string
			}{{"time", byTime}, {"host", byHost}, {"host+signature", byHostSignature}} {
				for _, gap := range gaps {
					print1(d, fmt.Sprintf("%s %s", b.name, gap), baseline(d.events, gap, b.key), intrusion)
				}
			}
		}
	}
}

func print1(d dataset, name string, incidents []int, intrusion string) {
	s := score(d.events, incidents, intrusion)
	fmt.Printf("  %-24s %-28s F1 %.3f  recall %.3f  precision %.3f  fragments %2d  incidents %5d\n",
		intrusion, name, s.f1, s.recall, s.precision, s.fragments, count(incidents))
	if name == "engine" {
		fmt.Printf("     %v\n", s.phases)
	}
}
