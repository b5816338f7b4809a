package correlation

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// alert is what is remembered of an alert. Tables hold a million of them: no
// field is wider than it has to be.
type alert struct {
	link          link
	attackers     uint64 // which of the entities are the attacker's
	marks         uint32 // where the entities that may join are listed, sorted, and after them the techniques
	entities      uint8  // how many
	techniques    uint8
	incident      id
	rule, onAsset id
	asset         id
	first, last   uint32 // Unix seconds
	active        int32  // minutes in which it can have occurred
	surprise      float32
	low, high     int8 // tactics reached, by order; -1 is none
	routine       bool // nothing but what its asset does anyway
	alone         bool // opted out of correlation
}

// link is the edge that joined the alert: one edge of the incident's spanning tree.
type link struct {
	peer   string
	entity id
	bits   float32
	reason linkReason
}

// incident is a set of alerts.
type incident struct {
	members []id
	facts   *IncidentFacts // nil until people said something
	mark    int32          // scratch of who looks at candidates: a place or a count; else 0
	notable int32          // members that are not routine; an incident without takes only routine
	opened  uint32         // when its first alert began
	crowded bool           // what is hidden of it is on the shelf
}

// entity is anything that alerts can share.
type entity struct {
	postings  postings
	users     int32 // alerts that refer to it
	alerts    int32 // alerts that may join by it
	weight    int8
	scope     bool // where assets live: that two assets live in one place says nothing
	namespace bool
	provided  bool // an incident that the sender made
}

// frequency is how often a rule fires, anywhere or on one asset.
type frequency struct {
	minutes int64 // of activity
	alerts  int32
}

// rule is a detector's rule.
type rule struct{ service, detection, name string }

// onAsset is a rule on an asset, by their ids.
type onAsset struct{ rule, asset id }

// index is everything the engine remembers, found by what alerts share.
// What it holds is a function of the alerts and their memberships, not of the
// order in which they came.
type index struct {
	alerts    table[string, alert]
	incidents table[string, incident]
	entities  table[model.Key, entity]
	rules     table[rule, frequency]
	onAssets  table[onAsset, frequency]
	marks     lists           // of alerts: their entities and techniques
	hours     map[int64]int32 // alerts that began within an hour
	days      map[int64]int32 // the same by days
	start     int64           // the first of the hours
	recent    [2]postings     // the incidents that grew last by more than routine, and by what is rare
	speaks    [2]float32      // the surprise from which on an alert is notable, and rare
	shelf     map[shelved]posting
	quiet     quiet
	limit     int  // of postings that are looked at
	gathering []id // scratch of adopt
}

// entitiesOf are the entities by which an alert may join.
func (x *index) entitiesOf(a *alert) []id { return x.marks.at(a.marks, int(a.entities)) }

// techniquesOf are the techniques that an alert shows. They tie nothing together.
func (x *index) techniquesOf(a *alert) []id {
	return x.marks.at(a.marks+uint32(a.entities), int(a.techniques))
}

// marksOf are both.
func (x *index) marksOf(a *alert) []id { return x.marks.at(a.marks, int(a.entities)+int(a.techniques)) }

// incidentID finds the incident of that name, or makes it.
func (x *index) incidentID(name string) id {
	if i, ok := x.incidents.find(name); ok {
		return i
	}
	return x.incidents.add(name)
}

// entityID finds the entity, or makes it, and counts a user.
func (x *index) entityID(key model.Key, weight int) id {
	i, ok := x.entities.find(key)
	if !ok {
		i = x.entities.add(key)
		x.entities.rows[i] = entity{weight: int8(weight), scope: isScope(key.Kind), namespace: key.Kind == model.KindNamespace, provided: key.Kind == kindProviderIncident}
	}
	x.entities.rows[i].users++
	return i
}

func (x *index) releaseEntity(i id) {
	if x.entities.rows[i].users--; x.entities.rows[i].users == 0 {
		x.entities.remove(i)
	}
}

// isScope says that a kind of entity is where assets live.
func isScope(kind model.EntityKind) bool {
	return kind == model.KindNode || kind == model.KindNamespace || kind == model.KindCluster
}

// enlist counts an alert and its activity for a key, in a table of frequencies.
func enlist[K comparable](t *table[K, frequency], key K, minutes int32) id {
	i, ok := t.find(key)
	if !ok {
		i = t.add(key)
	}
	t.rows[i].alerts++
	t.rows[i].minutes += int64(minutes)
	return i
}

// delist takes an alert and its activity out again.
func delist[K comparable](t *table[K, frequency], i id, minutes int32) {
	t.rows[i].minutes -= int64(minutes)
	if t.rows[i].alerts--; t.rows[i].alerts == 0 {
		t.remove(i)
	}
}

// countBegin adds alerts to an hour and a day; the first hour with an alert is when watching began.
func (x *index) countBegin(at int64, n int32) {
	count(x.days, at/day, n)
	h := at / hour
	count(x.hours, h, n)
	switch {
	case n > 0 && (len(x.hours) == 1 || h*hour < x.start):
		x.start = h * hour
	case n < 0 && h*hour == x.start && x.hours[h] == 0:
		first := true
		for other := range x.hours {
			if first || other*hour < x.start {
				x.start, first = other*hour, false
			}
		}
	}
}

func count(times map[int64]int32, at int64, n int32) {
	if times[at] += n; times[at] == 0 {
		delete(times, at)
	}
}

