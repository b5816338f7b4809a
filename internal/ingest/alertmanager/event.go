// Package alertmanager reads the notifications of Prometheus Alertmanager's
// webhook (version 4), and those of Grafana, which have the same shape.
package alertmanager

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// notification is as much of a body as is read. All that it says of its group
// is said in each alert too.
type notification struct {
	Alerts decode.Wrapped `json:"alerts"`
	truncation
}

// truncation is what Alertmanager says where it left alerts out.
type truncation struct {
	Truncated decode.Scalar `json:"truncatedAlerts"`
}

// count is how many alerts were left out.
func (t truncation) count() uint64 {
	n, err := strconv.ParseUint(string(t.Truncated), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// event is the notice of that, as an event of its own.
func (t truncation) event() []byte { return fmt.Appendf(nil, `{"truncatedAlerts": %d}`, t.count()) }

// header is as much of an alert as tells whether it is worth keeping.
type header struct {
	Labels words `json:"labels"`
	truncation
}

var (
	errNoLabels = errors.New("labels: is missing or no object; an alert of Alertmanager's webhook (version 4), or of Grafana's, has labels")
	errNoRule   = errors.New("labels.alertname: is missing; it names the rule that fired")
)

// check refuses what names no rule, and drops what only says that the sender is alive.
func (h header) check() (decode.Drop, error) {
	switch n := h.count(); {
	case len(h.Labels) == 0 && n > 0:
		return "", fmt.Errorf("truncatedAlerts: the sender left %d alerts out of this notification; raise max_alerts of its receiver, or set it to 0", n)
	case len(h.Labels) == 0:
		return "", errNoLabels
	case h.Labels.rule() == "":
		return "", errNoRule
	case strings.EqualFold(h.Labels.get("severity"), "none"), strings.HasPrefix(h.Labels.rule(), "Falco internal:"):
		return decode.DropHealth, nil // Watchdog and InfoInhibitor of kube-prometheus, and Falco's word about itself.
	}
	return "", nil
}

// alert is one alert of a notification.
type alert struct {
	header
	Status      decode.Scalar `json:"status"`
	Annotations words         `json:"annotations"`
	StartsAt    decode.Scalar `json:"startsAt"`
	EndsAt      decode.Scalar `json:"endsAt"`
	Fingerprint decode.Scalar `json:"fingerprint"`
}

func (a alert) resolved() bool { return strings.EqualFold(string(a.Status), "resolved") }

// words are labels or annotations.
type words map[string]decode.Scalar

// maxWord is what is kept of a label in a key or a fingerprint.
const maxWord = 512

// get returns the first of those that has a value, cleaned.
func (w words) get(names ...string) string {
	for _, name := range names {
		if value := text.Line(string(w[name]), maxWord); value != "" {
			return value
		}
	}
	return ""
}

// block is get for texts of many lines.
func (w words) block(names ...string) string {
	for _, name := range names {
		if value := decode.Description(string(w[name])); value != "" {
			return value
		}
	}
	return ""
}

// rule is the name of the rule; Falcosidekick calls it by Falco's word.
func (w words) rule() string { return text.Line(w.get("alertname", "rule"), decode.MaxRule) }

// pairs returns names and values in turn, sorted by name.
func (w words) pairs() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w)) {
		out = append(out, name, string(w[name]))
	}
	return out
}
