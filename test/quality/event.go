package main

import (
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// event is one raw event of a detector with its truth beside it.
type event struct {
	at        time.Time
	host      string
	signature string
	alert     model.Alert // without a name and a count

	// intrusion and phase say what the event belongs to; empty is background.
	intrusion, phase string
	// during names the intrusion in whose attack phases the event lies.
	during string
	// burst says that the phase is so short that hardly any background is in it.
	burst bool
}

// dataset is a labelled stream of events, ordered by time.
type dataset struct {
	name   string
	events []event
}

// scored are the intrusions of a dataset, in order.
func (d dataset) scored() []string {
	var out []string
	for _, e := range d.events {
		if e.intrusion != "" && !slices.Contains(out, e.intrusion) {
			out = append(out, e.intrusion)
		}
	}
	slices.Sort(out)
	return out
}

func (d *dataset) sort() {
	slices.SortStableFunc(d.events, func(a, b event) int { return a.at.Compare(b.at) })
}

// overlay plays two datasets at once: the intrusion of the second begins that long
// after the first one's; hosts are prefixed, so that they are different machines.
func overlay(a, b dataset, after time.Duration) dataset {
	shift := a.begin().Add(after).Sub(b.begin())
	out := dataset{name: a.name + "+" + b.name}
	for i, d := range []dataset{a, b} {
		for _, e := range d.events {
			if i == 1 {
				e.at = e.at.Add(shift)
				e.alert.First, e.alert.Last = e.at, e.at
			}
			e.host = d.name + "-" + e.host
			e.alert.Fingerprint = d.name + "-" + e.alert.Fingerprint
			e.alert.Entities = slices.Clone(e.alert.Entities)
			for k, ent := range e.alert.Entities {
				if ent.Kind == model.KindDevice {
					e.alert.Entities[k].Name = d.name + "-" + ent.Name
				}
			}
			e.intrusion, e.during = prefixed(d.name, e.intrusion), prefixed(d.name, e.during)
			out.events = append(out.events, e)
		}
	}
	out.sort()
	return out
}

func prefixed(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + "-" + name
}

// begin is when the first intrusion starts.
func (d dataset) begin() time.Time {
	for _, e := range d.events {
		if e.intrusion != "" {
			return e.at
		}
	}
	return time.Time{}
}
