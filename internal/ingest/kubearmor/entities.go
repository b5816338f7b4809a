package kubearmor

import (
	"cmp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

func (e event) pod() (model.Key, bool) {
	return entity.Pod(string(e.NamespaceName), string(e.PodName))
}

func (e event) host() string { return strings.ToLower(line(e.HostName)) }

// entities names what an event speaks of, what was hit first.
func (e event) entities() []model.Entity {
	var list entity.List
	pod, inPod := e.pod()
	container, inContainer := entity.Container(string(e.ContainerID))
	list.Asset(model.RoleAttacked)(pod, inPod)
	e.addOwner(&list)
	list.Asset(model.RoleAttacked)(container, inContainer)
	list.Evidence(model.RoleContextual)(entity.ImageReference(string(e.ContainerImage)))
	role := model.RoleAttacked
	if inPod || inContainer {
		role = model.RoleContextual // Only the place where it was.
	}
	list.Asset(role)(entity.Node(e.host()))

	scope := e.host()
	if inContainer {
		scope = container.Name
	}
	list.Evidence(model.RoleSuspicious)(entity.Scoped(model.KindProcess, scope, e.program()))
	e.addResource(&list, scope)
	return list.Items()
}

func (e event) addOwner(list *entity.List) {
	kind := cmp.Or(e.Owner.Ref, e.OwnerRef)
	namespace := cmp.Or(e.Owner.Namespace, e.OwnerNamespace, e.NamespaceName)
	if kind != "Pod" {
		list.Asset(model.RoleAttacked)(entity.Object(string(kind), string(namespace), string(cmp.Or(e.Owner.Name, e.OwnerName))))
	}
}

// program is what ran, or was to run.
func (e event) program() string {
	if e.ProcessName != "" {
		return string(e.ProcessName)
	}
	command := e.Source
	if e.Operation == "Process" {
		command = e.Resource
	}
	program, _, _ := strings.Cut(strings.TrimSpace(line(command)), " ")
	return program
}

// addResource adds the file or the peer. The program that was to run is there already.
func (e event) addResource(list *entity.List, scope string) {
	if resource := line(e.Resource); e.Operation == "File" && strings.HasPrefix(resource, "/") {
		list.Evidence(model.RoleSuspicious)(entity.Scoped(model.KindFile, scope, resource))
	}
	if e.Operation != "Network" {
		return
	}
	role := model.RoleDestination
	if strings.Contains(string(e.Data), "ACCEPT") {
		role = model.RoleSource
	}
	for _, text := range []decode.Scalar{e.Resource, e.Data} {
		list.Evidence(role)(entity.IP(peer(line(text))))
	}
}

// peer finds the address in "sa_family=AF_INET sin_port=53 sin_addr=10.0.0.10"
// or in "kfunc=UDP_SENDMSG,daddr=10.0.0.10".
func peer(text string) string {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "sin_addr", "sin6_addr", "remoteip", "daddr":
			return value
		}
	}
	return ""
}
