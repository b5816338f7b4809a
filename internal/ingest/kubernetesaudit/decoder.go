package kubernetesaudit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// The product and the sensor that the alerts name.
const (
	Service   = "kubernetes-audit"
	Detection = "rules"
)

// Decoder reads audit events.
type Decoder struct {
	// Cluster is where the sender runs; its events do not say it.
	Cluster string
	// Rules say which events are alerts.
	Rules *Set
	// Ignore holds the users whose events are left out: Tocsin's own, since
	// what it does about an alert would otherwise be the next event.
	Ignore map[string]bool
}

// Unwrap returns the events of an EventList, of an Azure batch, or the record.
func (Decoder) Unwrap(record []byte) ([][]byte, error) {
	var list struct {
		Items   []json.RawMessage `json:"items"`
		Records []json.RawMessage `json:"records"`
	}
	if err := json.Unmarshal(record, &list); err != nil {
		return nil, decode.Explain(err)
	}
	items := append(list.Items, list.Records...)
	if items == nil {
		return [][]byte{record}, nil
	}
	events := make([][]byte, len(items))
	for i, item := range items {
		events[i] = item
	}
	return events, nil
}

var errNoEvent = errors.New("verb: is missing; an audit event says what was asked of the API server")

// Check runs the rules: nearly every audit event ends here, and need not be kept.
func (d Decoder) Check(data []byte) (decode.Drop, error) {
	_, _, drop, err := d.judge(data)
	return drop, err
}

// Decode makes an alert of an event.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	w, rules, drop, err := d.judge(data)
	if err != nil || drop != "" {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(w, newEvent(w), rules, received)}, nil
}

// judge returns an event and the rules that it matches.
func (d Decoder) judge(data []byte) (wireEvent, []Rule, decode.Drop, error) {
	w, err := parse(data)
	switch {
	case err != nil:
		return w, nil, "", err
	case w.Verb == "":
		return w, nil, "", errNoEvent
	case !w.final(), d.Ignore[w.User.Username]:
		return w, nil, decode.DropTelemetry, nil
	}
	rules := d.Rules.match(newEvent(w))
	if len(rules) == 0 {
		return w, nil, decode.DropNoRule, nil
	}
	return w, rules, "", nil
}

// bySeverity sorts the most severe rule first and keeps the order of equals.
func bySeverity(rules []Rule) []Rule {
	slices.SortStableFunc(rules, func(a, b Rule) int { return cmp.Compare(b.Severity, a.Severity) })
	return rules
}

func (d Decoder) alert(w wireEvent, e Event, rules []Rule, received time.Time) model.Alert {
	first := entity.Time(string(cmp.Or(w.RequestReceivedTimestamp, w.Timestamp, w.StageTimestamp)), received)
	last := entity.Time(string(cmp.Or(w.StageTimestamp, w.RequestReceivedTimestamp, w.Timestamp)), received)
	if last.Before(first) {
		last = first
	}
	tactics, techniques := united(rules)
	main := rules[0]
	return model.Alert{
		Service:            Service,
		Detection:          Detection,
		Rule:               main.Name,
		Title:              text.Line(main.Title, decode.MaxTitle),
		Description:        describe(e, rules),
		RecommendedActions: text.Block(main.RecommendedActions, decode.MaxDescription),
		Severity:           main.Severity,
		Tactics:            tactics,
		Techniques:         techniques,
		First:              first,
		Last:               last,
		Fingerprint:        d.fingerprint(e, main),
		Entities:           e.entities(),
		Occurrences:        1,
	}
}

func (d Decoder) fingerprint(e Event, rule Rule) string {
	o := e.ObjectRef
	return decode.Fingerprint(Service, d.Cluster, rule.Name, e.User.Username,
		o.APIGroup, o.Resource, o.Subresource, o.Namespace, e.stableName())
}

func united(rules []Rule) ([]model.Tactic, []string) {
	var tactics []model.Tactic
	var techniques []string
	for _, rule := range rules {
		tactics = append(tactics, rule.Tactics...)
		techniques = append(techniques, rule.Techniques...)
	}
	return model.SortTactics(tactics), attack.Techniques(techniques)
}

// describe says what happened in a line, then why it matters.
func describe(e Event, rules []Rule) string {
	lines := []string{e.summary()}
	if command := e.command(); command != "" {
		lines = append(lines, "Command: "+command)
	}
	if rules[0].Description != "" {
		lines = append(lines, rules[0].Description)
	}
	for _, rule := range rules[1:] {
		lines = append(lines, "Also: "+rule.Title)
	}
	return text.Block(text.Redact(text.Block(strings.Join(lines, "\n"), decode.MaxDescription)), decode.MaxDescription)
}

// summary is "user verb resource/sub namespace/name → code".
func (e Event) summary() string {
	o := e.ObjectRef
	what := strings.Trim(o.Resource+"/"+o.Subresource, "/")
	which := strings.Trim(o.Namespace+"/"+e.name(), "/")
	if what == "" {
		what, _, _ = strings.Cut(e.RequestURI, "?")
	}
	parts := []string{cmp.Or(e.User.Username, "somebody"), e.Verb, what}
	if which != "" {
		parts = append(parts, which)
	}
	if e.ResponseStatus.Code != 0 {
		parts = append(parts, fmt.Sprintf("→ %d", e.ResponseStatus.Code))
	}
	return text.Line(strings.Join(parts, " "), maxSummary)
}

// maxSummary leaves room for the rest of the description.
const maxSummary = 1024

// command is what was to run in a pod: it stands in the query, word by word.
func (e Event) command() string {
	_, query, _ := strings.Cut(e.RequestURI, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return text.Line(strings.Join(values["command"], " "), maxSummary)
}
