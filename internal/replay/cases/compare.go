package cases

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/replay"
)

// result is what came out.
type result struct {
	run      *replay.Run
	outcomes map[int]replay.Outcome
	wrong    []string
}

// fault notes what is not as expected, and below it why it came out as it did.
func (r *result) fault(what string, because ...string) {
	r.wrong = append(r.wrong, strings.Join(append([]string{what}, because...), "\n  "))
}

func (r *result) compare(e Expect) []string {
	incidents := r.run.Incidents()
	if e.Incidents != nil && len(incidents) != *e.Incidents {
		var names []string
		for _, i := range incidents[:min(len(incidents), maxListed)] {
			names = append(names, fmt.Sprintf("%s: %s (alerts: %d)", i.Name, i.Title, i.Counts.Alerts))
		}
		r.fault(fmt.Sprintf("incidents: want %d, got %d", *e.Incidents, len(incidents)), names...)
	}
	for _, group := range e.Together {
		r.together(group)
	}
	for _, group := range e.Apart {
		r.apart(group)
	}
	for _, number := range slices.Sorted(maps.Keys(e.Events)) {
		r.event(number, e.Events[number])
	}
	for i, d := range e.Details {
		r.detail(i, d, incidents)
	}
	return r.wrong
}

// maxListed bounds what is listed of many.
const maxListed = 10

// placed returns where the alert of an event is; not where it has none.
func (r *result) placed(what string, event int) (replay.Placed, bool) {
	o, ok := r.outcomes[event]
	switch {
	case !ok:
		r.fault(fmt.Sprintf("%s: there is no event %d; the inputs have %d, counted from 0", what, event, len(r.outcomes)))
		return replay.Placed{}, false
	case o.State == replay.StateSuppressed, o.State == replay.StateRejected:
		r.fault(fmt.Sprintf("%s: event %d is in no incident: it was %s: %s", what, event, o.State, o.Reason))
		return replay.Placed{}, false
	}
	return r.run.Alert(o.Alert), true
}

// group returns where the alerts of a list of events are, if all have one.
func (r *result) group(what string, events []int) ([]replay.Placed, bool) {
	all := true
	var out []replay.Placed
	for _, event := range events {
		p, ok := r.placed(what, event)
		out, all = append(out, p), all && ok
	}
	return out, all
}

func (r *result) together(events []int) {
	what := fmt.Sprintf("together %v", events)
	placed, ok := r.group(what, events)
	if !ok || !slices.ContainsFunc(placed, func(p replay.Placed) bool { return p.Incident != placed[0].Incident }) {
		return
	}
	var because []string
	for i, p := range placed {
		because = append(because, describe(events[i], p))
	}
	r.fault(what+": they are in several incidents", because...)
}

func (r *result) apart(events []int) {
	what := fmt.Sprintf("apart %v", events)
	placed, ok := r.group(what, events)
	if !ok {
		return
	}
	for i := range placed {
		for j := range placed[:i] {
			if placed[i].Incident == placed[j].Incident {
				r.fault(fmt.Sprintf("%s: events %d and %d are in one incident", what, events[j], events[i]),
					describe(events[j], placed[j]), describe(events[i], placed[i]))
			}
		}
	}
}

func (r *result) event(number int, want Event) {
	what := fmt.Sprintf("events[%d]", number)
	o, ok := r.outcomes[number]
	if ok && want.State != "" && o.State != want.State {
		text := fmt.Sprintf("%s.state: want %s, got %s", what, want.State, o.State)
		if o.Reason != "" {
			text += ": " + o.Reason
		}
		r.fault(text)
	}
	if ok && want.Tuning != "" {
		r.tuning(what, number, o, want.Tuning)
	}
	if ok && want.Link == nil {
		return
	}
	placed, ok := r.placed(what, number)
	if !ok || slices.ContainsFunc(placed.Links, want.Link.matches) {
		return
	}
	r.fault(fmt.Sprintf("%s.link: want %s, got", what, want.Link), append([]string{describe(number, placed)}, further(placed.Links)...)...)
}

// tuning is about the rule that acted on the alert of an event.
func (r *result) tuning(what string, number int, o replay.Outcome, want string) {
	if !o.HasAlert() {
		r.fault(fmt.Sprintf("%s.tuning: event %d has no alert: it was %s: %s", what, number, o.State, o.Reason))
		return
	}
	if got := r.run.Alert(o.Alert).Tuning.Rule; got != want {
		r.fault(fmt.Sprintf("%s.tuning: want %s, got %s", what, want, cmp.Or(got, "none")))
	}
}

// further lists the links behind the first.
func further(links []correlation.Link) []string {
	var out []string
	for _, l := range links[min(1, len(links)):] {
		out = append(out, "  and "+text(l))
	}
	return out
}

func (l *Link) matches(got correlation.Link) bool {
	entity := ""
	if got.Entity != (model.Key{}) {
		entity = got.Entity.String()
	}
	return (l.Reason == "" || l.Reason == got.Reason) && (l.Entity == "" || l.Entity == entity)
}

// String is "SameAsset Pod/shop/cart".
func (l *Link) String() string { return strings.TrimSpace(l.Reason + " " + l.Entity) }

func (r *result) detail(index int, want Detail, incidents []replay.Incident) {
	what := fmt.Sprintf("details[%d]", index)
	placed, ok := r.placed(what, want.Event)
	if !ok {
		return
	}
	at := slices.IndexFunc(incidents, func(i replay.Incident) bool { return i.Name == placed.Incident })
	got := incidents[at]
	differ := func(field string, want, got any) {
		r.fault(fmt.Sprintf("%s.%s: want %v, got %v, in incident %s", what, field, want, got, placed.Incident))
	}
	if want.Title != "" && want.Title != got.Title {
		differ("title", want.Title, got.Title)
	}
	if want.Severity != "" && want.Severity != got.Severity.String() {
		differ("severity", want.Severity, got.Severity)
	}
	if want.Alerts != nil && *want.Alerts != got.Counts.Alerts {
		differ("alerts", *want.Alerts, got.Counts.Alerts)
	}
	if want.Tactics != nil && !slices.Equal(model.SortTactics(want.Tactics), got.Tactics) {
		differ("tactics", want.Tactics, got.Tactics)
	}
}

// describe says where an event is, and why.
func describe(event int, p replay.Placed) string {
	line := fmt.Sprintf("event %d (%s) is in %s", event, p.Alert.Title, p.Incident)
	if len(p.Links) > 0 {
		return line + ": " + text(p.Links[0])
	}
	return line + ": " + p.Message
}

// text says a link in words: "SameAsset Pod/shop/cart with alert x (7.1 bits)".
func text(l correlation.Link) string {
	words := []string{l.Reason}
	if l.Entity != (model.Key{}) {
		words = append(words, l.Entity.String())
	}
	if l.Peer != "" {
		words = append(words, "with alert "+l.Peer)
	}
	return fmt.Sprintf("%s (%.1f bits)", strings.Join(words, " "), l.Weight)
}
