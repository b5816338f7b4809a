package entity

import (
	"net/url"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// byKind reads a name as people write it for a kind.
var byKind = map[model.EntityKind]func(name string) (model.Key, bool){
	model.KindPod:            namespaced(model.KindPod),
	model.KindSecret:         namespaced(model.KindSecret),
	model.KindServiceAccount: account,
	model.KindWorkload:       workload,
	model.KindContainer:      Container,
	model.KindImage:          ImageReference,
	model.KindNode:           Node,
	model.KindNamespace:      Namespace,
	model.KindCluster:        plain(model.KindCluster),
	model.KindUser:           Identity,
	model.KindDevice:         folded(model.KindDevice),
	model.KindMailbox:        folded(model.KindMailbox),
	model.KindProcess:        plain(model.KindProcess),
	model.KindFile:           plain(model.KindFile),
	model.KindIP:             IP,
	model.KindDomainName:     Domain,
	model.KindURL:            URL,
	model.KindMailMessage:    plain(model.KindMailMessage),
	model.KindCloudResource:  plain(model.KindCloudResource),
}

// Of returns the key of an entity of any kind from its name alone:
// "namespace/name" for what is namespaced, "namespace/kind/name" for a workload,
// else what the kind is called by. It is not ok where the name does not fit.
func Of(kind model.EntityKind, name string) (model.Key, bool) {
	read, ok := byKind[kind]
	if !ok {
		return model.Key{}, false
	}
	return read(name)
}

// Known says whether there is such a kind.
func Known(kind model.EntityKind) bool { return byKind[kind] != nil }

// CategoryOf says what an entity of a kind is where nobody says it: an asset
// that can be hit, or evidence that speaks of the hit.
func CategoryOf(kind model.EntityKind) model.Category {
	switch kind {
	case model.KindImage, model.KindProcess, model.KindFile, model.KindIP, model.KindDomainName, model.KindURL, model.KindMailMessage:
		return model.CategoryEvidence
	}
	return model.CategoryAsset
}

func plain(kind model.EntityKind) func(string) (model.Key, bool) {
	return func(name string) (model.Key, bool) { return New(kind, name) }
}

// folded is for names whose case means nothing.
func folded(kind model.EntityKind) func(string) (model.Key, bool) {
	return func(name string) (model.Key, bool) {
		key, ok := New(kind, strings.ToLower(name))
		return key, ok && known(strings.TrimSpace(name))
	}
}

func namespaced(kind model.EntityKind) func(string) (model.Key, bool) {
	return func(name string) (model.Key, bool) {
		namespace, name, _ := strings.Cut(name, "/")
		return Namespaced(kind, namespace, name)
	}
}

// account takes "namespace/name" and the name that the API server knows it by.
func account(name string) (model.Key, bool) {
	if strings.HasPrefix(name, accountPrefix) {
		return Identity(name)
	}
	return namespaced(model.KindServiceAccount)(name)
}

func workload(name string) (model.Key, bool) {
	namespace, rest, _ := strings.Cut(name, "/")
	kind, name, _ := strings.Cut(rest, "/")
	return Workload(namespace, kind, name)
}

// URL returns the key of a web address. Who is logged in and the place within
// the page are left out: they identify no resource, and may be secret.
func URL(address string) (model.Key, bool) {
	if len(address) > 4*MaxName {
		return model.Key{}, false // Cut off it would be another one.
	}
	parsed, err := url.Parse(strings.TrimSpace(address))
	if err != nil || parsed.Scheme == "" || parsed.Host == "" {
		return model.Key{}, false
	}
	parsed.User, parsed.Fragment, parsed.Host = nil, "", strings.ToLower(parsed.Host)
	return New(model.KindURL, parsed.String())
}
