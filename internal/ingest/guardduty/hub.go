package guardduty

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// hubFinding is a finding of any product in ASFF.
type hubFinding struct {
	header
	ProductName string              `json:"ProductName"`
	Types       decode.List[string] `json:"Types"`
	Description string              `json:"Description"`
	Severity    struct {
		Label string `json:"Label"`
	} `json:"Severity"`
	FirstObservedAt string `json:"FirstObservedAt"`
	LastObservedAt  string `json:"LastObservedAt"`
	CreatedAt       string `json:"CreatedAt"`
	UpdatedAt       string `json:"UpdatedAt"`
	RecordState     string `json:"RecordState"`
	Sample          bool   `json:"Sample"`
	Workflow        struct {
		Status string `json:"Status"`
	} `json:"Workflow"`
	Remediation struct {
		Recommendation struct {
			Text string `json:"Text"`
		} `json:"Recommendation"`
	} `json:"Remediation"`
	ProductFields map[string]decode.Scalar `json:"ProductFields"`
	Resources     decode.List[hubResource] `json:"Resources"`
	Detection     detection                `json:"Detection"`
}

type hubResource struct {
	Type    string `json:"Type"`
	ID      string `json:"Id"`
	Role    string `json:"ResourceRole"`
	Details struct {
		AccessKey struct {
			PrincipalName string `json:"PrincipalName"`
		} `json:"AwsIamAccessKey"`
	} `json:"Details"`
}

func decodeHub(data []byte, received time.Time) (decode.Decoded, error) {
	var f hubFinding
	if err := decode.Lenient(data, &f); err != nil {
		return decode.Decoded{}, err
	}
	over := f.RecordState == "ARCHIVED" || f.Workflow.Status == "RESOLVED" || f.Workflow.Status == "SUPPRESSED"
	return decode.Decoded{Alert: f.alert(received), Resolved: over}, nil
}

func (f hubFinding) alert(received time.Time) model.Alert {
	tactics, techniques := attack.Tags(f.tags())
	first, last := entity.Span(cmp.Or(f.FirstObservedAt, f.CreatedAt), cmp.Or(f.LastObservedAt, f.UpdatedAt), received)
	title := decode.Title(f.Title)
	alert := model.Alert{
		Service:            f.service(),
		Rule:               cmp.Or(f.rule(), title),
		Title:              title,
		Description:        decode.Description(f.Description),
		RecommendedActions: decode.Description(f.Remediation.Recommendation.Text),
		Severity:           label(f.Severity.Label),
		Tactics:            tactics,
		Techniques:         techniques,
		First:              first,
		Last:               last,
		Fingerprint:        fingerprint(f.service(), string(f.ID)),
		Entities:           f.entities(),
		Occurrences:        1,
	}
	if f.Sample {
		alert.Title = decode.Title("[SAMPLE] " + title)
		alert.Severity = model.SeverityInformational // Nothing has happened.
	}
	return alert
}

// service is the product that found it. GuardDuty has one name, whichever way
// its findings come.
func (f hubFinding) service() string {
	name := cmp.Or(f.ProductName, string(f.ProductFields["aws/securityhub/ProductName"]))
	if strings.EqualFold(name, "GuardDuty") || strings.HasSuffix(f.ProductARN, "/aws/guardduty") {
		return Service
	}
	return cmp.Or(text.Line(name, decode.MaxSensor), "securityhub")
}

// rule is the type that GuardDuty itself gives: Security Hub writes
// "TTPs/Defense Evasion/Stealth:IAMUser-CloudTrailLoggingDisabled". Those of
// other products are too wide to be rules.
func (f hubFinding) rule() string {
	if f.service() != Service || len(f.Types) == 0 {
		return ""
	}
	name := text.Line(f.Types[0], decode.MaxRule)
	if path, _, found := strings.Cut(name, ":"); found { // "TTPs/AttackSequence:S3/CompromisedData"
		return strings.Replace(name[strings.LastIndexByte(path, '/')+1:], "-", "/", 1)
	}
	return strings.Replace(lastPart(name), "-", "/", 1)
}

// tags returns what names a tactic: "TTPs/Defense Evasion/...".
func (f hubFinding) tags() []string {
	tags := append([]string{tactic(f.rule())}, f.Detection.Sequence.tags()...)
	for _, name := range f.Types {
		if _, path, found := strings.Cut(text.Line(name, decode.MaxRule), "TTPs/"); found {
			stage, _, _ := strings.Cut(path, "/")
			tags = append(tags, stage)
		}
	}
	return tags
}

// label reads a severity of ASFF. One that is missing or unknown is Medium.
func label(name string) model.Severity {
	switch name {
	case "CRITICAL", "HIGH":
		return model.SeverityHigh
	case "LOW":
		return model.SeverityLow
	case "INFORMATIONAL":
		return model.SeverityInformational
	}
	return model.SeverityMedium
}

func (f hubFinding) entities() []model.Entity {
	var list entity.List
	for _, r := range f.Resources {
		if r.Type == "AwsAccount" {
			continue // Every finding in the account names it.
		}
		role := model.RoleAttacked
		if strings.EqualFold(r.Role, "Actor") {
			role = model.RoleCompromised
		}
		list.Add(role)(entity.New(model.KindCloudResource, strings.TrimPrefix(r.ID, "AWS::IAM::AccessKey:")))
		list.Add(model.RoleAttacker)(entity.User(r.Details.AccessKey.PrincipalName))
	}
	// GuardDuty writes its own fields as paths.
	for _, path := range slices.Sorted(maps.Keys(f.ProductFields)) {
		if strings.HasSuffix(path, "/remoteIpDetails/ipAddressV4") {
			list.Add(model.RoleSource)(entity.IP(string(f.ProductFields[path])))
		}
	}
	f.Detection.Sequence.add(&list)
	return list.Items()
}
