package correlation

import (
	"slices"
	"strconv"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Assign decides which incident the alert belongs to and records it. Asked
// again, it gives the same incident and link, and no merges.
func (e *Engine) Assign(a model.Alert) Decision {
	if i, known := e.alerts.find(a.Name); known {
		return e.recall(i)
	}
	i := e.learn(&a)
	d, into := e.decide(i)
	e.settle(i, &d, into)
	return d
}

// Recall is where a known alert is now and why; what is written of it may be
// older, after a merge or a move.
func (e *Engine) Recall(alertName string) (Decision, bool) {
	i, known := e.alerts.find(alertName)
	if !known {
		return Decision{}, false
	}
	return e.recall(i), true
}

// recall is the decision that was made of a known alert.
func (e *Engine) recall(i id) Decision {
	rec := &e.alerts.rows[i]
	d := Decision{
		Incident: e.incidents.keys[rec.incident], Routine: rec.routine, Surprise: float64(rec.surprise),
		Reason: ReasonRestored, Message: "already decided",
	}
	if rec.link.reason != 0 {
		d.Links = []Link{e.linkOf(&rec.link)}
	}
	return d
}

// subjectOf looks at an alert that is in no incident, as chance would see
// it: without its own activity.
func (e *Engine) subjectOf(i id) subject {
	rec := &e.alerts.rows[i]
	s := subject{alert: rec, name: e.alerts.keys[i], entities: e.entitiesOf(rec), at: int64(rec.first)}
	before := e.onAssets.rows[rec.onAsset].minutes - int64(rec.active)
	s.onAsset = e.rate(before, s.at)
	s.anywhere = e.rateAnywhere(rec, s.at)
	rec.surprise = float32(round(min(bits(s.onAsset*hour), 32)))
	if before < known { // hardly ever seen: nobody knows yet
		rec.surprise = max(rec.surprise, e.speaks[0])
	}
	rec.routine = rec.surprise < e.speaks[0]
	return s
}

// decide finds the incident for an alert that is in none; none means a new one.
func (e *Engine) decide(i id) (Decision, id) {
	s := e.subjectOf(i)
	d := Decision{Incident: s.name, New: true, Routine: s.routine, Surprise: float64(s.surprise)}
	if s.alone {
		d.Reason, d.Message = ReasonCorrelationDisabled, "correlation is disabled for this alert"
		return d, none
	}
	open := e.open(&s, &d)
	if len(open) == 0 {
		if c, found := e.proximate(&s, none); found {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		if c, found := e.routine(&s); found && s.routine {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		if d.Reason == "" {
			d.Reason, d.Message = ReasonNewIncident, "nothing open is related enough"
		}
		e.resemble(&s, &d)
		return d, none
	}
	best := open[0]
	if best.timing >= float64(e.policy.JoinBits) {
		s.routine, d.Routine = false, false // not so at this moment
	}
	d.New, d.Reason = false, ReasonJoined
	d.Links = e.links(&s, best)
	d.LinkTotal = len(d.Links)
	d.Links = d.Links[:min(len(d.Links), maxLinks)]
	d.Message = describe(d.Links[0])
	if d.Links[0].Reason == LinkRoutine {
		d.Reason = ReasonRoutine
	}
	into := e.unite(&d, open)
	if c, found := e.proximate(&s, into); found && best.entity != none && best.bits > 0 && (e.fresh(into, s.at) || e.fresh(c.incident, s.at)) {
		into = e.join(&d, into, c.incident, MergeProximateTime)
	}
	return d, into
}

// fresh says that an incident began within the proximate window: its first alert may
// have been too common to be joined by time alone, and a later one speaks for it.
func (e *Engine) fresh(i id, at int64) bool {
	opened := int64(e.incidents.rows[i].opened)
	return apart(at, opened) <= e.proximateWindow
}

// settle puts an alert where it was decided to be.
func (e *Engine) settle(i id, d *Decision, into id) {
	if into == none {
		into = e.incidentID(e.Resolve(d.Incident))
	}
	d.Incident = e.incidents.keys[into]
	if at := slices.Index(e.similar[:len(d.Similar)], into); at >= 0 {
		d.Similar = slices.Delete(d.Similar, at, at+1) // has become one with it
	}
	rec := &e.alerts.rows[i]
	rec.link = link{entity: none}
	if len(d.Links) > 0 {
		e.setLink(rec, d.Links[0])
	}
	e.enter(i, into)
	if !rec.alone && (len(d.Links) == 0 || d.Links[0].Reason != LinkManualAssociation) {
		e.recollect(i, d)
	}
}

// recollect takes alerts that were kept as routine a moment ago into the
// incident of an alert that is not, where the coincidence is too great: the
// first steps of an attack often look like what happens every day.
func (e *Engine) recollect(i id, d *Decision) {
	rec := &e.alerts.rows[i]
	at := int64(rec.first)
	if rec.routine || e.watched(at) < shortest {
		return
	}
	anywhere := e.rateAnywhere(rec, at)
	if bits(anywhere*lag) < float64(e.policy.JoinBits) {
		return // not even at this very moment
	}
	for _, q := range slices.Clone(e.quiet.newest(e.limit)) {
		early := &e.alerts.rows[q]
		inc := &e.incidents.rows[rec.incident]
		if at-int64(early.first) > e.proximateWindow {
			break // the rest is older still
		}
		if early.first > rec.first || e.incidents.rows[early.incident].notable > 0 || e.elsewhere(e.entitiesOf(rec), early) || len(inc.members) >= e.policy.MaxAlerts {
			continue
		}
		span := within(at, int64(early.first))
		b := round(min(bits(anywhere*span), bits(e.rateAnywhere(early, at)*span)))
		if b < float64(e.policy.JoinBits) {
			continue
		}
		from := e.incidents.keys[early.incident]
		e.leave(q)
		early.routine = false
		e.setLink(early, Link{Reason: LinkProximateTime, Peer: e.alerts.keys[i], Weight: b})
		e.enter(q, rec.incident)
		d.Moves = append(d.Moves, Move{Alert: e.alerts.keys[q], From: from, To: e.incidents.keys[rec.incident], Link: e.linkOf(&early.link)})
	}
}

// open are the candidates over the threshold that take alerts. What does not is named as similar.
func (e *Engine) open(s *subject, d *Decision) []candidate {
	all := e.candidates(s)
	kept := all[:0]
	for _, c := range all {
		inc, name, key := &e.incidents.rows[c.incident], e.incidents.keys[c.incident], e.entities.keys[c.entity]
		switch {
		case inc.resolved():
			e.resembles(d, c.incident, SimilarResolved, "shares ", string(key.Kind), "/", key.Name, ", and is resolved")
		case len(inc.members) >= e.policy.MaxAlerts:
			if len(kept) == 0 && d.Reason == "" {
				d.Reason, d.Message = ReasonContinuation, "continues "+name+", which is full"
			}
			e.resembles(d, c.incident, SimilarContinues, "shares ", string(key.Kind), "/", key.Name, ", and is full")
		default:
			kept = append(kept, c)
		}
	}
	return kept
}

// routine is the incident in which the routine of the subject's asset is kept.
func (e *Engine) routine(s *subject) (candidate, bool) {
	for _, p := range e.newest(&e.entities.rows[s.asset].postings) {
		inc := &e.incidents.rows[p.incident]
		if inc.notable == 0 && !inc.resolved() && len(inc.members) < e.policy.MaxAlerts && apart(s.at, int64(p.last)) <= e.window {
			return candidate{incident: p.incident, entity: s.asset, peer: p.peer}, true
		}
	}
	return candidate{}, false
}

// links are the ties between the subject and the incident, the strongest first.
func (e *Engine) links(s *subject, c candidate) []Link {
	first := Link{Reason: LinkProximateTime, Peer: e.alerts.keys[c.peer], Weight: c.bits}
	if c.entity != none {
		first.Reason, first.Entity = LinkRoutine, e.entities.keys[c.entity]
	}
	if c.entity == none || c.bits == 0 {
		return []Link{first}
	}
	first.Reason = reasonFor(first.Entity.Kind)
	out := append(e.tied[:0], first)
	for _, entity := range s.entities {
		ent := &e.entities.rows[entity]
		if entity == c.entity || ent.weight == 0 {
			continue
		}
		newest := e.newest(&ent.postings)
		for i := range newest {
			if p := &newest[i]; p.incident == c.incident {
				if b, _ := e.evidence(s, entity, p); b > 0 {
					out = append(out, Link{Reason: reasonFor(e.entities.keys[entity].Kind), Entity: e.entities.keys[entity], Peer: e.alerts.keys[p.peer], Weight: b})
				}
				break
			}
		}
	}
	e.tied = out
	sortLinks(out[1:])
	return slices.Clone(out)
}

// maxLinks bounds the links of one alert.
const maxLinks = 8

func (e *Engine) linkOf(l *link) Link {
	out := Link{Reason: linkReasons[l.reason], Peer: l.peer, Weight: round(float64(l.bits))}
	if l.entity != none {
		out.Entity = e.entities.keys[l.entity]
	}
	return out
}

// describe says a link in words. It is asked for every alert: no formatting machinery.
func describe(l Link) string {
	var digits [32]byte
	weight := strconv.AppendFloat(digits[:0], l.Weight, 'f', 1, 64)
	switch l.Reason {
	case LinkProximateTime:
		return "so close in time to alert " + l.Peer + " that chance is unlikely (" + string(weight) + " bits)"
	case LinkRoutine:
		if l.Entity.Name == "" {
			return "routine that names nothing, kept with alert " + l.Peer
		}
		return "routine of " + string(l.Entity.Kind) + "/" + l.Entity.Name + ", kept with alert " + l.Peer
	}
	if l.Reason == LinkSameProviderIncident {
		return "the sender has it in the same incident as alert " + l.Peer + ": " + l.Entity.Name
	}
	return l.Reason + " " + string(l.Entity.Kind) + "/" + l.Entity.Name + " with alert " + l.Peer + " (" + string(weight) + " bits against chance)"
}
