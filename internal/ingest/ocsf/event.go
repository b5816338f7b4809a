// Package ocsf reads findings in the Open Cybersecurity Schema Framework, of its
// versions before 1.0 up to those of today, which put the same things into
// different places.
package ocsf

import (
	"cmp"
	"errors"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// findings is the category of the classes that are alerts: 2001 Security
// Finding, 2002 Vulnerability, 2003 Compliance, 2004 Detection, 2005 Incident and
// those that came later. What is in another, such as 6003 API Activity, is telemetry.
const (
	findings        = 2
	incidentFinding = 2005
)

// header is as much of an event as tells whether it is worth keeping.
type header struct {
	ClassUID   decode.Scalar `json:"class_uid"`
	TypeUID    decode.Scalar `json:"type_uid"`
	Message    string        `json:"message"`
	Desc       string        `json:"desc"`
	Compliance struct {
		Status   string        `json:"status"`
		StatusID decode.Scalar `json:"status_id"`
	} `json:"compliance"`
	Info     finding              `json:"finding_info"`
	Old      finding              `json:"finding"`
	InfoList decode.List[finding] `json:"finding_info_list"`
}

// finding is finding_info, or finding before version 1.1.
type finding struct {
	UID             decode.Scalar       `json:"uid"`
	Title           string              `json:"title"`
	Desc            string              `json:"desc"`
	Types           decode.List[string] `json:"types"`
	FirstSeenTime   decode.Scalar       `json:"first_seen_time"`
	FirstSeenTimeDT string              `json:"first_seen_time_dt"`
	LastSeenTime    decode.Scalar       `json:"last_seen_time"`
	LastSeenTimeDT  string              `json:"last_seen_time_dt"`
	CreatedTime     decode.Scalar       `json:"created_time"`
	Attacks         decode.List[tactic] `json:"attacks"`
	Analytic        analytic            `json:"analytic"`
}

type analytic struct {
	Name string `json:"name"`
}

var (
	errNoClass = errors.New("class_uid: is missing or not a number; an OCSF event says which class it is of, 2004 for a detection finding")
	errNoTitle = errors.New("finding_info.title: is missing; a finding has a title or a message")
)

func (h header) check() (decode.Drop, error) {
	class := h.class()
	switch {
	case class == 0:
		return "", errNoClass
	case class/1000 != findings, h.passed():
		return decode.DropTelemetry, nil
	case h.title() == "":
		return "", errNoTitle
	}
	return "", nil
}

// class is 0 where the event does not say it. The type holds the class, then
// two digits for the activity.
func (h header) class() int {
	if class, err := strconv.Atoi(string(h.ClassUID)); err == nil && class > 0 {
		return class
	}
	typ, _ := strconv.Atoi(string(h.TypeUID))
	return max(typ, 0) / 100
}

// passed holds for a check that found nothing.
func (h header) passed() bool {
	status := strings.ToLower(h.Compliance.Status)
	return h.Compliance.StatusID == "1" || status == "pass" || status == "passed"
}

// finding is the one that the event is about. An incident has a list instead.
func (h header) finding() finding {
	for _, f := range append([]finding{h.Info, h.Old}, h.InfoList...) {
		if f.Title != "" || f.UID != "" {
			return f
		}
	}
	return finding{}
}

func (h header) title() string {
	if h.class() == incidentFinding {
		return cmp.Or(decode.Title(h.Message), decode.Title(h.Desc), decode.Title(h.finding().Title))
	}
	return cmp.Or(decode.Title(h.finding().Title), decode.Title(h.Message))
}

// event is what findings of any class and version hold.
type event struct {
	header
	ActivityID decode.Scalar `json:"activity_id"`
	SeverityID decode.Scalar `json:"severity_id"`
	Severity   string        `json:"severity"`
	StatusID   decode.Scalar `json:"status_id"`
	StateID    decode.Scalar `json:"state_id"`
	Time       decode.Scalar `json:"time"`
	TimeDT     string        `json:"time_dt"`
	StartTime  decode.Scalar `json:"start_time"`
	EndTime    decode.Scalar `json:"end_time"`
	Metadata   struct {
		UID            decode.Scalar `json:"uid"`
		CorrelationUID decode.Scalar `json:"correlation_uid"`
		Product        product       `json:"product"`
	} `json:"metadata"`
	Attacks     decode.List[tactic] `json:"attacks"`
	Analytic    analytic            `json:"analytic"`
	Remediation struct {
		Desc string `json:"desc"`
	} `json:"remediation"`
	evidence
	Evidences   decode.List[evidence]   `json:"evidences"`
	Resources   decode.List[resource]   `json:"resources"`
	Resource    resource                `json:"resource"`
	Observables decode.List[observable] `json:"observables"`
}

type product struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Feature    struct {
		Name string `json:"name"`
	} `json:"feature"`
}

// name is vendor and product, once where one holds the other.
func (p product) name() string {
	if strings.HasPrefix(strings.ToLower(p.Name), strings.ToLower(p.VendorName)) {
		return text.Line(p.Name, decode.MaxSensor)
	}
	return text.Line(p.VendorName+" "+p.Name, decode.MaxSensor)
}

// tactic is one of attacks: a technique, under one tactic or several.
type tactic struct {
	Tactic       label              `json:"tactic"`
	Tactics      decode.List[label] `json:"tactics"`
	Technique    label              `json:"technique"`
	SubTechnique label              `json:"sub_technique"`
}

type label struct {
	UID  string `json:"uid"`
	Name string `json:"name"`
}

// techniques returns what identifies or names techniques.
func (e event) techniques() []string {
	var techniques []string
	for _, attack := range append(e.Attacks, e.finding().Attacks...) {
		for _, l := range []label{attack.Technique, attack.SubTechnique} {
			techniques = append(techniques, cmp.Or(l.UID, l.Name))
		}
	}
	return techniques
}

// tags returns what names a tactic. A type can hold one too, as in "TTPs/Defense
// Evasion/...", or a technique.
func (e event) tags() []string {
	var tags []string
	for _, attack := range append(e.Attacks, e.finding().Attacks...) {
		for _, l := range append(attack.Tactics, attack.Tactic) {
			tags = append(tags, cmp.Or(l.UID, l.Name))
		}
	}
	for _, name := range e.finding().Types {
		tags = append(tags, strings.Split(text.Line(name, decode.MaxRule), "/")...)
	}
	return tags
}
