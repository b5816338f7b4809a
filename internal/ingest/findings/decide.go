package findings

import (
	"maps"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// Told is the newest alert of a fingerprint, as the API server has it.
type Told struct {
	Title string
	// Severity is what the reports said; a tuning rule may have given it another.
	Severity model.Severity
	// HiddenBy is the tuning rule that hides it, if one does.
	HiddenBy string
	// Opened is when it was told of, Ended when it ended; zero while it goes on.
	Opened, Ended time.Time
}

// Terms are what a decision depends on besides the reports and the alerts.
type Terms struct {
	Kind    Kind
	Scope   Scope
	Minimum model.Severity
	// Patience is how long what is on no report is waited for.
	Patience time.Duration
	// Complete is since when all reports are known.
	Complete time.Time
	Now      time.Time
	// Hides says whether a tuning rule, by its name, hides an alert. With nil what
	// is hidden stays so.
	Hides func(rule string, a model.Alert) bool
}

// Decide returns what is to be told so that the alerts say what the reports say,
// in the order of their fingerprints: alerts that begin, and notices that end
// them. An alert that is no longer right only ends; once that is done, the next
// decision begins another. So each step can be repeated without harm.
func (b *Board) Decide(terms Terms, told map[string]Told) []decode.Decoded {
	if waited := terms.Now.Add(-terms.Patience); terms.Complete.Before(waited) {
		b.Expire(waited) // Nothing was missing since, but for what is away.
	}
	steps := map[string]decode.Decoded{}
	known := map[string]bool{}
	for g := range b.groups {
		print := terms.Scope.fingerprint(terms.Kind, g)
		known[print] = true
		if step, ok := terms.step(print, g, b.of(g), told[print]); ok {
			steps[print] = step
		}
	}
	absent := !b.full && terms.Now.Sub(terms.Complete) >= terms.Patience
	for print, t := range told {
		if absent && !known[print] && t.open() {
			steps[print] = terms.end(print, t)
		}
	}
	var out []decode.Decoded
	for _, print := range slices.Sorted(maps.Keys(steps)) {
		out = append(out, steps[print])
	}
	return out
}

// step is what brings the alert of a group to what was found.
func (terms Terms) step(print string, g Group, found []Finding, t Told) (decode.Decoded, bool) {
	worst := severity(found)
	wanted := len(found) > 0 && worst >= terms.Minimum
	right := wanted && t.Severity == worst && t.Title == title(terms.Kind, g, found)
	switch {
	case t.open() && !right:
		return terms.end(print, t), true
	case !t.open() && !wanted:
		return decode.Decoded{}, false
	}
	// After what was before, also where clocks differ.
	begin := later(terms.Now, later(t.Opened, t.Ended).Add(time.Millisecond))
	next := alert(terms.Kind, terms.Scope, g, found, begin)
	switch {
	case t.open() && terms.reveals(t, next): // Once another followed it, nothing would end it.
		return terms.end(print, t), true
	case t.open():
		return decode.Decoded{}, false
	}
	return decode.Decoded{Alert: next}, true
}

// reveals says whether an alert that says what the open one says is to follow it,
// as that is hidden by a rule that would not hide it any more.
func (terms Terms) reveals(t Told, next model.Alert) bool {
	return t.HiddenBy != "" && terms.Hides != nil && !terms.Hides(t.HiddenBy, next)
}

// end is a notice that an alert is over.
func (terms Terms) end(print string, t Told) decode.Decoded {
	at := later(terms.Now, t.Opened)
	return decode.Decoded{Resolved: true, Alert: model.Alert{
		Source: terms.Scope.Source, Service: terms.Kind.Service, Rule: terms.Kind.Name(), Fingerprint: print,
		First: at, Last: at, Occurrences: 1,
	}}
}

// Follows says whether it is newer than another alert of its fingerprint. An older
// one may be open still: one that was hidden when the newer one was revealed.
func (t Told) Follows(other Told) bool {
	switch {
	case !t.Opened.Equal(other.Opened):
		return t.Opened.After(other.Opened)
	case t.open() != other.open():
		return t.open()
	}
	return t.Ended.After(other.Ended)
}

func (t Told) open() bool { return t.Title != "" && t.Ended.IsZero() }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
