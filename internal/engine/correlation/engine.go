package correlation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Engine correlates the alerts of one tenant. It is not safe for concurrent use.
type Engine struct {
	policy    Policy
	alerts    map[string]*alert
	incidents map[string]*incident
	entities  map[model.Key]map[string]posting
	rates     map[rateKey]int64
	start     time.Time
}

type alert struct {
	entities    []model.Entity
	incident    string
	at, last    time.Time
	rate        rateKey
	active      int64
	surprise    float64
	links       []Link
	tactic      int
	ownIncident bool
}

type incident struct {
	facts   IncidentFacts
	members map[string]struct{}
	first   time.Time
	closed  bool
}

// posting is the newest alert of an incident that has the entity.
type posting struct {
	peer string
	last time.Time
}

type rateKey struct {
	rule  string
	asset model.Key
}

// New makes an engine that knows nothing yet.
func New(p Policy) *Engine {
	return &Engine{
		policy: p, alerts: map[string]*alert{}, incidents: map[string]*incident{},
		entities: map[model.Key]map[string]posting{}, rates: map[rateKey]int64{},
	}
}

// Restore takes over an alert whose membership is already written, with the
// links and the surprise of that decision. Nothing is decided.
func (e *Engine) Restore(a model.Alert, d Decision) {
	if _, known := e.alerts[a.Name]; known || d.Incident == "" {
		return
	}
	e.place(e.learn(a), a, d)
}

// Observe takes over how often and until when a known alert has occurred, so
// that base rates are learned over events and not only over alerts.
func (e *Engine) Observe(alertName string, last time.Time, occurrences int64) {
	rec := e.alerts[alertName]
	if rec == nil {
		return
	}
	if last.After(rec.last) {
		rec.last = last
	}
	e.rates[rec.rate] -= rec.active
	rec.active = activity(rec.at, rec.last, occurrences)
	e.rates[rec.rate] += rec.active
	for _, ent := range rec.entities {
		e.post(ent.Key, rec.incident, alertName, rec.last)
	}
}

// Assign decides which incident the alert belongs to and records it. Asked
// again, it gives the same answer.
func (e *Engine) Assign(a model.Alert) Decision {
	if rec := e.alerts[a.Name]; rec != nil {
		return Decision{
			Incident: e.Resolve(rec.incident), Surprise: rec.surprise, Links: slices.Clone(rec.links),
			Reason: ReasonRestored, Message: "already decided",
		}
	}
	d := e.decide(a)
	e.place(e.learn(a), a, d)
	for _, m := range d.Merges {
		e.merge(m.Source, m.Target)
	}
	return d
}

// SetIncident takes over what people said about an incident.
func (e *Engine) SetIncident(f IncidentFacts) {
	inc := e.incident(f.Name)
	inc.facts = f
	if f.RedirectedTo != "" && e.Resolve(f.RedirectedTo) != f.Name {
		e.merge(f.Name, e.Resolve(f.RedirectedTo))
	}
}

// Forget drops an alert that was deleted or archived.
func (e *Engine) Forget(alertName string) {
	rec := e.alerts[alertName]
	if rec == nil {
		return
	}
	e.displace(alertName, rec)
	delete(e.alerts, alertName)
	if e.rates[rec.rate] -= rec.active; e.rates[rec.rate] <= 0 {
		delete(e.rates, rec.rate)
	}
}

// Move puts a known alert into an incident because a person said so. An empty
// name means an incident of its own.
func (e *Engine) Move(alertName, incidentName string) Decision {
	rec := e.alerts[alertName]
	if rec == nil {
		return Decision{}
	}
	target := e.Resolve(cmp.Or(incidentName, alertName))
	e.displace(alertName, rec)
	rec.links = []Link{{Reason: LinkManualAssociation}}
	e.join(alertName, rec, target)
	return Decision{
		Incident: target, New: len(e.incidents[target].members) == 1, Surprise: rec.surprise,
		Links: slices.Clone(rec.links), Reason: ReasonMoved, Message: "a person put it here",
	}
}

// Reassign decides again for an alert whose entities have changed.
func (e *Engine) Reassign(a model.Alert) Decision {
	rec := e.alerts[a.Name]
	if rec == nil {
		return e.Assign(a)
	}
	alone := len(e.incidents[rec.incident].members) == 1
	was := Decision{Incident: rec.incident, Surprise: rec.surprise, Links: rec.links}
	e.Forget(a.Name)
	d := e.decide(a)
	if !alone && (d.New || was.Incident == d.Incident) { // more is known, nothing speaks against where it is
		d.New, d.Incident, d.Links = false, was.Incident, was.Links
		d.Reason, d.Message = ReasonJoined, "stays where it was"
	}
	e.place(e.learn(a), a, d)
	for _, m := range d.Merges {
		e.merge(m.Source, m.Target)
	}
	return d
}

