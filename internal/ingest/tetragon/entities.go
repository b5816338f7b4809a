package tetragon

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// entities names what a signal speaks of, what was hit first.
func (s signal) entities(node string) []model.Entity {
	var list entity.List
	pod, inPod := s.Process.pod()
	container, inContainer := s.Process.container()
	list.Asset(model.RoleAttacked)(pod, inPod)
	s.Process.addOwner(&list)
	list.Asset(model.RoleAttacked)(container, inContainer)
	list.Evidence(model.RoleContextual)(s.Process.image())
	role := model.RoleAttacked
	if inPod || inContainer {
		role = model.RoleContextual // Only the place where it was.
	}
	list.Asset(role)(entity.Node(node))

	scope := strings.ToLower(node)
	if inContainer {
		scope = container.Name
	} else {
		list.Evidence(model.RoleSuspicious)(entity.LocalUser(scope, string(s.Process.User.Name)))
	}
	list.Evidence(model.RoleSuspicious)(entity.Scoped(model.KindProcess, scope, string(s.Process.Binary)))
	s.addArguments(&list, scope)
	return list.Items()
}

func (s signal) addArguments(list *entity.List, scope string) {
	for _, a := range s.Args {
		list.Evidence(model.RoleSuspicious)(entity.Scoped(model.KindFile, scope, a.file()))
		source, destination, _ := a.peers()
		list.Evidence(model.RoleSource)(entity.IP(source))
		list.Evidence(model.RoleDestination)(entity.IP(destination))
	}
	if hash := strings.ToLower(string(s.Hash)); strings.HasPrefix(hash, "sha256:") && len(hash) == len("sha256:")+64 {
		list.Evidence(model.RoleSuspicious)(entity.New(model.KindFile, hash))
	}
}

func (p process) pod() (model.Key, bool) {
	return entity.Pod(string(p.Pod.Namespace), string(p.Pod.Name))
}

// container has a short id where the pod is not known, as with static pods.
func (p process) container() (model.Key, bool) {
	if key, ok := entity.Container(string(p.Pod.Container.ID)); ok {
		return key, ok
	}
	return entity.Container(string(p.Docker))
}

// image has its digest in the id and its tag in the name.
func (p process) image() (model.Key, bool) {
	_, digest, _ := strings.Cut(string(p.Pod.Container.Image.ID), "@")
	return entity.Image(string(p.Pod.Container.Image.Name), "", digest)
}

func (p process) addOwner(list *entity.List) {
	if p.Pod.WorkloadKind != "Pod" {
		list.Asset(model.RoleAttacked)(entity.Object(string(p.Pod.WorkloadKind), string(p.Pod.Namespace), string(p.Pod.Workload)))
	}
}

// where is the pod, else the container, else the node.
func (p process) where(node string) string {
	if key, ok := p.pod(); ok {
		return key.String()
	}
	if key, ok := p.container(); ok {
		return key.String()
	}
	return text.Line(strings.ToLower(node), maxWord)
}
