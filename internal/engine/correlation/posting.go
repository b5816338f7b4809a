package correlation

import (
	"slices"
	"sort"
)

// posting says that an incident is found by something, and names the alert that
// speaks for it there: the most vigorous.
type posting struct {
	incident, peer id
	asset          id     // of the peer
	alerts         int32  // of the incident that are found so
	notable        int32  // of them those that are not routine
	last           uint32 // newest sign of life
}

// postings are the incidents that are found by one thing, the newest first.
// Only the newest up to a limit are looked at. Up to twice as many are kept, so that
// one that goes is seldom missed; those that are not kept are older than all that are.
type postings struct {
	kept   []posting
	hidden int32 // alerts of the incidents that are not kept
}

// newest are those that are looked at.
func (x *index) newest(l *postings) []posting { return l.kept[:min(len(l.kept), x.limit)] }

// at is the place of an incident; negative where it is not kept.
func (l *postings) at(incident id) int {
	for i := range l.kept {
		if l.kept[i].incident == incident {
			return i
		}
	}
	return -1
}

// finder is what alerts are found by: an entity or a technique; or, where it is
// none, that they are surprising enough.
type finder struct {
	entity   id
	surprise float32
}

func (x *index) finds(f finder, a *alert) bool {
	if f.entity == none {
		return !a.alone && a.surprise >= f.surprise
	}
	return !a.alone && slices.Contains(x.marksOf(a), f.entity)
}

// last is the sign of life of an alert that counts.
func (f finder) last(a *alert) uint32 {
	if f.entity == none {
		return a.first
	}
	return a.last
}

// vigour is how much an alert has to say compared with others of its incident.
// For an entity it is the newer, and the more surprising: a bit of surprise is
// worth ten minutes, about the pause between the steps of an attack. Routine
// speaks only where nothing else does. Otherwise the alert speaks that began last.
func (f finder) vigour(a *alert) float64 {
	switch {
	case f.entity == none:
		return float64(a.first)
	case a.routine:
		return float64(a.last) - 1e12
	}
	return float64(a.last)/(10*60) + float64(a.surprise)
}

// notable counts the alert if it is not routine.
func (a *alert) notable() int32 {
	if a.routine {
		return 0
	}
	return 1
}

// single is the posting of an incident with one alert.
func (x *index) single(f finder, a, incident id) posting {
	rec := &x.alerts.rows[a]
	return posting{incident: incident, peer: a, asset: rec.asset, alerts: 1, notable: rec.notable(), last: f.last(rec)}
}

// gathered is the posting of an incident, from its alerts.
func (x *index) gathered(f finder, incident id) posting {
	all := posting{incident: incident}
	for _, m := range x.incidents.rows[incident].members {
		switch {
		case !x.finds(f, &x.alerts.rows[m]):
		case all.alerts == 0:
			all = x.single(f, m, incident)
		default:
			all = x.sum(f, all, x.single(f, m, incident))
		}
	}
	return all
}

// sum makes one posting of two of an incident.
func (x *index) sum(f finder, p, q posting) posting {
	p.alerts += q.alerts
	p.notable += q.notable
	p.last = max(p.last, q.last)
	v, w := f.vigour(&x.alerts.rows[p.peer]), f.vigour(&x.alerts.rows[q.peer])
	if w > v || w == v && x.alerts.keys[q.peer] < x.alerts.keys[p.peer] {
		p.peer, p.asset = q.peer, q.asset
	}
	return p
}

// newer orders postings: by last sign of life, then by name.
func (x *index) newer(a, b *posting) bool {
	return a.last > b.last || a.last == b.last && x.incidents.keys[a.incident] < x.incidents.keys[b.incident]
}

// place puts a posting where it belongs, or hides it if it is too old.
func (x *index) place(l *postings, f finder, p posting) {
	at := len(l.kept)
	switch {
	case l.hidden > 0 && (at == 0 || !x.newer(&p, &l.kept[at-1])): // among the hidden
		x.hide(l, f, p)
		return
	case at < 2*x.limit:
		l.kept = append(l.kept, p)
	case x.newer(&p, &l.kept[at-1]):
		at--
		x.hide(l, f, l.kept[at])
	default:
		x.hide(l, f, p)
		return
	}
	x.advance(l, at, p)
}

