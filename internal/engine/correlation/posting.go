package correlation

import "slices"

// posting says that an incident has an entity, and names the alert that
// speaks for it there: the most vigorous. The newest come first.
type posting struct {
	incident, peer id
	asset          id     // of the peer
	notable        int32  // alerts of the incident with the entity that are not routine
	last           uint32 // newest sign of life
}

// role is what an alert says in a list of postings: when it gave its last sign
// of life, and how much it has to say compared with others of its incident.
type role func(*alert) (last uint32, vigour float64)

// member lets one alert of an incident speak for an entity: the newer, and the
// more surprising. A bit of surprise is worth ten minutes: about the pause
// between the steps of an attack. Routine speaks only where nothing else does.
func member(a *alert) (uint32, float64) {
	if a.routine {
		return a.last, float64(a.last) - 1e12
	}
	return a.last, float64(a.last)/(10*60) + float64(a.surprise)
}

// newcomer lets the alert that began last speak for its incident.
func newcomer(a *alert) (uint32, float64) { return a.first, float64(a.first) }

// post lets an alert stand for its entities and techniques in its incident.
func (x *index) post(a id) {
	rec := &x.alerts.rows[a]
	if rec.alone {
		return
	}
	p := posting{incident: rec.incident, peer: a, asset: rec.asset, notable: rec.notable()}
	for _, e := range x.marksOf(rec) {
		x.entities.rows[e].alerts++
	}
	x.renew(p)
	for i, least := range x.speaks { // what is not surprising by itself says nothing about other assets
		if rec.surprise >= least {
			x.recent[i] = x.insert(x.recent[i], p, newcomer)
		}
	}
	if rec.routine {
		x.hush(a)
	}
}

// touch renews an alert's postings after a further occurrence.
func (x *index) touch(a id) {
	if rec := &x.alerts.rows[a]; !rec.alone && rec.incident != none {
		x.renew(posting{incident: rec.incident, peer: a, asset: rec.asset})
	}
}

// renew puts a posting into the lists of all that its peer can share.
func (x *index) renew(p posting) {
	rec := &x.alerts.rows[p.peer]
	for _, e := range x.marksOf(rec) {
		x.entities.rows[e].postings = x.insert(x.entities.rows[e].postings, p, member)
	}
}

// insert puts a posting into a list, which keeps the newest up to a limit.
func (x *index) insert(list []posting, p posting, as role) []posting {
	last, vigour := as(&x.alerts.rows[p.peer])
	p.last = max(p.last, last)
	at := slices.IndexFunc(list, func(old posting) bool { return old.incident == p.incident })
	switch {
	case at >= 0:
		old := list[at]
		p.notable += old.notable
		p.last = max(p.last, old.last)
		if _, v := as(&x.alerts.rows[old.peer]); v > vigour || v == vigour && x.alerts.keys[old.peer] <= x.alerts.keys[p.peer] {
			p.peer, p.asset = old.peer, old.asset
		}
	case len(list) < x.limit:
		at, list = len(list), append(list, p)
	case x.newer(p, list[len(list)-1]):
		at = len(list) - 1
	default:
		return list
	}
	for ; at > 0 && x.newer(p, list[at-1]); at-- {
		list[at] = list[at-1]
	}
	list[at] = p
	return list
}

// newer orders postings: by last sign of life, then by name.
func (x *index) newer(a, b posting) bool {
	return a.last > b.last || a.last == b.last && x.incidents.keys[a.incident] < x.incidents.keys[b.incident]
}

// notable counts the alert if it is not routine.
func (a *alert) notable() int32 {
	if a.routine {
		return 0
	}
	return 1
}

// unpost takes an alert that has left its incident out of the lists.
func (x *index) unpost(a, from id) {
	rec := &x.alerts.rows[a]
	if rec.alone {
		return
	}
	for _, e := range x.marksOf(rec) {
		ent := &x.entities.rows[e]
		ent.alerts--
		ent.postings = x.remove(ent.postings, a, from, member, func(m *alert) bool { return slices.Contains(x.marksOf(m), e) })
	}
	for i, least := range x.speaks {
		if rec.surprise >= least {
			x.recent[i] = x.remove(x.recent[i], a, from, newcomer, func(m *alert) bool { return m.surprise >= least })
		}
	}
}

// remove takes an alert out of its incident's posting; where it spoke for the
// incident, another member that is listed does from now on.
func (x *index) remove(list []posting, a, from id, as role, listed func(*alert) bool) []posting {
	at := slices.IndexFunc(list, func(p posting) bool { return p.incident == from })
	if at < 0 {
		return list
	}
	if last, _ := as(&x.alerts.rows[a]); list[at].peer != a && list[at].last != last {
		list[at].notable -= x.alerts.rows[a].notable()
		return list
	}
	list = slices.Delete(list, at, at+1)
	for _, m := range x.incidents.rows[from].members {
		if rec := &x.alerts.rows[m]; m != a && !rec.alone && listed(rec) {
			list = x.insert(list, posting{incident: from, peer: m, asset: rec.asset, notable: rec.notable()}, as)
		}
	}
	return list
}

// unite makes one posting of those of two incidents.
func (x *index) unite(list []posting, into, from id, as role) []posting {
	at := slices.IndexFunc(list, func(p posting) bool { return p.incident == from })
	if at < 0 {
		return list
	}
	p := list[at]
	p.incident = into
	return x.insert(slices.Delete(list, at, at+1), p, as)
}
