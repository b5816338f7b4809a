package main

import (
	"fmt"
	"io"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
)

// explainBest prints why each alert is in the incident that serves an intrusion best,
// and which of the intrusion's alerts are elsewhere.
func explainBest(w io.Writer, d dataset) {
	r := pipeline(d, dedup.DefaultPolicy(), correlation.DefaultPolicy())
	for _, intrusion := range d.scored() {
		best := score(d.events, r.incidents, intrusion).incident
		first := make([]int, r.alerts)
		n, own := make([]int, r.alerts), make([]int, r.alerts)
		start := d.begin()
		for i := len(d.events) - 1; i >= 0; i-- {
			e, a := d.events[i], r.alertOf[i]
			first[a] = i
			n[a]++
			if e.during == intrusion {
				own[a]++
			}
			if e.intrusion == intrusion {
				start = e.at
			}
		}
		fmt.Fprintf(w, "%s / %s\n", d.name, intrusion)
		for a, i := range first {
			e, dec := d.events[i], r.decisions[a]
			if r.incidents[i] != best && e.intrusion != intrusion {
				continue
			}
			mark := " "
			if r.incidents[i] != best {
				mark = "-"
			}
			fmt.Fprintf(w, "%s %7.0fs %4d events, %4d in phase  %-12s %s: %s  (surprise %.1f, routine %v) %s %s\n", mark, e.at.Sub(start).Seconds(),
				n[a], own[a], e.phase, e.host, e.signature, dec.Surprise, dec.Routine, dec.Incident, dec.Message)
		}
	}
}