// advance moves a posting up from a place to where it belongs.
func (x *index) advance(l *postings, from int, p posting) {
	at := sort.Search(from, func(i int) bool { return x.newer(&p, &l.kept[i]) })
	copy(l.kept[at+1:from+1], l.kept[at:from])
	l.kept[at] = p
}

// enroll lets an alert be found that is about to enter an incident.
func (x *index) enroll(l *postings, f finder, a id) {
	own := x.single(f, a, x.alerts.rows[a].incident)
	if at := l.at(own.incident); at >= 0 {
		x.advance(l, at, x.sum(f, l.kept[at], own))
		return
	}
	if x.fades(l, &own) {
		x.hide(l, f, own)
		return
	}
	if others := x.unhide(l, f, own.incident); others.alerts > 0 {
		own = x.sum(f, own, others)
	}
	x.place(l, f, own)
}

// renew takes note of a later sign of life of an alert.
func (x *index) renew(l *postings, f finder, a id) {
	own := x.single(f, a, x.alerts.rows[a].incident)
	own.alerts, own.notable = 0, 0 // is counted already
	if at := l.at(own.incident); at >= 0 {
		x.advance(l, at, x.sum(f, l.kept[at], own))
		return
	}
	own = x.sum(f, own, x.unhide(l, f, own.incident))
	x.place(l, f, own)
}

// fades says that a posting is too old to be kept.
func (x *index) fades(l *postings, p *posting) bool {
	n := len(l.kept)
	return l.hidden > 0 && (n == 0 || !x.newer(p, &l.kept[n-1]))
}

// strike takes an alert out that has left an incident. Where it spoke for the
// incident, another does from now on.
func (x *index) strike(l *postings, f finder, a, from id) {
	at := l.at(from)
	if at < 0 {
		x.strikeHidden(l, f, a, from)
		return
	}
	p := x.without(f, l.kept[at], a)
	if p.alerts > 0 && p.last == l.kept[at].last {
		l.kept[at] = p
		return
	}
	l.kept = slices.Delete(l.kept, at, at+1)
	if p.alerts > 0 {
		x.place(l, f, p)
	}
	x.replenish(l, f)
}

// without is the posting of an incident that an alert has left.
func (x *index) without(f finder, p posting, a id) posting {
	rec := &x.alerts.rows[a]
	if p.alerts > 1 && (p.peer == a || p.last == f.last(rec)) {
		return x.gathered(f, p.incident)
	}
	p.alerts--
	p.notable -= rec.notable()
	return p
}

// unite makes one posting of those of two incidents, before the alerts of one
// become the other's. Replenish must follow.
func (x *index) unite(l *postings, f finder, into, from id) {
	atFrom, atInto := l.at(from), l.at(into)
	if atFrom < 0 && atInto < 0 && !x.incidents.rows[into].crowded {
		return // together they are no newer
	}
	if atFrom >= 0 && atInto > atFrom {
		atInto-- // moves up when the other is taken
	}
	p, q := x.take(l, f, from, atFrom), x.take(l, f, into, atInto)
	p.incident, q.incident = into, into
	switch {
	case p.alerts == 0:
		p = q
	case q.alerts > 0:
		p = x.sum(f, p, q)
	}
	if p.alerts > 0 {
		x.place(l, f, p)
	}
}

// take takes the posting of an incident out, from its place or, where that is
// negative, from the hidden ones; it has no alerts where the incident is not found.
func (x *index) take(l *postings, f finder, incident id, at int) posting {
	if at >= 0 {
		p := l.kept[at]
		l.kept = slices.Delete(l.kept, at, at+1)
		return p
	}
	return x.unhide(l, f, incident)
}

// replenish looks through all incidents for hidden ones when too few are kept.
// As up to twice the limit are kept then, it is not soon needed again.
func (x *index) replenish(l *postings, f finder) {
	if len(l.kept) >= x.limit || l.hidden == 0 {
		return
	}
	for _, p := range l.kept {
		x.hide(l, f, p)
	}
	all := *l
	*l = postings{kept: l.kept[:0]}
	for i := range x.incidents.rows {
		if p := x.unhide(&all, f, id(i)); p.alerts > 0 {
			x.place(l, f, p)
		}
	}
}
