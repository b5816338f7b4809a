package alertmanager

import (
	"cmp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that an alert names where its labels name none.
const Service = "prometheus"

// Decoder reads notifications.
type Decoder struct {
	// Cluster is the cluster that the alerts are about.
	Cluster string
}

// Unwrap returns the alerts of a notification. Where the sender left some out,
// that is one more event, so that somebody hears of it.
func (Decoder) Unwrap(record []byte) ([][]byte, error) {
	var n notification
	if err := decode.Lenient(record, &n); err != nil {
		return nil, err
	}
	if n.Alerts == nil {
		return [][]byte{record}, nil
	}
	if n.count() > 0 {
		return append(n.Alerts, n.event()), nil
	}
	return n.Alerts, nil
}

// Check reads the labels only.
func (Decoder) Check(data []byte) (decode.Drop, error) {
	var h header
	if err := decode.Lenient(data, &h); err != nil {
		return "", err
	}
	return h.check()
}

// Decode makes an alert of an alert, or the notice that it is over.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	var a alert
	if err := decode.Lenient(data, &a); err != nil {
		return decode.Decoded{}, err
	}
	if drop, err := a.check(); drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(a, received), Resolved: a.resolved()}, nil
}

func (d Decoder) alert(a alert, received time.Time) model.Alert {
	rule := a.Labels.rule()
	tactics, techniques := a.mitre()
	first, last := a.span(received)
	return model.Alert{
		Service:            cmp.Or(text.Line(a.Labels.get("source"), decode.MaxSensor), Service),
		Detection:          text.Line(cmp.Or(a.Labels.get("eventsource"), rule), decode.MaxSensor),
		Rule:               rule,
		Title:              cmp.Or(decode.Title(string(a.Annotations["summary"])), rule),
		Description:        a.Annotations.block("description", "message", "info"),
		RecommendedActions: a.runbook(),
		Severity:           severity(a.Labels.get("severity", "priority")),
		Tactics:            tactics,
		Techniques:         techniques,
		First:              first,
		Last:               last,
		Fingerprint:        d.fingerprint(a),
		Entities:           a.Labels.entities(),
		Occurrences:        1,
	}
}

// span lasts until the alert was resolved, or until now: it is sent again for as
// long as it holds.
func (a alert) span(received time.Time) (first, last time.Time) {
	if a.resolved() {
		return entity.Span(string(a.StartsAt), cmp.Or(string(a.EndsAt), "unknown"), received)
	}
	first = entity.Time(string(a.StartsAt), received)
	if last = received.UTC(); last.Before(first) {
		last = first
	}
	return first, last
}

// fingerprint is Alertmanager's own, which is one over the labels, or those. Its
// replicas, and every repetition, come to the same.
func (d Decoder) fingerprint(a alert) string {
	if own := text.Line(string(a.Fingerprint), maxWord); own != "" {
		return decode.Fingerprint("alertmanager", d.Cluster, own)
	}
	return decode.Fingerprint("alertmanager", append([]string{d.Cluster}, a.Labels.pairs()...)...)
}

// mitreWords are the labels and annotations in which rules name tactics and
// techniques, several with commas between them.
var mitreWords = []string{"mitre_tactic", "mitre_tactics", "tactic", "mitre_technique", "mitre_techniques", "technique", "mitre", "tags"}

func (a alert) mitre() ([]model.Tactic, []string) {
	var tags []string
	for _, name := range mitreWords {
		for _, value := range []decode.Scalar{a.Labels[name], a.Annotations[name]} {
			for tag := range strings.SplitSeq(text.Line(string(value), decode.MaxDescription), ",") {
				tags = append(tags, strings.TrimSpace(tag))
			}
		}
	}
	return attack.Tags(tags)
}

func (a alert) runbook() string {
	address := a.Annotations.block("runbook_url", "runbook")
	if address == "" {
		return ""
	}
	return text.Block("See "+address, decode.MaxDescription)
}

// severities holds the words in use; there is no standard.
var severities = map[string]model.Severity{
	"critical": model.SeverityHigh, "page": model.SeverityHigh, "emergency": model.SeverityHigh, "alert": model.SeverityHigh,
	"error": model.SeverityHigh, "high": model.SeverityHigh, "major": model.SeverityHigh,
	"low": model.SeverityLow, "minor": model.SeverityLow, "notice": model.SeverityLow,
	"info": model.SeverityInformational, "information": model.SeverityInformational,
	"informational": model.SeverityInformational, "debug": model.SeverityInformational,
}

// severity is Medium where the word is "warning", unknown or missing.
func severity(word string) model.Severity {
	if known, ok := severities[strings.ToLower(word)]; ok {
		return known
	}
	return model.SeverityMedium
}
