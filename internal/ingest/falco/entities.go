package falco

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// entities names what an event speaks of, what was hit first.
func (e event) entities() []model.Entity {
	var list entity.List
	if e.sensor() == "syscall" {
		e.addRuntime(&list)
	}
	e.addAuditTarget(&list)
	e.addCloudActor(&list)
	return list.Items()
}

// addRuntime adds what a system call names: pod, container, image, node,
// process, file and peers.
func (e event) addRuntime(list *entity.List) {
	f := e.OutputFields
	pod, inPod := entity.Pod(f.get("k8s.ns.name"), f.get("k8s.pod.name"))
	container, inContainer := entity.Container(f.get("container.id"))
	list.Asset(model.RoleAttacked)(pod, inPod)
	e.addWorkload(list)
	list.Asset(model.RoleAttacked)(container, inContainer)
	list.Evidence(model.RoleContextual)(entity.Image(f.get("container.image.repository"),
		f.get("container.image.tag"), f.get("container.image.digest")))
	e.addNode(list, inPod || inContainer)

	scope := e.host()
	if inContainer {
		scope = container.Name
	} else {
		// A container has users of its own, which are no accounts of anything.
		list.Evidence(model.RoleSuspicious)(entity.LocalUser(scope, f.get("user.name")))
	}
	list.Evidence(model.RoleSuspicious)(entity.Scoped(model.KindProcess, scope, f.get("proc.exepath", "proc.name")))
	e.addDescriptor(list, scope)
}

// addNode adds the host: hit itself, or only the place where a pod was hit.
func (e event) addNode(list *entity.List, contained bool) {
	role := model.RoleAttacked
	if contained {
		role = model.RoleContextual
	}
	list.Asset(role)(entity.Node(e.host()))
}

// host is the node, or nothing where Falco only knows the name of its own pod.
func (e event) host() string {
	host := e.OutputFields.get("k8s.node.name", "evt.hostname")
	if host == "" {
		host = text.Line(string(e.Hostname), maxField)
	}
	if strings.HasPrefix(host, "falco-") {
		return ""
	}
	return strings.ToLower(host)
}

// workloadFields name what runs the pod, where the Kubernetes metadata plug-in
// of Falco is in use.
var workloadFields = []struct{ kind, field string }{
	{"Deployment", "k8smeta.deployment.name"},
	{"Deployment", "k8s.deployment.name"},
	{"ReplicaSet", "k8smeta.rs.name"},
	{"ReplicationController", "k8smeta.rc.name"},
}

func (e event) addWorkload(list *entity.List) {
	for _, workload := range workloadFields {
		key, ok := entity.Workload(e.OutputFields.get("k8s.ns.name"), workload.kind, e.OutputFields.get(workload.field))
		if ok {
			list.Asset(model.RoleAttacked)(key, ok)
			return
		}
	}
}

// addDescriptor adds the file or the peers of a connection.
func (e event) addDescriptor(list *entity.List, scope string) {
	f := e.OutputFields
	name := f.get("fd.name", "fs.path.name")
	if source, destination, ok := entity.Connection(name); ok {
		list.Evidence(model.RoleSource)(entity.IP(source))
		list.Evidence(model.RoleDestination)(entity.IP(destination))
	} else if strings.HasPrefix(name, "/") {
		list.Evidence(model.RoleSuspicious)(entity.Scoped(model.KindFile, scope, name))
	}
	list.Evidence(model.RoleSource)(entity.IP(f.get("fd.cip")))
	list.Evidence(model.RoleDestination)(entity.IP(f.get("fd.sip", "fd.rip")))
	list.Evidence(model.RoleSuspicious)(entity.New(model.KindFile, digest(f.get("proc.hash.sha256"))))
}

// digest marks a hash as one; a file known by its content is the same everywhere.
func digest(sum string) string {
	if len(sum) != 64 {
		return ""
	}
	return "sha256:" + strings.ToLower(sum)
}

// auditKinds are the resources of the API server that are entities.
var auditKinds = map[string]model.EntityKind{
	"pods":            model.KindPod,
	"secrets":         model.KindSecret,
	"serviceaccounts": model.KindServiceAccount,
}

// addAuditTarget adds what the Kubernetes audit plug-in of Falco names.
func (e event) addAuditTarget(list *entity.List) {
	f := e.OutputFields
	if kind, ok := auditKinds[f.get("ka.target.resource")]; ok {
		list.Asset(model.RoleAttacked)(entity.Namespaced(kind, f.get("ka.target.namespace"), f.get("ka.target.name")))
	}
	if user := f.get("ka.user.name"); user != "" {
		list.Asset(model.RoleAttacker)(entity.Identity(user))
	}
	client, _, _ := strings.Cut(f.get("ka.sourceips"), ",")
	list.Evidence(model.RoleSource)(entity.IP(client))
}

// addCloudActor adds who acted, and from where, in the events of the cloud plug-ins.
func (e event) addCloudActor(list *entity.List) {
	f := e.OutputFields
	list.Asset(model.RoleAttacker)(entity.User(f.get("gcp.user", "ct.user.arn", "ct.user", "okta.actor.alternateid", "github.user")))
	list.Evidence(model.RoleSource)(entity.IP(f.get("gcp.callerIP", "ct.srcip", "okta.client.ip")))
}
