package policyreport

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that the alerts name; which policy engine it was is
// the sensor.
const Service = "policy-report"

// Decoder reads results of policies.
type Decoder struct {
	// Cluster is where the sender runs; its results do not say it.
	Cluster string
}

// Check drops what did not fail.
func (Decoder) Check(data []byte) (decode.Drop, error) {
	_, drop, err := parse(data)
	return drop, err
}

// Decode makes an alert of a result.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	r, drop, err := parse(data)
	if drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(r, received)}, nil
}

func (d Decoder) alert(r result, received time.Time) model.Alert {
	rule := line(r.Policy)
	if r.Rule != "" {
		rule = text.Line(rule+"/"+line(r.Rule), decode.MaxRule)
	}
	tactics, techniques := attack.Tags([]string{r.Category})
	when := entity.Time(cmp.Or(string(r.Timestamp.Seconds), r.CreationTimestamp, r.Report.Created), received)
	return model.Alert{
		Service:     Service,
		Detection:   r.source(),
		Rule:        rule,
		Title:       decode.Title(rule),
		Description: r.describe(),
		Severity:    severity(cmp.Or(r.Severity, r.properties().get("severity"))),
		Tactics:     tactics,
		Techniques:  techniques,
		First:       when,
		Last:        when,
		Fingerprint: d.fingerprint(r, rule),
		Entities:    r.entities(),
		Occurrences: 1,
	}
}

// source is the policy engine.
func (r result) source() string {
	return text.Line(cmp.Or(r.Source, r.Report.Source), decode.MaxSensor)
}

// describe is the message, and what an adapter of another detector puts beside it.
func (r result) describe() string {
	lines := []string{cmp.Or(r.Message, r.Description), r.properties().get("details")}
	return decode.Description(strings.Join(lines, "\n"))
}

// severity reads the names that reports use. One that is missing or unknown is Medium.
func severity(name string) model.Severity {
	switch strings.ToLower(name) {
	case "critical", "high":
		return model.SeverityHigh
	case "low":
		return model.SeverityLow
	case "info":
		return model.SeverityInformational
	}
	return model.SeverityMedium
}

// fingerprint is over the engine, the policy and its rule, and the objects, or
// what else it names where there are none: a report is written anew with each scan.
func (d Decoder) fingerprint(r result, rule string) string {
	var objects []string
	for _, one := range r.resources() {
		objects = append(objects, one.String())
	}
	if objects == nil {
		for _, e := range r.entities() {
			objects = append(objects, e.String())
		}
	}
	slices.Sort(objects)
	return decode.Fingerprint(Service, append([]string{d.Cluster, r.source(), rule, line(r.Report.Namespace)}, objects...)...)
}

// entities names the objects. Where there are none, the adapters of KubeArmor
// and of Falco say it in properties, by the names of those.
func (r result) entities() []model.Entity {
	var list entity.List
	for _, one := range r.resources() {
		list.Add(model.RolePolicyViolator)(entity.Object(one.Kind, one.Namespace, one.Name))
	}
	p := r.properties()
	list.Add(model.RolePolicyViolator)(entity.Pod(p.get("namespace_name", "k8s.ns.name"), p.get("pod_name", "k8s.pod.name")))
	list.Add(model.RolePolicyViolator)(entity.Container(p.get("container_id", "container.id")))
	list.Add(model.RoleContextual)(entity.Node(p.get("host_name", "hostname")))
	return list.Items()
}
