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

// posting says that an incident has an entity, and names the alert that
// speaks for it there: the most vigorous. The newest come first.
type posting struct {
	incident, peer id
	asset          id     // of the peer
	notable        int32  // alerts of the incident with the entity that are not routine
	last           uint32 // newest sign of life
}

// frequency is how often a rule fires, anywhere or on one asset.
type frequency struct {
	minutes int64 // of activity
	alerts  int32
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
