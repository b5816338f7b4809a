package main

import (
	"fmt"
	"io"
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
		add(fmt.Sprintf("joinBits %+d", n), func(_ *dedup.Policy, c *correlation.Policy) {
			c.JoinBits += n
			c.MergeBits = max(c.MergeBits, c.JoinBits)
		})
		add(fmt.Sprintf("mergeBits %+d", n), func(_ *dedup.Policy, c *correlation.Policy) { c.MergeBits += n })
		add(fmt.Sprintf("routineBits %+d", n), func(_ *dedup.Policy, c *correlation.Policy) { c.RoutineBits += n })
	}
	return out
}

// sweep prints how much the result depends on each figure.
func sweep(w io.Writer, groups []group) {
	for _, g := range groups {
		if !g.swept {
			continue
		}
		fmt.Fprintf(w, "\nsensitivity: %s\n", g.name)
		var groupings []grouping
		for _, v := range variants() {
			groupings = append(groupings, engineGrouping(v.dedup, v.corr))
		}
		for i, m := range means(g.sets, groupings) {
			fmt.Fprintf(w, "  %-22s %s\n", variants()[i].name, m)
		}
	}
}
