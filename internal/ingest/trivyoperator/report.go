// Package trivyoperator reads the reports that the Trivy operator posts to a
// webhook. A report speaks of all that was found in one container or workload,
// and becomes one alert with counts.
package trivyoperator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// posted is what the webhook gets: the report, or what became of it around it
// where deletions are sent too.
type posted struct {
	Verb   string          `json:"verb"`
	Object json.RawMessage `json:"operatorObject"`
}

// report is any of the kinds of report.
type report struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Report     struct {
		UpdateTimestamp string   `json:"updateTimestamp"`
		Artifact        artifact `json:"artifact"`
		Registry        struct {
			Server string `json:"server"`
		} `json:"registry"`
		Summary         summary `json:"summary"`
		Vulnerabilities worst   `json:"vulnerabilities"`
		Checks          worst   `json:"checks"`
		Secrets         worst   `json:"secrets"`
	} `json:"report"`
	// deleted says that the report is no more.
	deleted bool
}

type metadata struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace"`
	CreationTimestamp string            `json:"creationTimestamp"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
	Owners            decode.List[struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	}] `json:"ownerReferences"`
}

type artifact struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"`
}

// name is the image as people write it.
func (a artifact) name() string {
	if a.Tag == "" {
		return cmp.Or(a.Repository, a.Digest)
	}
	return a.Repository + ":" + a.Tag
}

const group = "aquasecurity.github.io/"

var (
	errNoReport = errors.New("apiVersion: must be of " + group + "; the Trivy operator posts its reports, which are Kubernetes objects")
	errNoName   = errors.New("metadata.name: is missing; a report has a name")
)

// parse reads a report, and says whether it is worth keeping.
func parse(event []byte) (report, decode.Drop, error) {
	var p posted
	if err := decode.Lenient(event, &p); err != nil {
		return report{}, "", err
	}
	data := event
	if p.Object != nil {
		data = p.Object
	}
	var r report
	if err := decode.Lenient(data, &r); err != nil {
		return report{}, "", fmt.Errorf("operatorObject: %w", err)
	}
	r.deleted = strings.EqualFold(p.Verb, "delete")
	_, known := kinds[r.Kind]
	switch {
	case !strings.HasPrefix(r.APIVersion, group):
		return r, "", errNoReport
	case !known:
		return r, decode.DropTelemetry, nil
	case text.Line(r.Metadata.Name, maxName) == "":
		return r, "", errNoName
	case r.counts() == (findings.Counts{}):
		return r, decode.DropTelemetry, nil // Nothing was found.
	}
	return r, "", nil
}

// maxName bounds the name of an object.
const maxName = 253

// summary counts what was found, by severity.
type summary struct {
	Critical int64 `json:"criticalCount"`
	High     int64 `json:"highCount"`
	Medium   int64 `json:"mediumCount"`
	Low      int64 `json:"lowCount"`
	Unknown  int64 `json:"unknownCount"`
}

// counts are those of the summary, or of the list where there is none.
func (r report) counts() findings.Counts {
	s := r.Report.Summary
	counts := findings.Counts{Critical: max(s.Critical, 0), High: max(s.High, 0), Medium: max(s.Medium, 0), Low: max(s.Low, 0), Unknown: max(s.Unknown, 0)}
	if counts == (findings.Counts{}) {
		return r.found().counts
	}
	return counts
}

func (r report) found() worst {
	switch r.Kind {
	case vulnerabilityReport:
		return r.Report.Vulnerabilities
	case configAuditReport:
		return r.Report.Checks
	}
	return r.Report.Secrets
}

// finding is a vulnerability, a check or a secret.
type finding struct {
	Severity string `json:"severity"`
	Title    string `json:"title"`
	// Of a vulnerability.
	VulnerabilityID  string `json:"vulnerabilityID"`
	Resource         string `json:"resource"`
	InstalledVersion string `json:"installedVersion"`
	FixedVersion     string `json:"fixedVersion"`
	// Of a check.
	CheckID     string              `json:"checkID"`
	Success     bool                `json:"success"`
	Messages    decode.List[string] `json:"messages"`
	Remediation string              `json:"remediation"`
	// Of a secret. What was found is never kept, though it comes masked.
	RuleID string `json:"ruleID"`
	Target string `json:"target"`
}

const (
	// maxListed is how many findings a description tells of.
	maxListed = 20
	// maxCounted is more than fit into a report that etcd takes.
	maxCounted = 20_000
)

// worst counts all findings and keeps the most severe, so that a report of many
// thousands costs no more than a short one.
type worst struct {
	list    []finding
	counts  findings.Counts
	fixable int64
}

// UnmarshalJSON never fails: what is no list of findings is left out.
func (w *worst) UnmarshalJSON(data []byte) error {
	*w = worst{}
	for f := range decode.Elements[finding](data, maxCounted) {
		if f.Success {
			continue
		}
		w.count(f)
		at, _ := slices.BinarySearchFunc(w.list, f, func(a, b finding) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), -1) // Behind its equals.
		})
		w.list = slices.Insert(w.list, at, f)
		w.list = w.list[:min(len(w.list), maxListed)]
	}
	return nil
}

func (w *worst) count(f finding) {
	if f.FixedVersion != "" {
		w.fixable++
	}
	switch f.rank() {
	case 0:
		w.counts.Critical++
	case 1:
		w.counts.High++
	case 2:
		w.counts.Medium++
	case 3:
		w.counts.Low++
	default:
		w.counts.Unknown++
	}
}

// rank puts the worst first.
func (f finding) rank() int {
	if rank := slices.Index([]string{"CRITICAL", "HIGH", "MEDIUM", "LOW"}, strings.ToUpper(f.Severity)); rank >= 0 {
		return rank
	}
	return len("CRITICAL")
}
