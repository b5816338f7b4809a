package drain

import (
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// effect is what a signal does.
type effect int

const (
	// ignored is a notice that there is nothing to end for.
	ignored effect = iota
	// changes is a signal that counts in the open alert, or ends it.
	changes
	// opens is a signal that opens a new alert.
	opens
)

// place decides what a signal does to the window of the newest alert, as that
// has come by the signals before it. Where a tuning rule hid, resolved or rescored
// the alert, an event that it does not mean opens another one.
func (d *Drain) place(rules *tuning.Set, newest known, state dedup.State, s signal) (dedup.State, effect) {
	if s.resolved {
		next, ended := state.End(newest.firstTime, s.alert.Last)
		if !ended {
			return state, ignored
		}
		return next, changes
	}
	if newest.tuned.Rule != "" && !covers(rules, newest, s) {
		next, _ := d.policy.Reveal(state, s.alert.Last, 1)
		return next, opens
	}
	next, opened, _ := d.policy.Observe(state, s.alert.Last, 1)
	if opened {
		return next, opens
	}
	return next, changes
}

// leadingIgnored counts the signals at the front that do nothing.
func (d *Drain) leadingIgnored(rules *tuning.Set, newest known, waiting []signal) int {
	for n, s := range waiting {
		if _, does := d.place(rules, newest, newest.state, s); does != ignored {
			return n
		}
	}
	return len(waiting)
}
