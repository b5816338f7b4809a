package replay

import (
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/alertname"
)

// Policies say how events become alerts, and alerts incidents.
type Policies struct {
	Dedup       dedup.Policy
	Correlation correlation.Policy
	// OptOuts are the alerts that are kept out of the incidents of others.
	OptOuts *match.Set
	// Tuning are the tuning rules. What a cluster judges by the time of receipt is
	// judged by that of the event.
	Tuning *tuning.Set
}

// DefaultPolicies are what holds where nothing else is said.
func DefaultPolicies() Policies {
	return Policies{Dedup: dedup.DefaultPolicy(), Correlation: correlation.DefaultPolicy()}
}

// Run correlates the events of one tenant, in the order in which they come. It
// holds the alerts, not the events.
type Run struct {
	policies Policies
	engine   *correlation.Engine
	windows  map[string]*window
	// limits and limiters are those of each source.
	limits   map[string]rollup.Limits
	limiters map[string]*rollup.Limiter
	alerts   []alert
	byName   map[string]int
	// redirects are the merges, in order.
	redirects []correlation.Merge
	// failed are the tuning rules that failed; taken is how many events came, newest
	// the latest of their times.
	failed map[string]failure
	taken  int
	newest time.Time
}

// window is the open window of a fingerprint.
type window struct {
	state dedup.State
	alert int
}

// alert is an alert as far as the run has come.
type alert struct {
	model.Alert
	decision correlation.Decision
	ended    bool
	rollsUp  bool
	// tuning is what tuning rules made of it, detected the severity before.
	tuning   tuning.Decision
	detected model.Severity
}

func (a alert) hidden() bool { return a.tuning.Action == tuning.Hide }

// New returns a run that has seen nothing. The policies are thought to be valid.
func New(p Policies) *Run {
	return &Run{
		policies: p, engine: correlation.New(p.Correlation),
		windows: map[string]*window{}, byName: map[string]int{},
		limits: map[string]rollup.Limits{}, limiters: map[string]*rollup.Limiter{},
		failed: map[string]failure{},
	}
}

// Limit sets beyond which numbers the alerts of a source are rolled up; the
// defaults hold without.
func (r *Run) Limit(source string, limits rollup.Limits) { r.limits[source] = limits }

// RollsUp says that an alert rolls up others.
func (r *Run) RollsUp(number int) bool { return r.alerts[number].rollsUp }

// HiddenBy names the tuning rule that hides an alert, if one does.
func (r *Run) HiddenBy(number int) string {
	if a := &r.alerts[number]; a.hidden() {
		return a.tuning.Rule
	}
	return ""
}

// level says what an event is rolled up into. In a cluster the time is that of
// receipt, here that of the event.
func (r *Run) level(event model.Alert) rollup.Level {
	limits, given := r.limits[event.Source]
	if !given {
		limits = rollup.DefaultLimits()
	}
	if r.limiters[event.Source] == nil {
		r.limiters[event.Source] = rollup.NewLimiter()
	}
	return r.limiters[event.Source].Decide(limits, rollup.SignalOf(event, event.Last, event.Last))
}

// Take places one event that is an alert. It returns the number of its alert,
// counted from 0, and whether the event opened it.
func (r *Run) Take(event model.Alert) (number int, opened bool) {
	level, at := r.level(event), event.Last
	r.taken++
	if at.After(r.newest) {
		r.newest = at
	}
	event = rollup.Fold(event, level, event.Last)
	w := r.windows[event.Fingerprint]
	predecessor := ""
	if w == nil {
		w = &window{}
		r.windows[event.Fingerprint] = w
	} else {
		predecessor = r.alerts[w.alert].Name
	}
	if w.state, opened = r.observe(w, event, at); opened {
		w.alert = r.open(event, predecessor, at)
		r.alerts[w.alert].rollsUp = level != rollup.Single
	} else {
		r.repeat(w, event.Last)
	}
	return w.alert, opened
}

