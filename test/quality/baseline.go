package main

import "time"

// gaps are the quiet times that the baselines are tried with.
var gaps = []time.Duration{2 * time.Second, 30 * time.Second, 300 * time.Second, 900 * time.Second, 3600 * time.Second}

// baseline groups events with an equal key until a gap.
func baseline(events []event, gap time.Duration, key func(event) string) []int {
	type open struct {
		id   int
		last time.Time
	}
	groups := map[string]open{}
	out, next := make([]int, len(events)), 0
	for i, e := range events {
		k := key(e)
		g, ok := groups[k]
		if !ok || e.at.Sub(g.last) > gap {
			g = open{id: next}
			next++
		}
		g.last = e.at
		groups[k], out[i] = g, g.id
	}
	return out
}

// baselines are what one would do without an engine.
var baselines = []struct {
	name string
	key  func(event) string
}{
	{"time", func(event) string { return "" }},
	{"host", func(e event) string { return e.host }},
	{"host+signature", func(e event) string { return e.host + "\x00" + e.signature }},
}
