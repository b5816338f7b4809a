package correlation

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// maxSimilar bounds the list of similar incidents: a person reads no more.
const maxSimilar = 5

// resembles names an incident as similar, unless it is named already or
// enough are. What is strongest is to be said first. The words make the message.
func (e *Engine) resembles(d *Decision, incident id, reason string, words ...string) {
	if len(d.Similar) == maxSimilar || slices.Contains(e.similar[:len(d.Similar)], incident) {
		return
	}
	if d.Similar == nil {
		d.Similar = make([]Similar, 0, maxSimilar)
	}
	e.similar[len(d.Similar)] = incident
	d.Similar = append(d.Similar, Similar{e.incidents.keys[incident], reason, cut(strings.Join(words, ""))})
}

// maxMessage is how long a message can be, in bytes. It quotes names from alerts.
const maxMessage = 512

// cut shortens a message, and spoils no character.
func cut(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	end := maxMessage - len("…")
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}

// resemblance is an incident that a new one resembles, by an entity or by techniques.
type resemblance struct {
	incident id
	strength float64 // in bits, or in techniques
	last     uint32  // newest sign of life
	entity   id
}

// resemble names the incidents that the one resembles which the subject
// opens: those over the threshold that take no alerts are named already, now
// those that share a telling entity, then those with the same techniques.
// Only the newest incidents of each entity and technique are looked at.
func (e *Engine) resemble(s *subject, d *Decision) {
	if s.routine || len(d.Similar) == maxSimilar { // what happens all the time resembles everything
		return
	}
	entity, message := none, ""
	for _, r := range e.sameEntities(s) {
		if r.entity != entity {
			entity, message = r.entity, "shares "+e.entities.keys[r.entity].String()
		}
		e.resembles(d, r.incident, SimilarEntities, message)
	}
	if len(d.Similar) == maxSimilar {
		return
	}
	for _, r := range e.sameTechniques(s) {
		e.resembles(d, r.incident, SimilarTechniques, "same techniques ", e.shared(s.alert, r.incident))
	}
}

// sameEntities are the incidents that share a telling entity with the subject:
// to meet it elsewhere within an hour is less likely than what counts as routine.
func (e *Engine) sameEntities(s *subject) []resemblance {
	found := e.resembling[:0]
	telling := max(float64(e.policy.RoutineBits), 1)
	for _, entity := range s.entities {
		ent := &e.entities.rows[entity]
		if float64(ent.weight) < telling || ent.scope && entity != s.asset {
			continue
		}
		newest := e.newest(&ent.postings)
		for i := range newest {
			p := &newest[i]
			elsewhere := e.rate(int64(ent.alerts-p.notable), s.at) * hour
			if p.notable == 0 || mostBits(elsewhere) < telling {
				continue
			}
			if strength := min(float64(ent.weight), bits(elsewhere)); strength >= telling {
				found = e.strongest(found, resemblance{p.incident, strength, p.last, entity})
			}
		}
	}
	return found
}

// sameTechniques are the incidents with at least two of the subject's
// techniques, and at least half of them.
func (e *Engine) sameTechniques(s *subject) []resemblance {
	found := e.resembling[:0]
	techniques := e.techniquesOf(s.alert)
	needed := max(2, (len(techniques)+1)/2)
	for first := 0; first+needed <= len(techniques); first++ {
		for _, p := range e.newest(&e.entities.rows[techniques[first]].postings) {
			if p.notable == 0 {
				continue
			}
			n := 1
			for _, other := range techniques[first+1:] {
				if e.has(p.incident, other) {
					n++
				}
			}
			if n >= needed {
				found = e.strongest(found, resemblance{p.incident, float64(n), p.last, none})
			}
		}
	}
	return found
}

// has says whether an incident is among the newest with an entity or a technique.
func (e *Engine) has(incident, entity id) bool {
	return slices.ContainsFunc(e.newest(&e.entities.rows[entity].postings), func(p posting) bool { return p.incident == incident })
}

// strongest keeps the few strongest resemblances, one for each incident.
func (e *Engine) strongest(found []resemblance, r resemblance) []resemblance {
	if at := slices.IndexFunc(found, func(f resemblance) bool { return f.incident == r.incident }); at >= 0 {
		if !e.stronger(r, found[at]) {
			return found
		}
		found = slices.Delete(found, at, at+1)
	}
	at := len(found)
	for at > 0 && e.stronger(r, found[at-1]) {
		at--
	}
	if at == maxSimilar {
		return found
	}
	found = slices.Insert(found, at, r)
	return found[:min(len(found), maxSimilar)]
}

// stronger orders resemblances; of equal ones the newer comes first.
func (e *Engine) stronger(a, b resemblance) bool {
	switch {
	case a.strength != b.strength:
		return a.strength > b.strength
	case a.last != b.last:
		return a.last > b.last
	case a.incident != b.incident:
		return e.incidents.keys[a.incident] < e.incidents.keys[b.incident]
	}
	return a.entity != b.entity && e.entities.keys[a.entity].Compare(e.entities.keys[b.entity]) < 0
}

// shared are the techniques that an incident has as well, in words.
func (e *Engine) shared(a *alert, incident id) string {
	var names []string
	for _, t := range e.techniquesOf(a) {
		if e.has(incident, t) {
			names = append(names, e.entities.keys[t].Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// kindTechnique lets techniques be found like entities. It is no kind of the
// model, so that no alert can name an entity like one.
const kindTechnique model.EntityKind = "technique"

// maxTechniques bounds the techniques that are kept of an alert; real ones
// have one to four.
const maxTechniques = 8
