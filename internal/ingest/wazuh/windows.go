package wazuh

import (
	"cmp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// windows is an event of a log of Windows. It writes "-" for what it does not know.
type windows struct {
	System struct {
		Computer decode.Scalar `json:"computer"`
	} `json:"system"`
	Data struct {
		TargetUser    decode.Scalar `json:"targetUserName"`
		TargetDomain  decode.Scalar `json:"targetDomainName"`
		SubjectUser   decode.Scalar `json:"subjectUserName"`
		SubjectDomain decode.Scalar `json:"subjectDomainName"`
		Address       decode.Scalar `json:"ipAddress"`
		Image         decode.Scalar `json:"image"`          // Of Sysmon.
		NewProcess    decode.Scalar `json:"newProcessName"` // Of the security log.
	} `json:"eventdata"`
}

// computer is where it was logged, unless that is the agent under its full name:
// an agent may collect the logs of other machines.
func (w windows) computer(agent string) string {
	computer := strings.ToLower(line(w.System.Computer))
	if computer == "-" || shortName(computer) == shortName(strings.ToLower(agent)) {
		return ""
	}
	return computer
}

func shortName(host string) string {
	short, _, _ := strings.Cut(host, ".")
	return short
}

// account is one of a domain or of a host. What runs as the system itself, or as
// the machine where it was logged, is nobody's.
func account(host string, domain, user decode.Scalar) (model.Key, bool) {
	name, scope := strings.ToLower(line(user)), line(domain)
	if strings.EqualFold(scope, "NT AUTHORITY") || name == shortName(host)+"$" {
		return model.Key{}, false
	}
	if scope == "-" {
		scope = ""
	}
	return entity.LocalUser(cmp.Or(scope, host), name)
}

// process is the program that was started or that did it. Wazuh doubles the
// backslashes of its path.
func (w windows) process(host string) (model.Key, bool) {
	path := strings.ReplaceAll(line(cmp.Or(w.Data.Image, w.Data.NewProcess)), `\\`, `\`)
	return entity.Scoped(model.KindProcess, host, path)
}

func (w windows) add(list *entity.List, host string) {
	list.Asset(model.RoleAttacked)(account(host, w.Data.TargetDomain, w.Data.TargetUser))
	list.Evidence(model.RoleSuspicious)(account(host, w.Data.SubjectDomain, w.Data.SubjectUser))
	list.Evidence(model.RoleSource)(entity.IP(address(w.Data.Address)))
	list.Evidence(model.RoleSuspicious)(w.process(host))
}

// signal tells apart what one rule says of a machine: by what it speaks of. It is
// empty where the event is none of Windows.
func (w windows) signal(host string) []string {
	if w == (windows{}) {
		return nil
	}
	var list entity.List
	w.add(&list, host)
	parts := []string{host}
	for _, e := range list.Items() {
		parts = append(parts, string(e.Role), e.Key.Name)
	}
	return parts
}
