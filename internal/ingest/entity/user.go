package entity

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// accountPrefix stands before the namespace and name of a service account.
const accountPrefix = "system:serviceaccount:"

// Identity returns the key behind the name of a Kubernetes user: a service
// account, a node, or a user. The cluster's own components ("system:apiserver",
// "system:kube-scheduler") are users with that name.
func Identity(username string) (model.Key, bool) {
	if rest, found := strings.CutPrefix(username, accountPrefix); found {
		namespace, name, _ := strings.Cut(rest, ":")
		return ServiceAccount(namespace, name)
	}
	if node, found := strings.CutPrefix(username, "system:node:"); found {
		return Node(node)
	}
	return User(username)
}

// User returns the key of a person or a technical user. Names that stand for
// everybody identify nobody.
func User(name string) (model.Key, bool) {
	name = strings.TrimSpace(name)
	if strings.Contains(name, "@") {
		name = strings.ToLower(name) // Mail addresses and UPNs ignore case.
	}
	return New(model.KindUser, name)
}

// LocalUser returns the key of a user of an operating system, which exists on
// one host only. Users that every image and host has tell nothing apart.
func LocalUser(host, name string) (model.Key, bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "root", "nobody", "system", "daemon", "www-data":
		return model.Key{}, false
	}
	if host == "" || !known(strings.TrimSpace(name)) {
		return model.Key{}, false
	}
	return New(model.KindUser, strings.ToLower(host)+`\`+name)
}
