package correlation

// crowd is how many alerts an incident has before what is hidden of it is
// written down: up to there it is counted anew when it is needed, which costs no memory.
const crowd = 16

// shelved is the key of a hidden posting of a crowded incident.
type shelved struct {
	incident id
	finder   finder
}

// hide remembers a posting that is not kept.
func (x *index) hide(l *postings, f finder, p posting) {
	l.hidden += p.alerts
	if !x.incidents.rows[p.incident].crowded {
		return
	}
	key := shelved{p.incident, f}
	if q, has := x.shelf[key]; has {
		p = x.sum(f, p, q)
	}
	x.shelf[key] = p
}

// unhide takes the posting of an incident that is not kept from the hidden
// ones; it has no alerts if there is none.
func (x *index) unhide(l *postings, f finder, incident id) (p posting) {
	switch {
	case l.hidden == 0:
		return p
	case x.incidents.rows[incident].crowded:
		key := shelved{incident, f}
		p = x.shelf[key]
		delete(x.shelf, key)
	default:
		p = x.gathered(f, incident)
	}
	l.hidden -= p.alerts
	return p
}

// strikeHidden takes an alert that has left an incident out of its hidden posting.
func (x *index) strikeHidden(l *postings, f finder, a, from id) {
	l.hidden--
	if !x.incidents.rows[from].crowded {
		return
	}
	key := shelved{from, f}
	if p := x.without(f, x.shelf[key], a); p.alerts > 0 {
		x.shelf[key] = p
	} else {
		delete(x.shelf, key)
	}
}

// crowded writes down what is hidden of an incident that has grown.
func (x *index) crowded(incident id) {
	inc := &x.incidents.rows[incident]
	if inc.crowded {
		return
	}
	inc.crowded = true
	write := func(l *postings, f finder) {
		if l.hidden > 0 && l.at(incident) < 0 {
			x.shelf[shelved{incident, f}] = x.gathered(f, incident)
		}
	}
	for _, m := range inc.members {
		rec := &x.alerts.rows[m]
		if rec.alone {
			continue
		}
		for _, e := range x.marksOf(rec) {
			write(&x.entities.rows[e].postings, finder{entity: e})
		}
		for i, least := range x.speaks {
			if rec.surprise >= least {
				write(&x.recent[i], finder{none, least})
			}
		}
	}
}