// Resolve follows redirects to the incident that holds the alerts now.
func (e *Engine) Resolve(name string) string {
	for range len(e.incidents) + 1 {
		inc := e.incidents[name]
		if inc == nil || inc.facts.RedirectedTo == "" {
			return name
		}
		name = inc.facts.RedirectedTo
	}
	return name
}

type candidate struct {
	incident string
	links    []Link
	bits     float64
}

func (e *Engine) decide(a model.Alert) Decision {
	d := Decision{Incident: a.Name, New: true, Surprise: e.surprise(a, e.policy.Window)}
	if a.CorrelationDisabled {
		d.Reason, d.Message = ReasonCorrelationDisabled, "correlation is disabled for this alert"
		return d
	}
	d.Reason, d.Message = ReasonNewIncident, "nothing open is related enough"
	var open []candidate
	for _, c := range e.candidates(a) {
		inc := e.incidents[c.incident]
		switch {
		case c.bits < float64(e.policy.JoinBits):
		case inc.facts.Resolved:
			d.Similar = append(d.Similar, Similar{c.incident, SimilarResolved})
		case len(inc.members) >= e.policy.MaxAlerts:
			d.Similar = append(d.Similar, Similar{c.incident, SimilarContinues})
			d.Reason, d.Message = ReasonContinuation, "continues "+c.incident+", which is full"
		default:
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return d
	}
	best := open[0]
	d.Incident, d.New, d.Links, d.Reason = best.incident, false, best.links, ReasonJoined
	d.Message = fmt.Sprintf("%s with alert %s: %s (%.1f bits)", best.links[0].Reason, best.links[0].Peer, best.links[0].Entity, best.bits)
	for _, other := range open[1:] {
		if !e.policy.Merge || other.bits < float64(e.policy.MergeBits) || best.bits < float64(e.policy.MergeBits) {
			continue
		}
		if !e.compatible(d.Incident, other.incident) {
			d.Similar = append(d.Similar, Similar{other.incident, SimilarMergeRefused})
			continue
		}
		source, target := e.direction(d.Incident, other.incident)
		d.Merges = append(d.Merges, Merge{source, target, MergeSharedEvidence})
		d.Incident = target
	}
	return d
}

// candidates are the incidents that share an entity, the most related first.
func (e *Engine) candidates(a model.Alert) []candidate {
	found := map[string]*candidate{}
	seen := map[model.Key]bool{}
	for _, ent := range a.Entities {
		postings := e.entities[ent.Key]
		if seen[ent.Key] || len(postings) == 0 {
			continue
		}
		seen[ent.Key] = true
		recent := map[string]posting{}
		for name, p := range postings {
			if gap(a.First, p.last) <= e.policy.Window {
				recent[name] = p
			}
		}
		if len(recent) > e.policy.HubIncidents {
			continue
		}
		rarity := math.Log2(float64(max(len(recent), 1)))
		for name, p := range recent {
			bits := float64(e.policy.Weights[ent.Kind]) - rarity
			if bits <= 0 {
				continue
			}
			bits = round(bits + e.surprise(a, gap(a.First, p.last)))
			c := found[name]
			if c == nil {
				c = &candidate{incident: name}
				found[name] = c
			}
			c.bits = max(c.bits, bits)
			c.links = append(c.links, Link{Reason: linkReason(ent), Entity: ent.Key, Peer: p.peer, Weight: bits})
		}
	}
	out := make([]candidate, 0, len(found))
	for _, c := range found {
		slices.SortFunc(c.links, func(a, b Link) int {
			return cmp.Or(-cmp.Compare(a.Weight, b.Weight), a.Entity.Compare(b.Entity))
		})
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b candidate) int {
		return cmp.Or(-cmp.Compare(a.bits, b.bits), cmp.Compare(a.incident, b.incident))
	})
	return out
}

// surprise is how unlikely the alert's rule was to fire on its asset within
// that time by chance, in bits, given how often it did so far.
func (e *Engine) surprise(a model.Alert, within time.Duration) float64 {
	const prior = time.Hour // until an hour was watched, nothing can be called rare
	watched := prior
	if !e.start.IsZero() && a.First.After(e.start) {
		watched += a.First.Sub(e.start)
	}
	rate := (float64(e.rates[rateOf(a)]) + 0.5) / watched.Seconds()
	// Clocks and pipelines lag: nothing is closer than half a minute.
	chance := -math.Expm1(-rate * max(within, 30*time.Second).Seconds())
	return round(min(-math.Log2(chance), 16))
}

func (e *Engine) learn(a model.Alert) *alert {
	rec := &alert{entities: slices.Clone(a.Entities), at: a.First, last: a.First, rate: rateOf(a)}
	if a.Last.After(rec.last) {
		rec.last = a.Last
	}
	rec.active = activity(rec.at, rec.last, a.Occurrences)
	e.rates[rec.rate] += rec.active
	if e.start.IsZero() || a.First.Before(e.start) {
		e.start = a.First
	}
	return rec
}

