package policyreport

import (
	"cmp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// InCluster are the kinds of report as they are watched in a cluster.
func InCluster() []findings.Kind {
	watched := func(resource, group string, namespaced bool) findings.Kind {
		return findings.Kind{Resource: resource, Group: group, Namespaced: namespaced, Read: inCluster, Nature: findings.Nature{
			Service: Service, One: "policy violation", Many: "policy violations", Role: model.RolePolicyViolator,
			Recommendation: "Correct the manifest in Git and roll it out, or make an exception from the policy.",
		}}
	}
	return []findings.Kind{
		watched("policyreports", "wgpolicyk8s.io", true),
		watched("clusterpolicyreports", "wgpolicyk8s.io", false),
		watched("reports", "openreports.io", true),
		watched("clusterreports", "openreports.io", false),
	}
}

// maxLine leaves room for many lines in a description.
const maxLine = 180

// inCluster returns what did not hold for each object, by policy and rule, and that
// all else holds of the objects that the report speaks of. Results that cannot be
// read are left out.
func inCluster(data []byte, received time.Time) ([]findings.Finding, error) {
	events, err := Decoder{}.Unwrap(data)
	if err != nil {
		return nil, err
	}
	var out []findings.Finding
	well := map[findings.Group]bool{}
	for _, event := range events {
		r, drop, err := parse(event)
		if err != nil || r.Policy == "" {
			continue
		}
		for _, subject := range r.subjects() {
			switch group := (findings.Group{Subject: subject, Sensor: r.source()}); {
			case drop == "":
				out = append(out, r.finding(group, received))
			case !well[group]:
				well[group] = true
				out = append(out, findings.Finding{Subject: subject, Sensor: group.Sensor, At: received})
			}
		}
	}
	return out, nil
}

// subjects are the objects that a result is about, or what an adapter says, or
// the namespace of the report.
func (r result) subjects() []findings.Subject {
	var out []findings.Subject
	for _, one := range r.resources() {
		out = append(out, findings.NewSubject(one.Kind, one.Namespace, one.Name))
	}
	if out != nil {
		return out
	}
	for _, e := range r.entities() {
		if namespace, name, ok := strings.Cut(e.Name, "/"); ok && e.Kind == model.KindPod {
			return []findings.Subject{findings.NewSubject("Pod", namespace, name)}
		}
	}
	if r.Report.Namespace == "" {
		return []findings.Subject{{Kind: "Cluster"}}
	}
	return []findings.Subject{findings.NewSubject("Namespace", "", r.Report.Namespace)}
}

func (r result) finding(g findings.Group, received time.Time) findings.Finding {
	rule := line(r.Policy)
	if r.Rule != "" {
		rule += "/" + line(r.Rule)
	}
	level := strings.ToLower(cmp.Or(r.Severity, r.properties().get("severity")))
	f := findings.Finding{
		Subject: g.Subject, Sensor: g.Sensor, Slot: text.Line(rule, decode.MaxRule), Entities: nil,
		At:     entity.Time(cmp.Or(string(r.Timestamp.Seconds), r.CreationTimestamp, r.Report.Created), received),
		Counts: counts(level),
		Line:   text.Line(cmp.Or(text.Line(level, len("critical")), "medium")+" "+rule+": "+cmp.Or(r.Message, r.Description), maxLine),
	}
	if len(r.resources()) == 0 {
		f.Entities = r.entities()
	}
	return f
}

// counts counts one of a severity.
func counts(level string) findings.Counts {
	switch level {
	case "critical":
		return findings.Counts{Critical: 1}
	case "high":
		return findings.Counts{High: 1}
	case "low":
		return findings.Counts{Low: 1}
	case "info":
		return findings.Counts{Informational: 1}
	}
	return findings.Counts{Medium: 1}
}
