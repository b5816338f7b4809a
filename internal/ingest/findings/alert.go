package findings

import (
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// Scope is what makes the alerts of two AlertSources different.
type Scope struct{ Source, Cluster string }

// fingerprint is that of a group's alerts: reports come and go, the workload and
// the kind of report stay.
func (s Scope) fingerprint(k Kind, g Group) string {
	return decode.Fingerprint(k.Service, "reports", s.Source, s.Cluster, k.Name(), g.Sensor, g.Subject.Kind, g.Subject.Namespace, g.Subject.Name)
}

// maxListed is how many findings a description tells of.
const maxListed = 20

// title tells of the worst: "2 critical vulnerabilities in Deployment web in
// namespace shop". An alert whose title is no longer true is replaced.
func title(k Kind, g Group, findings []Finding) string {
	_, name, count := total(findings).Worst()
	noun := k.Many
	if count == 1 {
		noun = k.One
	}
	return decode.Title(fmt.Sprintf("%d %s %s in %s", count, name, noun, g.Subject))
}

// alert tells of what was found in a group.
func alert(k Kind, s Scope, g Group, findings []Finding, now time.Time) model.Alert {
	first := now
	var list entity.List
	list.Add(k.Role)(entity.Object(g.Subject.Kind, g.Subject.Namespace, g.Subject.Name))
	for _, f := range findings {
		if f.At.Before(first) {
			first = f.At
		}
		for _, e := range f.Entities {
			list.Add(e.Role)(e.Key, true)
		}
	}
	sum := total(findings)
	severity, _, _ := sum.Worst()
	return model.Alert{
		Source: s.Source, Service: k.Service, Detection: g.Sensor, Rule: k.Name(),
		Title: title(k, g, findings), Description: describe(sum, findings), RecommendedActions: k.Recommendation,
		Severity: severity, Tactics: k.Tactics, Techniques: k.Techniques,
		First: first, Last: now,
		Fingerprint: s.fingerprint(k, g), Entities: list.Items(), Occurrences: 1,
	}
}

// describe counts all and lists the worst.
func describe(sum Counts, findings []Finding) string {
	var b strings.Builder
	b.WriteString(sum.String() + ".")
	for i, f := range findings {
		if i == maxListed {
			fmt.Fprintf(&b, "\nand %d more", len(findings)-maxListed)
			break
		}
		b.WriteString("\n" + f.Line)
	}
	return decode.Description(b.String())
}