func (e *Engine) place(rec *alert, a model.Alert, d Decision) {
	rec.surprise, rec.links = d.Surprise, slices.Clone(d.Links)
	rec.ownIncident = a.CorrelationDisabled
	e.alerts[a.Name] = rec
	e.join(a.Name, rec, d.Incident)
}

func (e *Engine) join(name string, rec *alert, incidentName string) {
	rec.incident = incidentName
	inc := e.incident(incidentName)
	inc.members[name] = struct{}{}
	if inc.first.IsZero() || rec.at.Before(inc.first) {
		inc.first = rec.at
	}
	if rec.ownIncident {
		return // not to be found by others
	}
	for _, ent := range rec.entities {
		e.post(ent.Key, incidentName, name, rec.last)
	}
}

func (e *Engine) post(key model.Key, incidentName, name string, last time.Time) {
	if e.entities[key] == nil {
		e.entities[key] = map[string]posting{}
	}
	was, ok := e.entities[key][incidentName]
	if !ok || last.After(was.last) || last.Equal(was.last) && name < was.peer {
		e.entities[key][incidentName] = posting{peer: name, last: last}
	}
}

func (e *Engine) displace(name string, rec *alert) {
	inc := e.incidents[rec.incident]
	delete(inc.members, name)
	for _, ent := range rec.entities {
		delete(e.entities[ent.Key], rec.incident)
		if len(e.entities[ent.Key]) == 0 {
			delete(e.entities, ent.Key)
		}
	}
	for peer := range inc.members {
		for _, ent := range e.alerts[peer].entities {
			e.post(ent.Key, rec.incident, peer, e.alerts[peer].last)
		}
	}
}

func (e *Engine) incident(name string) *incident {
	inc := e.incidents[name]
	if inc == nil {
		inc = &incident{facts: IncidentFacts{Name: name}, members: map[string]struct{}{}}
		e.incidents[name] = inc
	}
	return inc
}

// compatible says whether what people said allows to unite two incidents.
func (e *Engine) compatible(a, b string) bool {
	x, y := e.incident(a), e.incident(b)
	same := func(s, t string) bool { return s == "" || t == "" || s == t }
	return !x.facts.Resolved && !y.facts.Resolved &&
		same(x.facts.AssignedTo, y.facts.AssignedTo) &&
		same(x.facts.Classification, y.facts.Classification) &&
		same(x.facts.Determination, y.facts.Determination) &&
		len(x.members)+len(y.members) < e.policy.MaxAlerts
}

// direction keeps the incident with more human work, then the older one.
func (e *Engine) direction(a, b string) (source, target string) {
	x, y := e.incident(a), e.incident(b)
	if cmp.Or(-cmp.Compare(x.facts.HumanWork, y.facts.HumanWork), x.first.Compare(y.first), cmp.Compare(a, b)) < 0 {
		return b, a
	}
	return a, b
}

func (e *Engine) merge(source, target string) {
	if source == target {
		return
	}
	from := e.incident(source)
	from.facts.RedirectedTo = target
	for _, name := range slices.Sorted(maps.Keys(from.members)) {
		rec := e.alerts[name]
		for _, ent := range rec.entities {
			delete(e.entities[ent.Key], source)
		}
		delete(from.members, name)
		e.join(name, rec, target)
	}
}

func linkReason(ent model.Entity) string {
	switch {
	case ent.Kind == model.KindFile:
		return LinkSameFile
	case ent.Kind == model.KindURL:
		return LinkSameURL
	case ent.Category == model.CategoryAsset:
		return LinkSameAsset
	}
	return LinkSameEvidence
}

// activity is in how many minutes the alert can have occurred: a flood within a minute is
// one fact about how often it floods.
func activity(first, last time.Time, occurrences int64) int64 {
	return max(1, min(occurrences, 1+int64(last.Sub(first)/time.Minute)))
}

// rateOf is what an alert's base rate is learned by: its rule on its asset.
func rateOf(a model.Alert) rateKey {
	key := rateKey{rule: a.Service + "/" + a.Detection + "/" + a.Rule}
	for _, ent := range a.Entities {
		if ent.Category == model.CategoryAsset && (key.asset == model.Key{} || ent.Key.Compare(key.asset) < 0) {
			key.asset = ent.Key
		}
	}
	return key
}

func gap(a, b time.Time) time.Duration { return max(a.Sub(b), b.Sub(a)) }

func round(bits float64) float64 { return math.Round(bits*100) / 100 }

func sortedKinds(m map[model.EntityKind]int) []model.EntityKind { return slices.Sorted(maps.Keys(m)) }
