package entity

import (
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// workloadKinds are the kinds that run pods, under their names in lower case,
// singular and plural.
var workloadKinds = func() map[string]string {
	kinds := map[string]string{}
	for _, kind := range []string{"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"} {
		kinds[strings.ToLower(kind)] = kind
		kinds[strings.ToLower(kind)+"s"] = kind
	}
	return kinds
}()

// Object returns the key of a Kubernetes object by its kind ("Pod", "pods",
// "deployment"). It is not ok for kinds that are no entities.
func Object(kind, namespace, name string) (model.Key, bool) {
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch strings.TrimSuffix(kind, "s") {
	case "pod":
		return Pod(namespace, name)
	case "secret":
		return Secret(namespace, name)
	case "serviceaccount":
		return ServiceAccount(namespace, name)
	case "node":
		return Node(name)
	case "namespace":
		return Namespace(name)
	}
	workload, ok := workloadKinds[kind]
	if !ok {
		return model.Key{}, false
	}
	workload, name = owner(workload, name)
	return Workload(namespace, workload, name)
}

// What controllers put behind the names of what they make: a Deployment a hash
// in an alphabet that spells no words, a CronJob the minutes since 1970.
var (
	templateHash  = regexp.MustCompile(`^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}$`)
	scheduledTime = regexp.MustCompile(`^(.+)-[0-9]{8}$`)
)

// owner returns the controller that outlives a ReplicaSet or a Job, as its
// name tells: each rollout and each run makes another one.
func owner(kind, name string) (ownerKind, ownerName string) {
	made := map[string]struct {
		by   string
		name *regexp.Regexp
	}{"ReplicaSet": {"Deployment", templateHash}, "Job": {"CronJob", scheduledTime}}[kind]
	if made.name == nil || len(name) > MaxName {
		return kind, name
	}
	if found := made.name.FindStringSubmatch(name); found != nil {
		return made.by, found[1]
	}
	return kind, name
}
