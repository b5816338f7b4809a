package correlation

import (
	"cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// SetIncident takes over what people said about an incident, and a redirect
// that is written already.
func (e *Engine) SetIncident(f IncidentFacts) {
	i := e.incidentID(f.Name)
	was := e.incidents.rows[i].said().RedirectedTo
	e.incidents.rows[i].facts = &f
	if to := f.RedirectedTo; to == "" || e.leadsTo(to, f.Name) {
		f.RedirectedTo = was // a circle leads nowhere; a merge is not undone by what was said before it
	}
	if f.RedirectedTo != "" {
		to := e.incidentID(e.Resolve(f.RedirectedTo))
		e.redirect(i, to)
		e.dropEmpty(to)
	}
}

// leadsTo says whether following redirects from one incident reaches another.
func (e *Engine) leadsTo(from, name string) bool {
	for range len(e.incidents.rows) + 1 {
		if from == name {
			return true
		}
		i, ok := e.incidents.find(from)
		if !ok || e.incidents.rows[i].said().RedirectedTo == "" {
			return false
		}
		from = e.incidents.rows[i].said().RedirectedTo
	}
	return true
}

// ForgetIncident drops what people said about an incident that was deleted.
func (e *Engine) ForgetIncident(name string) {
	i, ok := e.incidents.find(name)
	if !ok {
		return
	}
	e.incidents.rows[i].facts = nil
	e.dropEmpty(i)
}

// Resolve follows redirects to the incident that holds the alerts now.
func (e *Engine) Resolve(name string) string {
	for range len(e.incidents.rows) + 1 {
		i, ok := e.incidents.find(name)
		if !ok || e.incidents.rows[i].facts == nil || e.incidents.rows[i].facts.RedirectedTo == "" {
			return name
		}
		name = e.incidents.rows[i].facts.RedirectedTo
	}
	return name
}

// CanMerge says why source may not be merged into target, as a constant, or
// nothing if it may. A person's merge obeys the same rules as the engine's.
func (e *Engine) CanMerge(source, target string) string {
	s, known := e.incidents.find(source)
	t, there := e.incidents.find(target)
	switch {
	case !known || !there:
		return RefusedNotFound
	case e.Resolve(target) == e.Resolve(source):
		return RefusedSame
	}
	return e.refusal(s, t)
}

// Why a merge or a move is refused.
const (
	RefusedNotFound       = "IncidentNotFound"
	RefusedSame           = "SameIncident"
	RefusedResolved       = "IncidentResolved"
	RefusedRedirected     = "IncidentRedirected"
	RefusedAssignees      = "AssigneesDiffer"
	RefusedClassification = "ClassificationsDiffer"
	RefusedDetermination  = "DeterminationsDiffer"
	RefusedSize           = "TooManyAlerts"
	RefusedPolicy         = "MergingIsOff"
)

// refusals say in words what keeps two related incidents apart.
var refusals = map[string]string{
	RefusedResolved:       "one of them is resolved",
	RefusedRedirected:     "one of them was merged elsewhere",
	RefusedAssignees:      "they are assigned to different people",
	RefusedClassification: "they are classified differently",
	RefusedDetermination:  "their determinations differ",
	RefusedSize:           "together they would have too many alerts",
	RefusedPolicy:         "the policy does not merge",
}

func (e *Engine) refusal(a, b id) string {
	x, y := e.incidents.rows[a].said(), e.incidents.rows[b].said()
	differ := func(s, t string) bool { return s != "" && t != "" && s != t }
	switch {
	case x.RedirectedTo != "" || y.RedirectedTo != "":
		return RefusedRedirected
	case x.Resolved || y.Resolved:
		return RefusedResolved
	case differ(x.AssignedTo, y.AssignedTo):
		return RefusedAssignees
	case differ(x.Classification, y.Classification):
		return RefusedClassification
	case differ(x.Determination, y.Determination):
		return RefusedDetermination
	case len(e.incidents.rows[a].members)+len(e.incidents.rows[b].members) >= e.policy.MaxAlerts:
		return RefusedSize
	}
	return ""
}

// maxMerges bounds what one alert can unite: four others, as by hand in
// Microsoft Defender XDR.
const maxMerges = 4

// unite merges the candidates that are over the merge threshold, and returns
// the incident that is left.
func (e *Engine) unite(d *Decision, open []candidate) id {
	into := open[0].incident
	if open[0].bits < float64(e.policy.MergeBits) || open[0].entity == none {
		return into
	}
	for _, c := range open[1:] {
		if c.bits < float64(e.policy.MergeBits) || len(d.Merges) == maxMerges {
			break
		}
		into = e.join(d, into, c.incident, MergeSharedEvidence)
	}
	return into
}

// join merges two incidents, if that is allowed, and returns what is left.
func (e *Engine) join(d *Decision, into, other id, reason string) id {
	refused := RefusedPolicy
	if e.policy.Merge {
		refused = e.refusal(into, other)
	}
	if refused != "" {
		e.resembles(d, other, SimilarMergeRefused, "not merged: ", refusals[refused])
		return into
	}
	source, target := into, other
	if e.survives(into, other) {
		source, target = other, into
	}
	d.Merges = append(d.Merges, Merge{e.incidents.keys[source], e.incidents.keys[target], reason})
	e.redirect(source, target)
	return target
}

// survives says whether a rather than b keeps its name: the one with more human work, then the older.
func (e *Engine) survives(a, b id) bool {
	x, y := &e.incidents.rows[a], &e.incidents.rows[b]
	return cmp.Or(
		-cmp.Compare(x.said().HumanWork, y.said().HumanWork),
		cmp.Compare(x.opened, y.opened),
		cmp.Compare(e.incidents.keys[a], e.incidents.keys[b])) < 0
}

// redirect moves all alerts of an incident into another.
func (e *Engine) redirect(source, target id) {
	if source == target {
		return
	}
	from := &e.incidents.rows[source]
	if from.facts == nil {
		from.facts = &IncidentFacts{Name: e.incidents.keys[source]}
	}
	from.facts.RedirectedTo = e.incidents.keys[target]
	e.adopt(target, source)
}

// Move puts a known alert into an incident because a person said so; an empty
// name means an incident of its own. Refused says why not, as a constant.
func (e *Engine) Move(alertName, incidentName string) (d Decision, refused string) {
	i, ok := e.alerts.find(alertName)
	if !ok {
		return d, RefusedNotFound
	}
	target := e.Resolve(cmp.Or(incidentName, alertName))
	into, known := e.incidents.find(target)
	switch {
	case known && e.alerts.rows[i].incident == into:
		return e.recall(i), ""
	case !known && incidentName != "" && incidentName != alertName:
		return d, RefusedNotFound
	case known && e.incidents.rows[into].resolved():
		return d, RefusedResolved
	case known && len(e.incidents.rows[into].members) >= e.policy.MaxAlerts:
		return d, RefusedSize
	}
	e.leave(i)
	rec := &e.alerts.rows[i]
	d = Decision{
		New: !known, Routine: rec.routine, Surprise: float64(rec.surprise),
		Incident: target, Links: []Link{{Reason: LinkManualAssociation}},
		Reason: ReasonMoved, Message: "a person put it here",
	}
	e.settle(i, &d, none)
	return d, ""
}

// Reassign decides again for an alert whose entities have changed. It stays
// where it is as long as that is not clearly wrong; it can unite its incident with others.
func (e *Engine) Reassign(a model.Alert) Decision {
	i, ok := e.alerts.find(a.Name)
	if !ok {
		return e.Assign(a)
	}
	before := e.alerts.rows[i]
	was, old := e.incidents.keys[before.incident], e.recall(i)
	opener := was == a.Name
	others := len(e.incidents.rows[before.incident].members) - 1
	if linkReasons[before.link.reason] == LinkManualAssociation || before.alone {
		e.Forget(a.Name)
		e.Restore(a, old)
		return old
	}
	if e.incidents.rows[before.incident].facts == nil {
		e.incidents.rows[before.incident].facts = &IncidentFacts{Name: was} // outlives its last alert
	}
	e.Forget(a.Name)
	i = e.learn(&a)
	d, into := e.decide(i)
	home := e.incidentID(was)
	moves := !opener && len(d.Links) > 0 && d.Links[0].Weight >= float64(e.policy.MergeBits)
	switch {
	case into == home || e.Resolve(was) != was: // still the best, or united with it
		d.New = false
	case into != none && opener && (others == 0 || d.Links[0].Weight >= float64(e.policy.MergeBits)) &&
		e.policy.Merge && len(d.Merges) < maxMerges && e.refusal(home, into) == "":
		into = e.join(&d, into, home, MergeSharedEvidence)
	case into != none && moves:
	default:
		old.Merges, old.Similar = d.Merges, d.Similar
		d, into = old, home
	}
	e.settle(i, &d, into)
	return d
}
