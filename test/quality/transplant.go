package main

import (
	"fmt"
	"time"
)

// transplants plays the intrusion of one scenario in the background of
// another, or at other times of its own: scenarios that nobody has seen. Host
// names are the background's where they are the same.
func transplants(background, attack dataset, n int) []dataset {
	var noise, steps []event
	for _, e := range background.events {
		if e.during == "" {
			noise = append(noise, e)
		}
	}
	begin, end := attack.begin(), attack.begin()
	for _, e := range attack.events {
		// The long wait of an intrusion is mostly background, its short phases are not.
		if e.intrusion != "" || e.during != "" && e.burst {
			steps = append(steps, e)
			end = e.at
		}
	}
	first, last := noise[0].at, noise[len(noise)-1].at
	lead := last.Sub(first) / 3 // some history must be there
	stride := (last.Sub(first) - lead - end.Sub(begin) - time.Hour) / time.Duration(n)
	addresses := map[string]event{}
	for _, e := range noise {
		addresses[e.host] = e
	}
	var out []dataset
	for i := range n {
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
		out = append(out, d)
	}
	return out
}

// perPair is how many times each intrusion is played in each background.
const perPair = 12

// transplanted are scenarios made of two: each intrusion in each background.
func transplanted(one, two dataset) []dataset {
	var out []dataset
	for _, bg := range []dataset{one, two} {
		for _, attack := range []dataset{one, two} {
			out = append(out, transplants(bg, attack, perPair)...)
		}
	}
	return out
}

// paired plays transplanted scenarios of different backgrounds two at a time.
func paired(singles []dataset) []dataset {
	var out []dataset
	last := len(singles) - 1
	for i := range perPair {
		out = append(out,
			overlay(singles[i], singles[last-i], apart),
			overlay(singles[perPair+i], singles[last-perPair-i], apart))
	}
	return out
}
