package correlation

import (
	"cmp"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// id is a place in one of the engine's tables. Tables are slices of plain
// values, so that a million open alerts cost little to hold and to collect.
type id = int32

const none id = -1

// alert is what is remembered of an alert.
type alert struct {
	name        string
	entities    []id        // those that may join, sorted
	techniques  []technique // sorted
	incident    id
	rule, asset id
	first, last int64 // Unix seconds
	active      int32 // minutes in which it can have occurred
	surprise    float32
	low, high   int8   // tactics reached, by order; -1 is none
	routine     bool   // nothing but what its asset does anyway
	alone       bool   // opted out of correlation
	attackers   uint64 // which of the entities are the attacker's
	link        link
}

// link is the edge that joined the alert: one edge of the incident's spanning tree.
type link struct {
	reason string
	peer   string
	entity id
	bits   float32
}

// incident is a set of alerts.
type incident struct {
	name    string
	members []id
	facts   *IncidentFacts // nil until people said something
	mark    int32          // scratch of who looks at candidates: a place or a count; else 0
	opened  int64          // when its first alert began
	notable int32          // members that are not routine; an incident without takes only routine
}

// entity is anything that alerts can share.
type entity struct {
	key      model.Key
	weight   int8
	users    int32 // alerts that refer to it
	alerts   int32 // alerts that may join by it
	postings []posting
}

// posting says that an incident has an entity, and names the alert that
// speaks for it there: the most vigorous. The newest come first.
type posting struct {
	incident, peer id
	asset          id    // of the peer
	notable        int32 // alerts of the incident with the entity that are not routine
	last           int64 // newest sign of life
	vigour         float64
}

// vigour lets one alert of an incident speak for an entity: the newer, and the
// more surprising. A bit of surprise is worth ten minutes: about the pause
// between the steps of an attack. Routine speaks only where nothing else does.
func (a *alert) vigour() float64 {
	if a.routine {
		return float64(a.last) - 1e12
	}
	return float64(a.last)/(10*60) + float64(a.surprise)
}

// rule is a detector's rule.
type rule struct{ service, detection, name string }

// onAsset is a rule on an asset, by their ids.
type onAsset struct{ rule, asset id }

// index is everything the engine remembers, found by what alerts share.
// What it holds is a function of the alerts and their memberships, not of the
// order in which they came.
type index struct {
	alertIDs    map[string]id
	alerts      []alert
	incidentIDs map[string]id
	incidents   []incident
	entityIDs   map[model.Key]id
	entities    []entity
	ruleIDs     map[rule]id
	ruleActive  []int64           // minutes of activity by rule
	active      map[onAsset]int64 // the same by rule on an asset
	hours       map[int64]int32   // alerts that began within an hour
	start       int64             // the first of these hours
	recent      [2][]posting      // the incidents that grew last by more than routine, and by what is rare, newest first
	speaks      [2]float32        // the surprise from which on an alert is notable, and rare
	techniques  map[technique][]posting
	quiet       []id // the newest routine alerts, newest first
	free        struct{ alerts, incidents, entities []id }
}

func newIndex() index {
	return index{
		alertIDs: map[string]id{}, incidentIDs: map[string]id{}, entityIDs: map[model.Key]id{},
		ruleIDs: map[rule]id{}, active: map[onAsset]int64{}, hours: map[int64]int32{}, techniques: map[technique][]posting{},
	}
}

// take finds a free place in a table, or makes one.
func take[T any](table *[]T, free *[]id) id {
	if n := len(*free); n > 0 {
		place := (*free)[n-1]
		*free = (*free)[:n-1]
		return place
	}
	var zero T
	*table = append(*table, zero)
	return id(len(*table) - 1)
}

// incidentID finds the incident of that name, or makes it.
func (x *index) incidentID(name string) id {
	if i, ok := x.incidentIDs[name]; ok {
		return i
	}
	i := take(&x.incidents, &x.free.incidents)
	x.incidents[i] = incident{name: name}
	x.incidentIDs[name] = i
	return i
}

// entityID finds the entity, or makes it, and counts a user.
func (x *index) entityID(key model.Key, weight int) id {
	i, ok := x.entityIDs[key]
	if !ok {
		i = take(&x.entities, &x.free.entities)
		x.entities[i] = entity{key: key, weight: int8(weight)}
		x.entityIDs[key] = i
	}
	x.entities[i].users++
	return i
}

func (x *index) releaseEntity(i id) {
	ent := &x.entities[i]
	if ent.users--; ent.users == 0 {
		delete(x.entityIDs, ent.key)
		*ent = entity{}
		x.free.entities = append(x.free.entities, i)
	}
}

// countActivity adds minutes of activity to the base rates of a rule.
func (x *index) countActivity(r, asset id, minutes int64) {
	x.ruleActive[r] += minutes
	key := onAsset{r, asset}
	if x.active[key] += minutes; x.active[key] == 0 {
		delete(x.active, key)
	}
}

// countBegin adds alerts to an hour; the first hour with an alert is when watching began.
func (x *index) countBegin(at int64, n int32) {
	h := at / hour
	if x.hours[h] += n; x.hours[h] == 0 {
		delete(x.hours, h)
	}
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

// post lets an alert stand for its entities in its incident.
func (x *index) post(a id, limit int) {
	rec := &x.alerts[a]
	if rec.alone {
		return
	}
	p := posting{incident: rec.incident, peer: a, asset: rec.asset, notable: rec.notable(), last: rec.last, vigour: rec.vigour()}
	for _, e := range rec.entities {
		x.entities[e].alerts++
		x.entities[e].postings = x.insert(x.entities[e].postings, p, limit)
	}
	for _, t := range rec.techniques {
		x.techniques[t] = x.insert(x.techniques[t], p, limit)
	}
	p.last, p.vigour = rec.first, float64(rec.first)
	for i, least := range x.speaks { // what is not surprising by itself says nothing about other assets
		if rec.surprise >= least {
			x.recent[i] = x.insert(x.recent[i], p, limit)
		}
	}
	if rec.routine {
		x.hush(a, limit)
	}
}

// touch renews an alert's postings after a further occurrence.
func (x *index) touch(a id, limit int) {
	rec := &x.alerts[a]
	if rec.alone || rec.incident == none {
		return
	}
	p := posting{incident: rec.incident, peer: a, asset: rec.asset, last: rec.last, vigour: rec.vigour()}
	for _, e := range rec.entities {
		x.entities[e].postings = x.insert(x.entities[e].postings, p, limit)
	}
	for _, t := range rec.techniques {
		x.techniques[t] = x.insert(x.techniques[t], p, limit)
	}
}

// insert puts a posting into a list, which keeps the newest up to a limit.
func (x *index) insert(list []posting, p posting, limit int) []posting {
	at := slices.IndexFunc(list, func(old posting) bool { return old.incident == p.incident })
	switch {
	case at >= 0:
		old := list[at]
		p.notable += old.notable
		p.last = max(p.last, old.last)
		if old.vigour > p.vigour || old.vigour == p.vigour && x.alerts[old.peer].name <= x.alerts[p.peer].name {
			p.vigour, p.peer, p.asset = old.vigour, old.peer, old.asset
		}
	case len(list) < limit:
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
	return a.last > b.last || a.last == b.last && x.incidents[a.incident].name < x.incidents[b.incident].name
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
func (x *index) hush(a id, limit int) {
	rec := &x.alerts[a]
	at, _ := slices.BinarySearchFunc(x.quiet, rec, func(b id, rec *alert) int {
		return cmp.Or(cmp.Compare(rec.first, x.alerts[b].first), cmp.Compare(x.alerts[b].name, rec.name))
	})
	if at < limit {
		x.quiet = slices.Insert(x.quiet, at, a)
		x.quiet = x.quiet[:min(len(x.quiet), limit)]
	}
}

// unpost takes an alert that has left its incident out of the lists.
func (x *index) unpost(a, from id, limit int) {
	rec := &x.alerts[a]
	if rec.alone {
		return
	}
	for _, e := range rec.entities {
		ent := &x.entities[e]
		ent.alerts--
		ent.postings = x.remove(ent.postings, a, from, limit, func(m *alert) (int64, float64, bool) {
			_, has := slices.BinarySearch(m.entities, e)
			return m.last, m.vigour(), has
		})
	}
	for _, t := range rec.techniques {
		list := x.remove(x.techniques[t], a, from, limit, func(m *alert) (int64, float64, bool) {
			return m.last, m.vigour(), slices.Contains(m.techniques, t)
		})
		if x.techniques[t] = list; len(list) == 0 {
			delete(x.techniques, t)
		}
	}
	for i, least := range x.speaks {
		x.recent[i] = x.remove(x.recent[i], a, from, limit, func(m *alert) (int64, float64, bool) {
			return m.first, float64(m.first), m.surprise >= least
		})
	}
}

// remove takes an alert out of its incident's posting; where it spoke for the
// incident, another member does from now on.
func (x *index) remove(list []posting, a, from id, limit int, stands func(*alert) (int64, float64, bool)) []posting {
	at := slices.IndexFunc(list, func(p posting) bool { return p.incident == from })
	last, _, stood := stands(&x.alerts[a])
	if at < 0 || !stood {
		return list
	}
	if list[at].peer != a && list[at].last != last {
		list[at].notable -= x.alerts[a].notable()
		return list
	}
	list = slices.Delete(list, at, at+1)
	for _, m := range x.incidents[from].members {
		if m == a || x.alerts[m].alone {
			continue
		}
		if last, v, has := stands(&x.alerts[m]); has {
			list = x.insert(list, posting{incident: from, peer: m, asset: x.alerts[m].asset, notable: x.alerts[m].notable(), last: last, vigour: v}, limit)
		}
	}
	return list
}

// leave takes an alert out of its incident.
func (x *index) leave(a id, limit int) {
	from := x.alerts[a].incident
	x.unpost(a, from, limit)
	if x.alerts[a].routine {
		x.quiet = slices.DeleteFunc(x.quiet, func(b id) bool { return b == a })
	}
	inc := &x.incidents[from]
	inc.members = slices.DeleteFunc(inc.members, func(m id) bool { return m == a })
	inc.notable -= x.alerts[a].notable()
	if x.alerts[a].first == inc.opened && len(inc.members) > 0 {
		inc.opened = x.alerts[inc.members[0]].first
		for _, m := range inc.members {
			inc.opened = min(inc.opened, x.alerts[m].first)
		}
	}
	if len(inc.members) == 0 && inc.facts == nil {
		delete(x.incidentIDs, inc.name)
		*inc = incident{}
		x.free.incidents = append(x.free.incidents, from)
	}
	x.alerts[a].incident = none
}

// enter puts an alert into an incident.
func (x *index) enter(a, into id, limit int) {
	x.alerts[a].incident = into
	inc := &x.incidents[into]
	inc.members = append(inc.members, a)
	inc.notable += x.alerts[a].notable()
	if first := x.alerts[a].first; len(inc.members) == 1 || first < inc.opened {
		inc.opened = first
	}
	x.post(a, limit)
}

// seconds are Unix seconds within what a calendar can mean: hostile times
// must not overflow.
func seconds(t time.Time) int64 {
	return min(max(t.Unix(), 0), 1<<38)
}

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
