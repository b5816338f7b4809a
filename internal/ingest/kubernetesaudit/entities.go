package kubernetesaudit

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// What the API server knows of the holder of a service account's token.
const (
	extraPod  = "authentication.kubernetes.io/pod-name"
	extraNode = "authentication.kubernetes.io/node-name"
)

// entities names what an event speaks of: the object, who asked, from where.
func (e Event) entities() []model.Entity {
	var list entity.List
	e.addObject(&list)
	e.addActor(&list)
	e.addHolder(&list)
	e.addPodSpec(&list)
	e.addSubjects(&list)
	list.Evidence(model.RoleSource)(entity.IP(e.client()))
	return list.Items()
}

// addActor adds who asked. The cluster's own components act on behalf of
// others: they are no attackers, only context.
func (e Event) addActor(list *entity.List) {
	for _, username := range []string{e.User.Username, e.ImpersonatedUser.Username} {
		if newActor(username).Infrastructure {
			list.Evidence(model.RoleContextual)(entity.Identity(username))
		} else {
			list.Asset(model.RoleAttacker)(entity.Identity(username))
		}
	}
}

// addHolder adds the pod and the node that hold the token that was used: what
// the attacker works from.
func (e Event) addHolder(list *entity.List) {
	actor := newActor(e.User.Username)
	list.Asset(model.RoleCompromised)(entity.Pod(actor.Namespace, first(e.User.Extra[extraPod])))
	list.Asset(model.RoleContextual)(entity.Node(first(e.User.Extra[extraNode])))
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// workloads are the kinds that run pods.
var workloads = map[string]string{
	"deployments": "Deployment", "daemonsets": "DaemonSet", "statefulsets": "StatefulSet",
	"replicasets": "ReplicaSet", "jobs": "Job", "cronjobs": "CronJob",
}

// addObject adds what was acted on.
func (e Event) addObject(list *entity.List) {
	o, name := e.ObjectRef, e.name()
	add := list.Asset(e.objectRole())
	switch o.Resource {
	case "pods":
		add(entity.Pod(o.Namespace, name))
	case "secrets":
		add(entity.Secret(o.Namespace, name))
	case "serviceaccounts":
		add(entity.ServiceAccount(o.Namespace, name))
	case "nodes":
		add(entity.Node(name))
	case "namespaces":
		add(entity.Namespace(name))
	default:
		if kind, ok := workloads[o.Resource]; ok {
			add(entity.Workload(o.Namespace, kind, name))
		}
	}
}

func (e Event) objectRole() model.Role {
	switch {
	case e.ObjectRef.Subresource != "":
		return model.RoleAttacked
	case e.Verb == "create":
		return model.RoleCreated
	case e.Verb == "update", e.Verb == "patch":
		return model.RoleEdited
	}
	return model.RoleAttacked
}

// addPodSpec adds what a created pod brings with it.
func (e Event) addPodSpec(list *entity.List) {
	if e.ObjectRef.Resource != "pods" || e.ObjectRef.Subresource != "" {
		return
	}
	pod := e.either("spec")
	e.addOwner(list)
	for _, containers := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, container := range pod.list("spec", containers) {
			list.Evidence(model.RoleLoaded)(entity.ImageReference(container.text("image")))
		}
	}
	account := pod.text("spec", "serviceAccountName")
	if account != "" && account != "default" { // Every pod without one has "default".
		list.Asset(model.RoleContextual)(entity.ServiceAccount(e.ObjectRef.Namespace, account))
	}
	list.Asset(model.RoleContextual)(entity.Node(pod.text("spec", "nodeName")))
}

// addOwner adds the workload of a created pod.
func (e Event) addOwner(list *entity.List) {
	metadata := e.either("metadata")
	hash := metadata.text("metadata", "labels", "pod-template-hash")
	for _, owner := range metadata.list("metadata", "ownerReferences") {
		kind, name := owner.text("kind"), owner.text("name")
		// A ReplicaSet of a Deployment is named after it, with this hash or,
		// before Kubernetes 1.11, another one behind.
		if kind == "ReplicaSet" && hash != "" {
			if dash := strings.LastIndexByte(name, '-'); dash > 0 {
				kind, name = "Deployment", name[:dash]
			}
		}
		list.Asset(model.RoleContextual)(entity.Workload(e.ObjectRef.Namespace, kind, name))
	}
}

// addSubjects adds to whom a binding gives its role.
func (e Event) addSubjects(list *entity.List) {
	if !strings.HasSuffix(e.ObjectRef.Resource, "rolebindings") {
		return
	}
	for _, subject := range e.either("subjects").list("subjects") {
		switch subject.text("kind") {
		case "ServiceAccount":
			list.Asset(model.RoleAdded)(entity.ServiceAccount(subject.text("namespace"), subject.text("name")))
		case "User":
			list.Asset(model.RoleAdded)(entity.Identity(subject.text("name")))
		}
	}
}