// watched is for how long alerts had been seen by then. Days without any do not
// count: one alert with a clock that is years off would make everything
// since look rare.
func (x *index) watched(at int64) int64 {
	return max(min(at-x.start, int64(len(x.days))*day), 0)
}

// leave takes an alert out of its incident.
func (x *index) leave(a id) {
	rec := &x.alerts.rows[a]
	from := rec.incident
	rec.incident = none
	inc := &x.incidents.rows[from]
	inc.members = slices.DeleteFunc(inc.members, func(m id) bool { return m == a })
	x.unpost(a, from)
	inc.notable -= rec.notable()
	if rec.first == inc.opened && len(inc.members) > 0 {
		inc.opened = x.alerts.rows[inc.members[0]].first
		for _, m := range inc.members {
			inc.opened = min(inc.opened, x.alerts.rows[m].first)
		}
	}
	x.dropEmpty(from)
}

// dropEmpty forgets an incident that has no alerts, and of which nobody said anything.
func (x *index) dropEmpty(i id) {
	if inc := &x.incidents.rows[i]; len(inc.members) == 0 && inc.facts == nil {
		x.incidents.remove(i)
	}
}

// enter puts an alert into an incident.
func (x *index) enter(a, into id) {
	rec, inc := &x.alerts.rows[a], &x.incidents.rows[into]
	rec.incident = into
	x.post(a)
	inc.members = append(inc.members, a)
	inc.notable += rec.notable()
	if len(inc.members) == 1 || rec.first < inc.opened {
		inc.opened = rec.first
	}
	if len(inc.members) > crowd {
		x.crowded(into)
	}
}

// post lets an alert be found.
func (x *index) post(a id) {
	rec := &x.alerts.rows[a]
	if rec.alone {
		return
	}
	for _, e := range x.marksOf(rec) {
		ent := &x.entities.rows[e]
		ent.alerts++
		x.enroll(&ent.postings, finder{entity: e}, a)
	}
	for i, least := range x.speaks { // what is not surprising by itself says nothing about other assets
		if rec.surprise >= least {
			x.enroll(&x.recent[i], finder{none, least}, a)
		}
	}
	if rec.routine {
		x.hush(a)
	}
}

// touch takes note of a further occurrence of an alert.
func (x *index) touch(a id) {
	rec := &x.alerts.rows[a]
	if rec.alone || rec.incident == none {
		return
	}
	for _, e := range x.marksOf(rec) {
		x.renew(&x.entities.rows[e].postings, finder{entity: e}, a)
	}
}

// unpost lets an alert that has left its incident be found no more.
func (x *index) unpost(a, from id) {
	rec := &x.alerts.rows[a]
	if rec.alone {
		return
	}
	for _, e := range x.marksOf(rec) {
		ent := &x.entities.rows[e]
		ent.alerts--
		x.strike(&ent.postings, finder{entity: e}, a, from)
	}
	for i, least := range x.speaks {
		if rec.surprise >= least {
			x.strike(&x.recent[i], finder{none, least}, a, from)
		}
	}
	if rec.routine {
		x.unhush(a)
	}
}

// adopt moves all alerts of an incident into another.
func (x *index) adopt(into, from id) {
	source, target := &x.incidents.rows[from], &x.incidents.rows[into]
	if source.crowded || len(source.members)+len(target.members) > crowd {
		x.crowded(into)
		x.crowded(from)
	}
	marks := x.gathering[:0]
	for _, m := range source.members {
		if rec := &x.alerts.rows[m]; !rec.alone {
			marks = append(marks, x.marksOf(rec)...)
		}
	}
	x.gathering = marks
	slices.Sort(marks)
	marks = slices.Compact(marks)
	for _, e := range marks {
		x.unite(&x.entities.rows[e].postings, finder{entity: e}, into, from)
	}
	for i, least := range x.speaks {
		x.unite(&x.recent[i], finder{none, least}, into, from)
	}
	if len(target.members) == 0 || len(source.members) > 0 && source.opened < target.opened {
		target.opened = source.opened
	}
	target.members = append(target.members, source.members...)
	target.notable += source.notable
	for _, m := range source.members {
		x.alerts.rows[m].incident = into
	}
	source.members, source.notable, source.crowded = nil, 0, false
	for _, e := range marks {
		x.replenish(&x.entities.rows[e].postings, finder{entity: e})
	}
	for i, least := range x.speaks {
		x.replenish(&x.recent[i], finder{none, least})
	}
}

// seconds are Unix seconds, from 1970 to 2106: a hostile time is one of the two.
func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// assetRanks are the kinds by which an alert's base rate is learned: what lives
// long and runs one thing comes first.
var assetRanks = [...]model.EntityKind{
	model.KindWorkload, model.KindDevice, model.KindCloudResource, model.KindMailbox, model.KindPod,
	model.KindServiceAccount, model.KindUser, model.KindContainer, model.KindNode, model.KindNamespace,
}

// assetOf is the asset that an alert's base rate is learned on.
func assetOf(a *model.Alert) model.Key {
	var best model.Key
	bestRank := 0
	for i := range a.Entities {
		ent := &a.Entities[i]
		rank := 1 + slices.Index(assetRanks[:], ent.Kind)
		if rank == 0 {
			rank = 100
		}
		if ent.Category != model.CategoryAsset {
			rank += 1000
		}
		if bestRank == 0 || cmp.Or(cmp.Compare(rank, bestRank), ent.Key.Compare(best)) < 0 {
			best, bestRank = ent.Key, rank
		}
	}
	return best
}
