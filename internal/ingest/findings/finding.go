// Package findings folds what the reports in a cluster say into alerts, one for
// each workload and kind of report, and decides which of them begin and end.
//
// It follows the state of the reports, not their changes: what should be told is
// a function of the reports that there are.
package findings

import (
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Finding is what a report says of one thing about a subject.
type Finding struct {
	Subject Subject
	// Sensor is the scanner or policy engine that found it.
	Sensor string
	// Slot is what replaces what: of the findings about a subject in one slot, the
	// newest counts.
	Slot string
	At   time.Time
	// Counts is how much was found; nothing says that all is well.
	Counts Counts
	// Line tells of it.
	Line string
	// Entities are what it is about; the subject itself, if that is an entity, is
	// added to them.
	Entities []model.Entity
}

// Counts counts what was found, by severity.
type Counts struct{ Critical, High, Medium, Low, Informational, Unknown int64 }

// Plus adds.
func (c Counts) Plus(o Counts) Counts {
	return Counts{
		c.Critical + o.Critical, c.High + o.High, c.Medium + o.Medium, c.Low + o.Low,
		c.Informational + o.Informational, c.Unknown + o.Unknown,
	}
}

// Worst returns the severity that counts, its name and how often it occurs.
func (c Counts) Worst() (severity model.Severity, name string, count int64) {
	switch {
	case c.Critical > 0:
		return model.SeverityHigh, "critical", c.Critical
	case c.High > 0:
		return model.SeverityHigh, "high", c.High
	case c.Medium > 0:
		return model.SeverityMedium, "medium", c.Medium
	case c.Low > 0:
		return model.SeverityLow, "low", c.Low
	case c.Informational > 0 && c.Unknown == 0:
		return model.SeverityInformational, "informational", c.Informational
	}
	return model.SeverityMedium, "unknown", c.Unknown
}

// String lists what there is: "2 critical, 1 low".
func (c Counts) String() string {
	var parts []string
	for _, part := range []struct {
		name  string
		count int64
	}{
		{"critical", c.Critical}, {"high", c.High}, {"medium", c.Medium}, {"low", c.Low},
		{"informational", c.Informational}, {"unknown", c.Unknown},
	} {
		if part.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.count, part.name))
		}
	}
	return strings.Join(parts, ", ")
}

// Subject is the object that findings are folded by: what outlives a rollout.
type Subject struct{ Kind, Namespace, Name string }

// maxName bounds the parts of a subject.
const maxName = 253

// NewSubject makes a subject of an object: of a ReplicaSet of a Deployment, the
// Deployment.
func NewSubject(kind, namespace, name string) Subject {
	key, ok := entity.Object(kind, namespace, name)
	if parts := strings.Split(key.Name, "/"); ok && key.Kind == model.KindWorkload && len(parts) == 3 {
		return Subject{Kind: parts[1], Namespace: parts[0], Name: parts[2]}
	}
	return Subject{Kind: text.Line(kind, maxName), Namespace: text.Line(namespace, maxName), Name: text.Line(name, maxName)}
}

// String is the subject as people write it: "Deployment web in namespace shop".
func (s Subject) String() string {
	out := strings.TrimSpace(s.Kind + " " + s.Name)
	if s.Namespace != "" {
		out += " in namespace " + s.Namespace
	}
	return out
}
