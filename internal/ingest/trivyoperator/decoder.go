package trivyoperator

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that the alerts name.
const Service = "trivy-operator"

// The kinds of report that are read.
const (
	vulnerabilityReport = "VulnerabilityReport"
	configAuditReport   = "ConfigAuditReport"
	exposedSecretReport = "ExposedSecretReport"
)

// kind is how a report of a kind becomes an alert.
type kind struct {
	detection string
	findings.Nature
}

var kinds = map[string]kind{
	vulnerabilityReport: {"vulnerability", findings.Nature{Service: Service, One: "vulnerability", Many: "vulnerabilities", Role: model.RoleScanned,
		Recommendation: "Update the packages that have a fixed version, build the image again and roll it out."}},
	configAuditReport: {"misconfiguration", findings.Nature{Service: Service, One: "misconfiguration", Many: "misconfigurations", Role: model.RolePolicyViolator,
		Recommendation: "Correct the manifest in Git and roll it out."}},
	exposedSecretReport: {"exposed-secret", findings.Nature{Service: Service, One: "exposed secret", Many: "exposed secrets", Role: model.RoleScanned,
		Tactics: []model.Tactic{model.TacticCredentialAccess}, Techniques: []string{"T1552.001"},
		Recommendation: "Revoke the secrets, since whoever can pull the image has them; then build it without them."}},
}

// Decoder reads reports of the Trivy operator.
type Decoder struct {
	// Cluster is where the sender runs; its reports do not say it.
	Cluster string
}

// Unwrap returns the reports of a list, or the record.
func (Decoder) Unwrap(record []byte) ([][]byte, error) {
	var list struct {
		Items decode.Wrapped `json:"items"`
	}
	if err := decode.Lenient(record, &list); err != nil {
		return nil, err
	}
	if list.Items != nil {
		return list.Items, nil
	}
	return [][]byte{record}, nil
}

// Check drops reports of other kinds and those in which nothing was found.
func (Decoder) Check(event []byte) (decode.Drop, error) {
	_, drop, err := parse(event)
	return drop, err
}

// Decode makes an alert of a report.
func (d Decoder) Decode(event []byte, received time.Time) (decode.Decoded, error) {
	r, drop, err := parse(event)
	if drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(r, received), Resolved: r.deleted}, nil
}

func (d Decoder) alert(r report, received time.Time) model.Alert {
	k := kinds[r.Kind]
	severity, _, _ := r.counts().Worst()
	first, last := entity.Span(cmp.Or(r.Metadata.CreationTimestamp, r.Report.UpdateTimestamp), r.Report.UpdateTimestamp, received)
	return model.Alert{
		Service:            Service,
		Detection:          k.detection,
		Rule:               r.Kind,
		Title:              r.title(k),
		Description:        r.describe(),
		RecommendedActions: k.Recommendation,
		Severity:           severity,
		Tactics:            k.Tactics,
		Techniques:         k.Techniques,
		First:              first,
		Last:               last,
		Fingerprint: decode.Fingerprint(Service, d.Cluster, r.Kind,
			text.Line(r.Metadata.Namespace, maxName), text.Line(r.Metadata.Name, maxName)),
		Entities:    r.entities(k.Role),
		Occurrences: 1,
	}
}

// title tells of the worst: "2 critical vulnerabilities in library/nginx:1.16".
func (r report) title(k kind) string {
	_, severity, count := r.counts().Worst()
	noun := k.Many
	if count == 1 {
		noun = k.One
	}
	_, owner, name := r.subject()
	where := cmp.Or(r.Report.Artifact.name(), strings.TrimSpace(owner+" "+name), r.Metadata.Name)
	return decode.Title(fmt.Sprintf("%d %s %s in %s", count, severity, noun, where))
}

// describe counts all and lists the worst.
func (r report) describe() string {
	c, found := r.counts(), r.found()
	var b strings.Builder
	fmt.Fprintf(&b, "Critical: %d, high: %d, medium: %d, low: %d, unknown: %d.", c.Critical, c.High, c.Medium, c.Low, c.Unknown)
	if found.fixable > 0 {
		fmt.Fprintf(&b, " %d have a fixed version.", found.fixable)
	}
	for _, f := range found.list {
		b.WriteString("\n" + text.Line(f.describe(), maxLine))
	}
	return decode.Description(b.String())
}

// maxLine leaves room for maxListed lines in a description.
const maxLine = 180

func (f finding) describe() string {
	name := cmp.Or(f.VulnerabilityID, f.CheckID, f.RuleID)
	about := cmp.Or(f.Title, strings.Join(f.Messages, "; "))
	where := f.Target
	if f.VulnerabilityID != "" {
		where = f.Resource + " " + f.InstalledVersion
		if f.FixedVersion != "" {
			where += ", fixed in " + f.FixedVersion
		}
	}
	if where != "" {
		name += " (" + where + ")"
	}
	return f.Severity + " " + name + ": " + about
}

// resource returns what the report says of the resource that it is about. Names
// that are too long for a label are in an annotation.
func (r report) resource(part string) string {
	label := "trivy-operator.resource." + part
	return cmp.Or(r.Metadata.Labels[label], r.Metadata.Annotations[label])
}

// subject is the object that the report is about.
func (r report) subject() (namespace, kind, name string) {
	namespace, kind, name = cmp.Or(r.resource("namespace"), r.Metadata.Namespace), r.resource("kind"), r.resource("name")
	if len(r.Metadata.Owners) > 0 {
		kind, name = cmp.Or(kind, r.Metadata.Owners[0].Kind), cmp.Or(name, r.Metadata.Owners[0].Name)
	}
	return namespace, kind, name
}

func (r report) entities(role model.Role) []model.Entity {
	namespace, kind, name := r.subject()
	var list entity.List
	list.Add(role)(entity.Object(kind, namespace, name))
	a := r.Report.Artifact
	repository := a.Repository
	if server := r.Report.Registry.Server; server != "" && repository != "" {
		repository = server + "/" + repository
	}
	list.Add(role)(entity.Image(repository, a.Tag, a.Digest))
	return list.Items()
}
