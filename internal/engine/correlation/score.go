package correlation

import (
	"cmp"
	"math"
	"slices"
)

// subject is the alert being decided.
type subject struct {
	*alert
	name     string
	entities []id
	at       int64
	onAsset  float64 // rate of its rule on its asset
	anywhere float64 // rate of its rule on any asset
}

// candidate is an incident that the subject may belong to, with the strongest edge.
type candidate struct {
	incident, entity, peer id
	bits                   float64
	timing                 float64 // how much of it is the coincidence in time
}

// candidates are the incidents over the threshold that share an entity with
// the subject, the best first. Only postings that can still reach it are looked
// at, so the cost does not grow with the number of open incidents.
func (e *Engine) candidates(s *subject) []candidate {
	found := e.scratch[:0]
	for _, entity := range s.entities {
		ent := &e.entities.rows[entity]
		if ent.weight == 0 {
			continue // an asset that says nothing, or none at all: only routine is kept by it
		}
		elsewhere := ent.scope && entity != s.asset
		newest := e.newest(&ent.postings)
		for i := range newest {
			p := &newest[i]
			if p.notable == 0 || elsewhere && p.asset != entity {
				continue
			}
			hope, older := e.hope(s, ent, p)
			if !hope && older {
				break // the rest is older still
			}
			if !hope {
				continue
			}
			b, timing := e.evidence(s, entity, p)
			if b == 0 {
				continue
			}
			inc := &e.incidents.rows[p.incident]
			if inc.mark == 0 {
				found = append(found, candidate{incident: p.incident})
				inc.mark = int32(len(found))
			}
			if c := &found[inc.mark-1]; b > c.bits || b == c.bits && e.entities.keys[entity].Compare(e.entities.keys[c.entity]) < 0 {
				c.bits, c.timing, c.entity, c.peer = b, timing, entity, p.peer
			}
		}
	}
	for _, c := range found {
		e.incidents.rows[c.incident].mark = 0
	}
	e.scratch = found
	found = slices.DeleteFunc(found, func(c candidate) bool { return c.bits < float64(e.policy.JoinBits) })
	slices.SortFunc(found, e.better)
	return found
}

// hope says whether the evidence can still reach the threshold, by what the
// posting alone tells, and if not, whether nothing older can.
func (e *Engine) hope(s *subject, ent *entity, p *posting) (hope, older bool) {
	if ent.provided {
		return ent.alerts < maxProvided, true
	}
	last, weight := int64(p.last), float64(ent.weight)
	if last > s.at {
		return true, false
	}
	span := within(s.at, last) // what the newest sign of life allows at most
	if lacks := e.policy.JoinBits - int(ent.weight); lacks > 0 && s.onAsset*span > math.Ldexp(1, -lacks) {
		return false, true
	}
	timing := mostBits(s.onAsset * span)
	if p.asset != s.asset {
		timing = min(timing, 2*weight)
	}
	return min(weight, mostBits(e.rate(int64(ent.alerts-p.notable), s.at)*span))+timing+1 >= float64(e.policy.JoinBits), false
}

func (e *Engine) better(a, b candidate) int {
	if a.bits != b.bits {
		return cmp.Compare(b.bits, a.bits)
	}
	return cmp.Compare(e.incidents.keys[a.incident], e.incidents.keys[b.incident])
}

