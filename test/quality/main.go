// Command quality measures the correlation engine on labelled data and prints
// the report that docs/quality.md explains.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
)

func main() {
	sensitivity := flag.Bool("sensitivity", false, "also halve and double every figure of the policy (minutes)")
	verbose := flag.Bool("v", false, "also print every transplanted scenario")
	explain := flag.String("explain", "", "print the decisions behind the incidents of one dataset")
	only := flag.String("only", "", "only the groups whose name contains this")
	flag.Parse()

	groups, skipped := load(fixtures(), *only)
	for _, s := range skipped {
		fmt.Println("SKIPPED", s)
	}
	if *explain != "" {
		for _, g := range groups {
			for _, d := range g.sets {
				if d.name == *explain {
					explainBest(os.Stdout, d)
				}
			}
		}
		return
	}
	report(os.Stdout, groups, *verbose)
	if *sensitivity {
		sweep(os.Stdout, groups)
	}
}

// defaultFixtures lies beside the repository.
var defaultFixtures = filepath.Join("..", "shared", "fixtures")

// fixtures is the folder of other people's labelled data.
func fixtures() string {
	if dir := os.Getenv("TOCSIN_FIXTURES"); dir != "" {
		return dir
	}
	return defaultFixtures
}

// group is a set of datasets that are reported together.
type group struct {
	name      string
	sets      []dataset
	summary   bool // too many to print each
	baselines bool
}

// load reads what there is, and says what there is not.
func load(dir, only string) (groups []group, skipped []string) {
	wanted := func(name string) bool { return strings.Contains(name, only) }
	var ait []dataset
	for _, scenario := range []string{"russellmitchell", "shaw"} {
		d, err := loadAIT(dir, scenario)
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("ait-ads %s: %v", scenario, err))
			continue
		}
		ait = append(ait, d)
	}
	if len(ait) == 2 {
		one, two := ait[0], ait[1]
		add := func(name string, summary bool, sets func() []dataset) {
			if wanted(name) {
				groups = append(groups, group{name: name, sets: sets(), summary: summary, baselines: true})
			}
		}
		add("AIT alert data set, one intrusion", false, func() []dataset { return ait })
		add("AIT alert data set, two intrusions at once", false, func() []dataset {
			return []dataset{overlay(one, two, apart), overlay(two, one, apart)}
		})
		add("transplanted: each intrusion at other times, in its own and the other network", true, func() []dataset {
			return transplanted(one, two)
		})
		add("transplanted, two intrusions at once", true, func() []dataset { return paired(transplanted(one, two)) })
	}
	if name := "Kubernetes stories of our own"; wanted(name) {
		groups = append(groups, group{name: name, sets: stories()})
	}
	for _, read := range []func(string) (dataset, error){loadWazuh, loadMicrosoft} {
		d, err := read(dir)
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("%s: %v", d.name, err))
			continue
		}
		if wanted(d.name) {
			groups = append(groups, group{name: d.name, sets: []dataset{d}})
		}
	}
	return groups, skipped
}

// apart is how long after the first intrusion the second one begins.
const apart = 10 * time.Minute

func report(w io.Writer, groups []group, verbose bool) {
	for _, g := range groups {
		fmt.Fprintf(w, "\n%s\n", g.name)
		if g.summary && !verbose {
			m := mean(g.sets, engineGrouping(dedup.DefaultPolicy(), correlation.DefaultPolicy()))
			fmt.Fprintf(w, "  %-34s %s\n", fmt.Sprintf("engine, %d scenarios, mean", len(g.sets)), m)
		} else {
			for _, d := range g.sets {
				r := pipeline(d, dedup.DefaultPolicy(), correlation.DefaultPolicy())
				for _, intrusion := range d.scored() {
					s := score(d.events, r.incidents, intrusion)
					fmt.Fprintf(w, "  %-34s F1 %.3f  recall %.3f  precision %.3f  fragments %d  incidents %d  events %d  alerts %d  reduction %.2f %%\n",
						d.name+" / "+intrusion, s.f1, s.recall, s.precision, s.fragments, count(r.incidents), len(d.events), r.alerts,
						100*(1-float64(count(r.incidents))/float64(len(d.events))))
				}
			}
		}
		if !g.baselines {
			continue
		}
		for _, b := range baselines {
			for _, gap := range gaps {
				m := mean(g.sets, func(d dataset) ([]int, int) { return baseline(d.events, gap, b.key), 0 })
				fmt.Fprintf(w, "    %-32s %s\n", fmt.Sprintf("%s, gap %s", b.name, gap), m)
			}
		}
	}
}
