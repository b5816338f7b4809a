// Command quality measures the correlation engine on labelled data and prints
// the report that docs/quality.md explains.
package main

import (
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
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
			for d := range g.sets {
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

// group is a set of datasets that are reported together. They are made when
// they are looked at: all of them at once would not fit into memory.
type group struct {
	name      string
	sets      iter.Seq[dataset]
	summary   bool // too many to print each
	baselines bool
	swept     bool // what the sensitivity is measured on
}

// load reads what there is, and says what there is not.
func load(dir, only string) (groups []group, skipped []string) {
	add := func(g group) {
		if strings.Contains(g.name, only) {
			groups = append(groups, g)
		}
	}
	scenarios, skipped := loadLabelled(dir)
	if len(scenarios) > 0 {
		add(group{name: "AIT alert data set, one intrusion", sets: slices.Values(scenarios), baselines: true, swept: true})
	}
	if pairs := neighbours(scenarios); len(pairs) > 0 {
		n := perPair(pairs)
		add(group{name: "AIT alert data set, two intrusions at once", sets: overlaid(pairs), baselines: true, swept: true})
		add(group{name: "transplanted: each intrusion at other times, in its own and the other network", sets: transplanted(pairs, n), summary: true, swept: true})
		add(group{name: "transplanted, two intrusions at once", sets: paired(pairs, n), summary: true, swept: true})
	}
	add(group{name: "Kubernetes stories of our own", sets: slices.Values(stories())})
	for _, read := range []func(string) (dataset, error){loadWazuh, loadMicrosoft} {
		d, err := read(dir)
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("%s: %v", d.name, err))
			continue
		}
		add(group{name: d.name, sets: slices.Values([]dataset{d})})
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
			fmt.Fprintf(w, "  %-34s %s\n", fmt.Sprintf("engine, %d scenarios, mean", m.scenarios), m)
		} else {
			for d := range g.sets {
				reportEach(w, d)
			}
		}
		if g.baselines {
			reportBaselines(w, g)
		}
	}
}

func reportEach(w io.Writer, d dataset) {
	r := pipeline(d, dedup.DefaultPolicy(), correlation.DefaultPolicy())
	for _, intrusion := range d.scored() {
		s := score(d.events, r.incidents, intrusion)
		fmt.Fprintf(w, "  %-34s F1 %.3f  recall %.3f  precision %.3f  fragments %d  incidents %d  events %d  alerts %d  reduction %.2f %%\n",
			d.name+" / "+intrusion, s.f1, s.recall, s.precision, s.fragments, count(r.incidents), len(d.events), r.alerts,
			100*(1-float64(count(r.incidents))/float64(len(d.events))))
	}
}

func reportBaselines(w io.Writer, g group) {
	var names []string
	var groupings []grouping
	for _, b := range baselines {
		for _, gap := range gaps {
			names = append(names, fmt.Sprintf("%s, gap %s", b.name, gap))
			groupings = append(groupings, func(d dataset) ([]int, int) { return baseline(d.events, gap, b.key), 0 })
		}
	}
	for i, m := range means(g.sets, groupings) {
		fmt.Fprintf(w, "    %-32s %s\n", names[i], m)
	}
}
