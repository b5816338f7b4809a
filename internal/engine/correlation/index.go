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
}

// entity is anything that alerts can share.
type entity struct {
	postings  []posting
	users     int32 // alerts that refer to it
	alerts    int32 // alerts that may join by it
	weight    int8
	scope     bool // where assets live: that two assets live in one place says nothing
	namespace bool
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
	recent    [2][]posting    // the incidents that grew last by more than routine, and by what is rare, newest first
	speaks    [2]float32      // the surprise from which on an alert is notable, and rare
	quiet     []id            // the newest routine alerts, newest first
	limit     int             // of postings in a list
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
		x.entities.rows[i] = entity{weight: int8(weight), scope: isScope(key.Kind), namespace: key.Kind == model.KindNamespace}
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

// hush remembers the newest routine alerts: what looks like routine may turn out to
// be the beginning of something.
func (x *index) hush(a id) {
	at, _ := slices.BinarySearchFunc(x.quiet, a, func(b, a id) int {
		return cmp.Or(cmp.Compare(x.alerts.rows[a].first, x.alerts.rows[b].first), cmp.Compare(x.alerts.keys[b], x.alerts.keys[a]))
	})
	if at < x.limit {
		x.quiet = slices.Insert(x.quiet, at, a)
		x.quiet = x.quiet[:min(len(x.quiet), x.limit)]
	}
}

// leave takes an alert out of its incident.
func (x *index) leave(a id) {
	rec := &x.alerts.rows[a]
	from := rec.incident
	x.unpost(a, from)
	if rec.routine {
		x.quiet = slices.DeleteFunc(x.quiet, func(b id) bool { return b == a })
	}
	inc := &x.incidents.rows[from]
	inc.members = slices.DeleteFunc(inc.members, func(m id) bool { return m == a })
	inc.notable -= rec.notable()
	if rec.first == inc.opened && len(inc.members) > 0 {
		inc.opened = x.alerts.rows[inc.members[0]].first
		for _, m := range inc.members {
			inc.opened = min(inc.opened, x.alerts.rows[m].first)
		}
	}
	if len(inc.members) == 0 && inc.facts == nil {
		x.incidents.remove(from)
	}
	rec.incident = none
}

// enter puts an alert into an incident.
func (x *index) enter(a, into id) {
	rec, inc := &x.alerts.rows[a], &x.incidents.rows[into]
	rec.incident = into
	inc.members = append(inc.members, a)
	inc.notable += rec.notable()
	if len(inc.members) == 1 || rec.first < inc.opened {
		inc.opened = rec.first
	}
	x.post(a)
}

// adopt moves all alerts of an incident into another.
func (x *index) adopt(into, from id) {
	source, target := &x.incidents.rows[from], &x.incidents.rows[into]
	if len(target.members) == 0 || len(source.members) > 0 && source.opened < target.opened {
		target.opened = source.opened
	}
	target.members = append(target.members, source.members...)
	target.notable += source.notable
	for _, m := range source.members {
		rec := &x.alerts.rows[m]
		rec.incident = into
		for _, e := range x.marksOf(rec) {
			x.entities.rows[e].postings = x.unite(x.entities.rows[e].postings, into, from, member)
		}
	}
	for i := range x.recent {
		x.recent[i] = x.unite(x.recent[i], into, from, newcomer)
	}
	source.members, source.notable = nil, 0
}

// seconds are Unix seconds, from 1970 to 2106: a hostile time is one of the two.
func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// assetRank orders the kinds by which an alert's base rate is learned: what lives
// long and runs one thing comes first.
var assetRank = map[model.EntityKind]int{
	model.KindWorkload: 1, model.KindDevice: 2, model.KindCloudResource: 3, model.KindMailbox: 4, model.KindPod: 5,
	model.KindServiceAccount: 6, model.KindUser: 7, model.KindContainer: 8, model.KindNode: 9, model.KindNamespace: 10,
}

// assetOf is the asset that an alert's base rate is learned on.
func assetOf(a *model.Alert) model.Key {
	var best model.Key
	bestRank := 0
	for _, ent := range a.Entities {
		rank := assetRank[ent.Kind]
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
