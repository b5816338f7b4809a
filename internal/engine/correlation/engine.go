package correlation

import (
	"cmp"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Engine correlates the alerts of one tenant. It is not safe for concurrent use.
type Engine struct {
	index
	policy                  Policy
	window, proximateWindow int64
	scratch                 []candidate
	weighed                 []weighed                   // scratch of worth
	tied                    []Link                      // scratch of links
	resembling              [maxSimilar + 1]resemblance // scratch of resemble
	similar                 [maxSimilar]id              // the incidents in Similar of the decision that is being made
}

// New makes an engine that knows nothing yet. The policy is thought to be valid.
func New(p Policy) *Engine {
	e := &Engine{
		index:  index{hours: map[int64]int32{}, days: map[int64]int32{}, shelf: map[shelved]posting{}, limit: p.HubIncidents},
		policy: p,
		window: int64(p.Window / time.Second), proximateWindow: int64(p.ProximateWindow / time.Second),
	}
	e.speaks = [2]float32{float32(p.RoutineBits), rare}
	return e
}

// Restore takes over an alert whose membership is already written: the
// incident, the links, Routine and Surprise of the decision. Nothing is decided.
// The order does not matter.
func (e *Engine) Restore(a model.Alert, d Decision) {
	if _, known := e.alerts.find(a.Name); known || d.Incident == "" {
		return
	}
	i := e.learn(&a)
	rec := &e.alerts.rows[i]
	rec.routine, rec.surprise = d.Routine, float32(d.Surprise)
	if len(d.Links) > 0 {
		e.setLink(rec, d.Links[0])
	}
	e.enter(i, e.incidentID(e.Resolve(d.Incident)))
}

// Observe takes over until when and how often a known alert has occurred by
// now, so that base rates are learned over events and not only over alerts.
// Told twice, it counts once.
func (e *Engine) Observe(alertName string, last time.Time, occurrences int64) {
	i, ok := e.alerts.find(alertName)
	if !ok {
		return
	}
	rec := &e.alerts.rows[i]
	if now := activity(rec.first, max(rec.last, seconds(last)), occurrences); now > rec.active {
		e.rules.rows[rec.rule].minutes += int64(now - rec.active)
		e.onAssets.rows[rec.onAsset].minutes += int64(now - rec.active)
		rec.active = now
	}
	if at := seconds(last); at > rec.last {
		rec.last = at
		e.touch(i)
	}
}

// Forget drops an alert that was deleted or archived.
func (e *Engine) Forget(alertName string) {
	i, ok := e.alerts.find(alertName)
	if !ok {
		return
	}
	e.leave(i)
	rec := &e.alerts.rows[i]
	delist(&e.rules, rec.rule, rec.active)
	delist(&e.onAssets, rec.onAsset, rec.active)
	e.countBegin(int64(rec.first), -1)
	for _, entity := range e.marksOf(rec) {
		e.releaseEntity(entity)
	}
	e.releaseEntity(rec.asset)
	e.marks.remove(rec.marks, int(rec.entities)+int(rec.techniques))
	e.alerts.remove(i)
}

// learn takes an alert's facts into the tables; it is in no incident yet.
func (e *Engine) learn(a *model.Alert) id {
	i := e.alerts.add(a.Name)
	rec := &e.alerts.rows[i]
	*rec = alert{incident: none, first: seconds(a.First), alone: a.CorrelationDisabled, low: -1, high: -1, link: link{entity: none}}
	rec.last = max(rec.first, seconds(a.Last))
	rec.active = activity(rec.first, rec.last, a.Occurrences)
	for _, t := range a.Tactics {
		if order := int8(t.Order()); order >= 0 {
			if rec.low < 0 || order < rec.low {
				rec.low = order
			}
			rec.high = max(rec.high, order)
		}
	}
	asset := assetOf(a)
	rec.asset = e.entityID(asset, e.policy.weight(asset))
	rec.rule = enlist(&e.rules, rule{a.Service, a.Detection, a.Rule}, rec.active)
	rec.onAsset = enlist(&e.onAssets, onAsset{rec.rule, rec.asset}, rec.active)
	e.learnMarks(rec, a)
	e.countBegin(int64(rec.first), 1)
	return i
}

// learnMarks keeps what the alert can share: the entities that can join, at most
// MaxEntities, the weightiest; the asset, by which routine is kept together;
// and the techniques.
func (e *Engine) learnMarks(rec *alert, a *model.Alert) {
	worth := e.worth(rec, a)
	var few [16]id
	marks := few[:0]
	for i := range worth {
		ent := &worth[i]
		if ent.place == none {
			ent.place = e.entityID(ent.Key, ent.weight)
		} else {
			e.entities.rows[ent.place].users++
		}
		marks = append(marks, ent.place)
	}
	if !slices.Contains(marks, rec.asset) && len(worth) < 64 {
		e.entities.rows[rec.asset].users++
		marks = append(marks, rec.asset)
	}
	slices.Sort(marks)
	for i := range worth {
		if attacker(worth[i].Role) {
			at, _ := slices.BinarySearch(marks, worth[i].place)
			rec.attackers |= 1 << at
		}
	}
	rec.entities = uint8(len(marks))
	for _, t := range a.Techniques[:min(len(a.Techniques), maxTechniques)] {
		marks = e.markTechnique(marks, int(rec.entities), t)
	}
	rec.techniques = uint8(len(marks)) - rec.entities
	rec.marks = e.marks.add(marks)
}

// markTechnique adds a technique to an alert's marks, once.
func (e *Engine) markTechnique(marks []id, from int, name string) []id {
	t := e.entityID(model.Key{Kind: kindTechnique, Name: name}, 0)
	if slices.Contains(marks[from:], t) {
		e.releaseEntity(t)
		return marks
	}
	return append(marks, t)
}

// weighed is an entity with the most bits that sharing it can be worth.
type weighed struct {
	model.Entity
	weight int
	place  id // none where it is not looked up yet
}

// worth are the entities that can join, each once, the weightiest first.
func (e *Engine) worth(rec *alert, a *model.Alert) []weighed {
	worth := e.weighed[:0]
	asset := e.entities.keys[rec.asset]
	for i := range a.Entities {
		ent := &a.Entities[i]
		w := e.policy.weight(ent.Key)
		if w <= 0 {
			continue
		}
		place := none
		if ent.Key == asset {
			place = rec.asset
		}
		worth = append(worth, weighed{*ent, w, place})
	}
	if key, ok := providerIncident(a); ok {
		worth = append(worth, weighed{model.Entity{Key: key}, e.policy.MergeBits, none})
	}
	slices.SortFunc(worth, func(a, b weighed) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), a.Compare(b.Key), cmp.Compare(a.Role, b.Role))
	})
	e.weighed = worth[:0]
	worth = slices.CompactFunc(worth, func(a, b weighed) bool { return a.Key == b.Key })
	return worth[:min(len(worth), e.policy.MaxEntities)]
}

// setLink remembers the edge that joined an alert.
func (e *Engine) setLink(rec *alert, l Link) {
	rec.link = link{reason: linkReasonOf(l.Reason), peer: l.Peer, entity: none, bits: float32(l.Weight)}
	if entity, ok := e.entities.find(l.Entity); ok && l.Entity.Name != "" && (slices.Contains(e.entitiesOf(rec), entity) || entity == rec.asset) {
		rec.link.entity = entity
	}
}

// attacker says whether a role names who did it.
func attacker(r model.Role) bool {
	return r == model.RoleAttacker || r == model.RoleCommandAndControl
}
