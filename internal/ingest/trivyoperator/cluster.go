package trivyoperator

import (
	"cmp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// InCluster are the kinds of report as they are watched in a cluster.
func InCluster() []findings.Kind {
	watched := func(resource, name string) findings.Kind {
		return findings.Kind{
			Resource: resource, Group: strings.TrimSuffix(group, "/"), Namespaced: true, Nature: kinds[name].Nature, Read: read(name),
		}
	}
	return []findings.Kind{
		watched("vulnerabilityreports", vulnerabilityReport),
		watched("configauditreports", configAuditReport),
		watched("exposedsecretreports", exposedSecretReport),
	}
}

// read returns the one finding of a report: how much of what, in one container
// of a workload or in all of it. Reports of an older rollout are in its place too.
func read(name string) func(data []byte, received time.Time) ([]findings.Finding, error) {
	return func(data []byte, received time.Time) ([]findings.Finding, error) {
		var r report
		if err := decode.Lenient(data, &r); err != nil {
			return nil, err
		}
		r.Kind = name // A list says it of all its items at once.
		namespace, kind, subject := r.subject()
		if subject == "" { // Nobody says whose it is: it stands for itself.
			kind, subject = name, r.Metadata.Name
		}
		container := r.Metadata.Labels["trivy-operator.container.name"]
		return []findings.Finding{{
			Subject:  findings.NewSubject(kind, namespace, subject),
			Sensor:   kinds[name].detection,
			Slot:     text.Line(container, maxName),
			At:       entity.Time(cmp.Or(r.Report.UpdateTimestamp, r.Metadata.CreationTimestamp), received),
			Counts:   r.counts(),
			Line:     text.Line(r.line(container), maxLine),
			Entities: r.entities(kinds[name].Role),
		}}, nil
	}
}

// maxNamed is how many of the worst findings a line names.
const maxNamed = 3

// line tells of a report as one of several: "app, example/app:1.2:
// 2 critical, 1 high (CVE-2026-0001 openssl, ...)".
func (r report) line(container string) string {
	where := strings.Trim(container+", "+r.Report.Artifact.name(), ", ")
	line := cmp.Or(where, r.Metadata.Name) + ": " + r.counts().String()
	var named []string
	for i, f := range r.found().list {
		if i == maxNamed {
			break
		}
		named = append(named, strings.TrimSpace(cmp.Or(f.VulnerabilityID, f.CheckID, f.RuleID)+" "+cmp.Or(f.Resource, f.Target)))
	}
	if len(named) > 0 {
		line += " (" + strings.Join(named, ", ") + ")"
	}
	return line
}
