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
}

// New makes an engine that knows nothing yet. The policy is thought to be valid.
func New(p Policy) *Engine {
	e := &Engine{
		index: newIndex(), policy: p,
		window: int64(p.Window / time.Second), proximateWindow: int64(p.ProximateWindow / time.Second),
	}
	e.speaks = [2]float32{float32(p.RoutineBits), rare}
	return e
}

// Restore takes over an alert whose membership is already written: the
// incident, the links, Routine and Surprise of the decision. Nothing is decided.
// The order does not matter.
func (e *Engine) Restore(a model.Alert, d Decision) {
	if _, known := e.alertIDs[a.Name]; known || d.Incident == "" {
		return
	}
	i := e.learn(&a)
	rec := &e.alerts[i]
	rec.routine, rec.surprise = d.Routine, float32(d.Surprise)
	if len(d.Links) > 0 {
		rec.link = link{reason: d.Links[0].Reason, peer: d.Links[0].Peer, entity: none, bits: float32(d.Links[0].Weight)}
		if entity, ok := e.entityIDs[d.Links[0].Entity]; ok && slices.Contains(rec.entities, entity) {
			rec.link.entity = entity
		}
	}
	e.enter(i, e.incidentID(e.Resolve(d.Incident)), e.policy.HubIncidents)
}

// Observe takes over until when and how often a known alert has occurred by
// now, so that base rates are learned over events and not only over alerts.
// Told twice, it counts once.
func (e *Engine) Observe(alertName string, last time.Time, occurrences int64) {
	i, ok := e.alertIDs[alertName]
	if !ok {
		return
	}
	rec := &e.alerts[i]
	if now := activity(rec.first, max(rec.last, seconds(last)), occurrences); now > rec.active {
		e.countActivity(rec.rule, rec.asset, int64(now-rec.active))
		rec.active = now
	}
	if at := seconds(last); at > rec.last {
		rec.last = at
		e.touch(i, e.policy.HubIncidents)
	}
}

// Forget drops an alert that was deleted or archived.
func (e *Engine) Forget(alertName string) {
	i, ok := e.alertIDs[alertName]
	if !ok {
		return
	}
	e.leave(i, e.policy.HubIncidents)
	rec := &e.alerts[i]
	e.countActivity(rec.rule, rec.asset, -int64(rec.active))
	e.countBegin(rec.first, -1)
	for _, entity := range rec.entities {
		e.releaseEntity(entity)
	}
	e.releaseEntity(rec.asset)
	delete(e.alertIDs, alertName)
	*rec = alert{}
	e.free.alerts = append(e.free.alerts, i)
}

// learn takes an alert's facts into the tables; it is in no incident yet.
func (e *Engine) learn(a *model.Alert) id {
	i := take(&e.alerts, &e.free.alerts)
	rec := &e.alerts[i]
	*rec = alert{name: a.Name, incident: none, first: seconds(a.First), alone: a.CorrelationDisabled, low: -1, high: -1}
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
	r := rule{a.Service, a.Detection, a.Rule}
	known, ok := e.ruleIDs[r]
	if !ok {
		known = id(len(e.ruleActive))
		e.ruleIDs[r], e.ruleActive = known, append(e.ruleActive, 0)
	}
	rec.rule = known
	asset := assetOf(a)
	rec.asset = e.entityID(asset, e.policy.weight(asset))
	e.learnEntities(rec, a.Entities)
	rec.techniques = techniquesOf(a)
	e.countActivity(rec.rule, rec.asset, int64(rec.active))
	e.countBegin(rec.first, 1)
	e.alertIDs[a.Name] = i
	return i
}

// learnEntities keeps the entities that can join, at most MaxEntities, the
// weightiest, and the asset, by which routine is kept together.
func (e *Engine) learnEntities(rec *alert, entities []model.Entity) {
	type weighed struct {
		model.Entity
		weight int
	}
	var few [16]weighed
	worth := few[:0]
	for _, ent := range entities {
		if w := e.policy.weight(ent.Key); w > 0 {
			worth = append(worth, weighed{ent, w})
		}
	}
	slices.SortFunc(worth, func(a, b weighed) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), a.Compare(b.Key), cmp.Compare(a.Role, b.Role))
	})
	worth = slices.CompactFunc(worth, func(a, b weighed) bool { return a.Key == b.Key })
	worth = worth[:min(len(worth), e.policy.MaxEntities)]
	rec.entities = make([]id, len(worth), len(worth)+1)
	for i, ent := range worth {
		rec.entities[i] = e.entityID(ent.Key, ent.weight)
	}
	if !slices.Contains(rec.entities, rec.asset) && len(worth) < 64 {
		e.entities[rec.asset].users++
		rec.entities = append(rec.entities, rec.asset)
	}
	slices.Sort(rec.entities)
	for _, ent := range worth {
		if attacker(ent.Role) {
			at, _ := slices.BinarySearch(rec.entities, e.entityIDs[ent.Key])
			rec.attackers |= 1 << at
		}
	}
}

// attacker says whether a role names who did it.
func attacker(r model.Role) bool {
	return r == model.RoleAttacker || r == model.RoleCommandAndControl
}