// observe counts an event in its window. Where a tuning rule acted on the open
// alert, one that it does not mean opens another.
func (r *Run) observe(w *window, event model.Alert, at time.Time) (dedup.State, bool) {
	if !w.state.Opened.IsZero() {
		open := &r.alerts[w.alert]
		covers, err := r.policies.Tuning.Covers(open.tuning, event, at)
		r.fail(err)
		if !covers {
			next, _ := r.policies.Dedup.Reveal(w.state, event.Last, 1)
			return next, true
		}
	}
	next, opened, _ := r.policies.Dedup.Observe(w.state, event.Last, 1)
	return next, opened
}

// End places the notice that a signal is over, which is no alert itself.
func (r *Run) End(notice model.Alert) {
	w := r.windows[notice.Fingerprint]
	if w == nil {
		return
	}
	a := &r.alerts[w.alert]
	if state, ended := w.state.End(a.First, notice.Last); ended {
		w.state, a.ended = state, true
	}
}

// repeat counts an event in the alert that is open.
func (r *Run) repeat(w *window, last time.Time) {
	a := &r.alerts[w.alert]
	a.Occurrences = w.state.Count
	if last.After(a.Last) {
		a.Last = last
	}
	if !a.hidden() {
		r.engine.Observe(a.Name, a.Last, a.Occurrences)
	}
}

// open makes a new alert and puts it into an incident, unless it is hidden.
func (r *Run) open(event model.Alert, predecessor string, at time.Time) int {
	a := alert{Alert: event, detected: event.Severity}
	for a.Name = predecessor; ; {
		a.Name = alertname.Next(event.Rule, event.Fingerprint, a.Name)
		if _, taken := r.byName[a.Name]; !taken {
			break
		}
	}
	a.Occurrences = 1
	if _, out, _ := r.policies.OptOuts.Find(a.Alert); out {
		a.CorrelationDisabled = true
	}
	var err error
	a.tuning, err = r.policies.Tuning.Decide(a.Alert, at)
	r.fail(err)
	a.Severity = a.tuning.Severity
	if !a.hidden() {
		r.assign(&a)
	}
	r.byName[a.Name] = len(r.alerts)
	r.alerts = append(r.alerts, a)
	return len(r.alerts) - 1
}

// assign puts a new alert into an incident.
func (r *Run) assign(a *alert) {
	a.decision = r.engine.Assign(a.Alert)
	for _, move := range a.decision.Moves {
		moved := &r.alerts[r.byName[move.Alert]]
		moved.decision.Incident, moved.decision.Links = move.To, []correlation.Link{move.Link}
		moved.decision.Routine = false
	}
	r.redirects = append(r.redirects, a.decision.Merges...)
}

// Placed is where an alert is at this point.
type Placed struct {
	Alert    model.Alert
	Incident string
	// Links say why, the strongest first; the first alert of an incident has none.
	Links []correlation.Link
	// Reason is a constant, Message is for people: how it came there at first.
	Reason, Message string
	// Ended says that its sender regards the signal as over.
	Ended bool
	// Tuning is what tuning rules made of it; one that is hidden is in no incident.
	Tuning tuning.Decision
	// DetectedSeverity is the severity that the detector gave.
	DetectedSeverity model.Severity
}

// Hidden says that a tuning rule keeps the alert out of every incident.
func (p Placed) Hidden() bool { return p.Tuning.Action == tuning.Hide }

// Alerts is how many alerts there are.
func (r *Run) Alerts() int { return len(r.alerts) }

// Alert returns where an alert is, after all merges and moves so far.
func (r *Run) Alert(number int) Placed {
	a := r.alerts[number]
	return Placed{
		Alert: a.Alert, Incident: r.engine.Resolve(a.decision.Incident), Links: slices.Clone(a.decision.Links),
		Reason: a.decision.Reason, Message: a.decision.Message, Ended: a.ended,
		Tuning: a.tuning, DetectedSeverity: a.detected,
	}
}
