package main

import (
	"fmt"
	"iter"
	"time"
)

// transplant plays the intrusion of one scenario in the background of another, or
// at another time of its own: the i-th of n times. Host names are the
// background's where they are the same.
func transplant(background, attack dataset, i, n int) dataset {
	noise, addresses := quiet(background)
	steps, begin, end := stepsOf(attack)
	first, last := noise[0].at, noise[len(noise)-1].at
	lead := last.Sub(first) / 3 // some history must be there
	stride := max(0, (last.Sub(first)-lead-end.Sub(begin)-time.Hour)/time.Duration(n))
	at := first.Add(lead + time.Duration(i)*stride)
	d := dataset{name: fmt.Sprintf("%s in %s %02d", attack.name, background.name, i)}
	for _, e := range noise {
		if !e.at.Before(at) && !e.at.After(at.Add(end.Sub(begin))) {
			e.during = "attack"
		}
		d.events = append(d.events, e)
	}
	for _, e := range steps {
		e.at = at.Add(e.at.Sub(begin))
		e.alert.First, e.alert.Last = e.at, e.at
		if known, ok := addresses[e.host]; ok {
			e.alert.Entities = known.alert.Entities
		}
		d.events = append(d.events, e)
	}
	d.sort()
	return d
}

// quiet is what happens in a scenario while no intrusion does, and an event of each host.
func quiet(d dataset) (noise []event, ofHost map[string]event) {
	ofHost = map[string]event{}
	for _, e := range d.events {
		if e.during == "" {
			noise = append(noise, e)
			ofHost[e.host] = e
		}
	}
	return noise, ofHost
}

// stepsOf are the events of a scenario's intrusion. Its long wait is mostly
// background, its short phases are not.
func stepsOf(d dataset) (steps []event, begin, end time.Time) {
	begin, end = d.begin(), d.begin()
	for _, e := range d.events {
		if e.intrusion != "" || e.during != "" && e.burst {
			steps = append(steps, e)
			end = e.at
		}
	}
	return steps, begin, end
}

// pair is two scenarios that are mixed with each other.
type pair struct{ one, two dataset }

// neighbours are the pairs of scenarios that follow each other: one less than there are scenarios.
func neighbours(scenarios []dataset) []pair {
	var out []pair
	for i := 1; i < len(scenarios); i++ {
		out = append(out, pair{scenarios[i-1], scenarios[i]})
	}
	return out
}

// overlaid plays both intrusions of each pair at once, either one first.
func overlaid(pairs []pair) iter.Seq[dataset] {
	return func(yield func(dataset) bool) {
		for _, p := range pairs {
			if !yield(overlay(p.one, p.two, apart)) || !yield(overlay(p.two, p.one, apart)) {
				return
			}
		}
	}
}

const (
	// mostPerPair is how many times each intrusion is played in each background.
	mostPerPair = 12
	// mostEvents bounds all of that together; the engine takes seconds for it.
	mostEvents = 3_000_000
)

// perPair is how many times each intrusion of these pairs is played in each
// background: fewer where there are many, or long ones.
func perPair(pairs []pair) int {
	once := 0
	for _, p := range pairs {
		once += 2 * (len(p.one.events) + len(p.two.events))
	}
	return max(1, min(mostPerPair, mostEvents/once))
}

// transplanted are scenarios made of each pair: each intrusion in each background.
func transplanted(pairs []pair, n int) iter.Seq[dataset] {
	return func(yield func(dataset) bool) {
		for _, p := range pairs {
			for _, background := range []dataset{p.one, p.two} {
				for _, attack := range []dataset{p.one, p.two} {
					for i := range n {
						if !yield(transplant(background, attack, i, n)) {
							return
						}
					}
				}
			}
		}
	}
}

// paired plays transplanted scenarios of different backgrounds two at a time:
// an early one of one beside a late one of the other.
func paired(pairs []pair, n int) iter.Seq[dataset] {
	return func(yield func(dataset) bool) {
		for _, p := range pairs {
			for i := range n {
				late := n - 1 - i
				both := overlay(transplant(p.one, p.one, i, n), transplant(p.two, p.two, late, n), apart)
				swapped := overlay(transplant(p.one, p.two, i, n), transplant(p.two, p.one, late, n), apart)
				if !yield(both) || !yield(swapped) {
					return
				}
			}
		}
	}
}
