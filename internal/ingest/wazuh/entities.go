package wazuh

import (
	"net/netip"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// entities names what an alert speaks of, what was hit first.
func (e event) entities() []model.Entity {
	var list entity.List
	e.addAudit(&list)
	role := model.RoleAttacked
	if e.audit() {
		role = model.RoleContextual // Only the machine that takes the audit log.
	}
	list.Asset(role)(entity.Node(e.host()))
	list.Asset(model.RoleContextual)(entity.Node(line(e.Agent.Name)))
	e.addUsers(&list)
	e.data.Windows.add(&list, e.host())
	e.addFile(&list)
	list.Evidence(model.RoleSource)(entity.IP(address(e.data.Source)))
	list.Evidence(model.RoleDestination)(entity.IP(address(e.data.Destination)))
	e.eve.AddTo(&list)
	list.Evidence(model.RoleContextual)(entity.IP(line(e.Agent.IP)))
	return list.Items()
}

// address is one without its port: some decoders leave it there.
func address(s decode.Scalar) string {
	if withPort, err := netip.ParseAddrPort(line(s)); err == nil {
		return withPort.Addr().String()
	}
	return line(s)
}

// addAudit adds what an event of a Kubernetes audit log is about.
func (e event) addAudit(list *entity.List) {
	if !e.audit() {
		return
	}
	o := e.data.Object
	list.Asset(model.RoleAttacked)(entity.Object(string(o.Resource), string(o.Namespace), string(o.Name)))
	if name := line(e.data.User.Name); name != "" {
		list.Asset(model.RoleAttacker)(entity.Identity(name))
	}
	if len(e.data.Clients) > 0 {
		list.Evidence(model.RoleSource)(entity.IP(e.data.Clients[0])) // The others are proxies.
	}
}

// addUsers adds whose account was tried, and who tried it.
func (e event) addUsers(list *entity.List) {
	list.Asset(model.RoleAttacked)(e.user(e.data.DestinationUser))
	list.Evidence(model.RoleSuspicious)(e.user(e.data.SourceUser))
}

// user is an account of the host, unless its name says where it belongs.
func (e event) user(name decode.Scalar) (model.Key, bool) {
	account := strings.Trim(line(name), "<>")
	if strings.Contains(account, "@") {
		return entity.User(account)
	}
	return entity.LocalUser(e.host(), account)
}

// roles of a file, by what was done to it.
var roles = map[decode.Scalar]model.Role{"added": model.RoleCreated, "modified": model.RoleEdited}

// addFile adds a file whose change Wazuh noticed. Keys of a registry are none.
func (e event) addFile(list *entity.List) {
	path := line(e.Syscheck.Path)
	if path == "" || strings.HasPrefix(path, "HKEY_") {
		return
	}
	role, known := roles[e.Syscheck.Event]
	if !known {
		role = model.RoleAttacked
	}
	list.Evidence(role)(entity.Scoped(model.KindFile, e.host(), path))
	if sum := strings.ToLower(string(e.Syscheck.SHA256)); len(sum) == 64 {
		list.Evidence(role)(entity.New(model.KindFile, "sha256:"+sum))
	}
}