// evidence is how much speaks against chance when the subject shares an
// entity with an incident, in bits:
//
//   - how rarely the entity turns up elsewhere, within an hour, at most its weight;
//   - how rarely either alert's rule fires on its asset, the commoner decides;
//     between two assets at most twice the entity's weight;
//   - one bit more for a step forward along the tactics.
//
// What the sender put into one incident needs no such reckoning.
func (e *Engine) evidence(s *subject, entity id, p *posting) (total, timing float64) {
	ent, peer := &e.entities.rows[entity], &e.alerts.rows[p.peer]
	first, last := int64(peer.first), int64(peer.last)
	if peer.routine || apart(s.at, last) > e.window || ent.scope && entity != s.asset && entity != peer.asset {
		return 0, 0
	}
	if ent.provided {
		return ent.says(), 0
	}
	weight := float64(ent.weight)
	if asset := &e.entities.rows[s.asset]; peer.asset == s.asset && ent.alerts >= max(asset.alerts, known) {
		weight = min(weight, float64(asset.weight)) // another name of the asset: says no more than the asset
	}
	span := within(s.at, last)
	if s.at >= first && s.at <= last {
		span = lag // while the peer goes on
	}
	shared := min(weight, bits(e.rate(int64(ent.alerts-p.notable), s.at)*span))
	timing = bits(max(s.onAsset, e.rateOf(peer, s.at)) * span) // the commoner decides
	if s.routine && max(shared, timing) < float64(e.policy.JoinBits) {
		return 0, 0 // half a reason of two kinds makes none for what happens all the time
	}
	total = shared + timing
	if peer.asset != s.asset {
		total = shared + min(timing, 2*weight) // time does not make a weak tie between two assets strong
	}
	if shared > 0 && peer.high >= 0 && s.low > peer.high {
		total++
	}
	return round(total), timing
}

// rateOf is how often a peer's rule fires on its asset, but for the peer itself.
func (e *Engine) rateOf(peer *alert, at int64) float64 {
	return e.rate(e.onAssets.rows[peer.onAsset].minutes-int64(peer.active), at)
}

// rateAnywhere is how often an alert's rule fires on any asset, but for the alert itself.
func (e *Engine) rateAnywhere(a *alert, at int64) float64 {
	return e.rate(e.rules.rows[a.rule].minutes-int64(a.active), at)
}

// proximate is the incident that grew last within the proximate window, if
// the coincidence is too great: the rules of both alerts fire that rarely
// anywhere. Until a day was watched, too little is known of chance.
func (e *Engine) proximate(s *subject, except id) (best candidate, found bool) {
	if e.watched(s.at) < shortest || bits(s.anywhere*lag) < float64(e.policy.JoinBits) {
		return best, false // not even at this very moment
	}
	for which := range e.recent {
		newest := e.newest(&e.recent[which])
		for i := range newest {
			p := &newest[i]
			last := int64(p.last)
			if s.at-last > e.proximateWindow {
				break // the rest is older still
			}
			peer, inc := &e.alerts.rows[p.peer], &e.incidents.rows[p.incident]
			if last-s.at > e.proximateWindow || p.incident == except || inc.resolved() || len(inc.members) >= e.policy.MaxAlerts ||
				peer.surprise < rare && !s.routine && !e.fresh(p.incident, s.at) {
				continue
			}
			b := round(bits(max(s.anywhere, e.rateAnywhere(peer, s.at)) * within(s.at, last)))
			c := candidate{incident: p.incident, entity: none, peer: p.peer, bits: b, timing: b}
			if b >= float64(e.policy.JoinBits) && (!found || e.better(c, best) < 0) && !e.elsewhere(s.entities, peer) && !e.otherAttacker(s, inc) {
				best, found = c, true
			}
		}
	}
	return best, found
}

// elsewhere says that both name a namespace, and not the same: time alone joins
// within one place only.
func (e *Engine) elsewhere(entities []id, peer *alert) bool {
	named := false
	for _, entity := range e.entitiesOf(peer) {
		if !e.entities.rows[entity].namespace {
			continue
		}
		if slices.Contains(entities, entity) {
			return false
		}
		named = true
	}
	return named && slices.ContainsFunc(entities, func(entity id) bool { return e.entities.rows[entity].namespace })
}

// otherAttacker says that both the subject and the incident name an attacker,
// and not the same: two intrusions at the same time.
func (e *Engine) otherAttacker(s *subject, inc *incident) bool {
	if s.attackers == 0 {
		return false
	}
	named := false
	for _, m := range inc.members {
		peer := &e.alerts.rows[m]
		for i, entity := range e.entitiesOf(peer) {
			if peer.attackers>>i&1 == 0 {
				continue
			}
			named = true
			if at, has := slices.BinarySearch(s.entities, entity); has && s.attackers>>at&1 == 1 {
				return false
			}
		}
	}
	return named
}
