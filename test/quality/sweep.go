package main

import (
	"fmt"
	"os"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// variant is a policy with one figure changed.
type variant struct {
	name  string
	dedup dedup.Policy
	corr  correlation.Policy
}

// variants halve and double every figure that could matter.
func variants() []variant {
	out := []variant{{"as shipped", dedup.DefaultPolicy(), correlation.DefaultPolicy()}}
	add := func(name string, change func(*dedup.Policy, *correlation.Policy)) {
		v := variant{name, dedup.DefaultPolicy(), correlation.DefaultPolicy()}
		change(&v.dedup, &v.corr)
		out = append(out, v)
	}
	if v := os.Getenv("TRY"); v != "" {
		for _, w := range []int{1, 2, 3, 4} {
			add(fmt.Sprintf("device %d", w), func(_ *dedup.Policy, c *correlation.Policy) { c.Weights[model.KindDevice] = w })
		}
		add("quiet/2", func(d *dedup.Policy, _ *correlation.Policy) { d.Quiet /= 2 })
		add("quiet/2 device 2", func(d *dedup.Policy, c *correlation.Policy) { d.Quiet /= 2; c.Weights[model.KindDevice] = 2 })
		add("prox 3m", func(_ *dedup.Policy, c *correlation.Policy) { c.ProximateWindow = 3 * time.Minute })
		return out
	}
	for _, f := range []float64{0.5, 2} {
		times := func(d time.Duration) time.Duration { return time.Duration(float64(d) * f) }
		add(fmt.Sprintf("quiet x%g", f), func(d *dedup.Policy, _ *correlation.Policy) { d.Quiet = times(d.Quiet) })
		add(fmt.Sprintf("maxAge x%g", f), func(d *dedup.Policy, _ *correlation.Policy) { d.MaxAge = times(d.MaxAge) })
		add(fmt.Sprintf("surgeFactor x%g", f), func(d *dedup.Policy, _ *correlation.Policy) { d.SurgeFactor = int64(float64(d.SurgeFactor) * f) })
		add(fmt.Sprintf("surgeMin x%g", f), func(d *dedup.Policy, _ *correlation.Policy) { d.SurgeMin = int64(float64(d.SurgeMin) * f) })
		add(fmt.Sprintf("window x%g", f), func(_ *dedup.Policy, c *correlation.Policy) { c.Window = times(c.Window) })
		add(fmt.Sprintf("proximateWindow x%g", f), func(_ *dedup.Policy, c *correlation.Policy) { c.ProximateWindow = times(c.ProximateWindow) })
		add(fmt.Sprintf("weights x%g", f), func(_ *dedup.Policy, c *correlation.Policy) {
			w := map[model.EntityKind]int{}
			for k, v := range c.Weights {
				w[k] = int(float64(v) * f)
			}
			c.Weights = w
		})
	}
	for _, n := range []int{-2, -1, 1, 2} { // a bit is a factor of two already
		add(fmt.Sprintf("joinBits %+d", n), func(_ *dedup.Policy, c *correlation.Policy) { c.JoinBits += n; c.MergeBits = max(c.MergeBits, c.JoinBits) })
		add(fmt.Sprintf("mergeBits %+d", n), func(_ *dedup.Policy, c *correlation.Policy) { c.MergeBits += n })
		add(fmt.Sprintf("routineBits %+d", n), func(_ *dedup.Policy, c *correlation.Policy) { c.RoutineBits += n })
	}
	return out
}

// mean is how a policy does over many datasets.
func mean(sets []dataset, dp dedup.Policy, cp correlation.Policy, verbose bool) (f1, worst, fragments float64, most int) {
	n := 0.0
	worst = 1
	for _, d := range sets {
		r := pipeline(d, dp, cp)
		for _, intrusion := range d.scored() {
			s := score(d.events, r.incidents, intrusion)
			f1, fragments, worst, n = f1+s.f1, fragments+float64(s.fragments), min(worst, s.f1), n+1
			if os.Getenv("IMPURE") == d.name {
				impure(d, r, intrusion)
			}
			if verbose {
				fmt.Printf("   %-34s %.3f r %.3f p %.3f frag %d incidents %d %v\n", d.name, s.f1, s.recall, s.precision, s.fragments, count(r.incidents), s.phases)
			}
		}
		most = max(most, count(r.incidents))
	}
	return f1 / n, worst, fragments / n, most
}

func sweep(sets []dataset) {
	for _, v := range variants() {
		fmt.Printf("%-22s", v.name)
		for _, d := range sets {
			r := pipeline(d, v.dedup, v.corr)
			for _, intrusion := range d.scored() {
				s := score(d.events, r.incidents, intrusion)
				fmt.Printf("  %.3f/%d", s.f1, s.fragments)
			}
			fmt.Printf(" (%d,%d)", count(r.incidents), r.alerts)
		}
		fmt.Println()
	}
}
