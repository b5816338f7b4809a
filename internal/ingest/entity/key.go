// Package entity names assets and evidence the same way whichever detector
// speaks of them, and reads the spellings that detectors use.
//
// The input is hostile: every constructor bounds and cleans what it keeps, and
// says no (ok is false) to what identifies nothing.
package entity

import (
	"net/netip"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// MaxName bounds a key. Namespace, name and kind of a Kubernetes object are 63,
// 253 and 63 characters at most; paths and addresses are cut.
const MaxName = 512

// New returns the key of that kind and name; it is not ok without a name.
func New(kind model.EntityKind, name string) (model.Key, bool) {
	name = text.Line(name, MaxName)
	return model.Key{Kind: kind, Name: name}, known(name)
}

// known says no to the words that detectors write where they know nothing.
func known(name string) bool {
	switch name {
	case "", "<NA>", "N/A", "null", "none", "-":
		return false
	}
	// Falco leaves what it could not resolve as "%user.name".
	return !strings.HasPrefix(name, "%")
}

// Namespaced returns the key of a namespaced object: "namespace/name".
func Namespaced(kind model.EntityKind, namespace, name string) (model.Key, bool) {
	if !part(namespace) || !part(name) {
		return model.Key{}, false
	}
	return New(kind, namespace+"/"+name)
}

// Pod returns the key of a pod.
func Pod(namespace, name string) (model.Key, bool) {
	return Namespaced(model.KindPod, namespace, name)
}

// Secret returns the key of a secret.
func Secret(namespace, name string) (model.Key, bool) {
	return Namespaced(model.KindSecret, namespace, name)
}

// ServiceAccount returns the key of a service account.
func ServiceAccount(namespace, name string) (model.Key, bool) {
	return Namespaced(model.KindServiceAccount, namespace, name)
}

// Workload returns the key of what runs a pod: "namespace/kind/name".
func Workload(namespace, kind, name string) (model.Key, bool) {
	if !part(namespace) || !part(kind) || !part(name) {
		return model.Key{}, false
	}
	return New(model.KindWorkload, namespace+"/"+kind+"/"+name)
}

// part says whether s can be one part of a key: a slash in it could make one
// object look like another.
func part(s string) bool {
	return known(strings.TrimSpace(s)) && !strings.ContainsRune(s, '/')
}

// Namespace returns the key of a namespace.
func Namespace(name string) (model.Key, bool) {
	if !part(name) {
		return model.Key{}, false
	}
	return New(model.KindNamespace, name)
}

// Node returns the key of a node. Its case is folded: one incident can hold
// TestServer4 and testserver4.
func Node(host string) (model.Key, bool) {
	host = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
	if host == "localhost" || !part(host) {
		return model.Key{}, false
	}
	return New(model.KindNode, host)
}

// Container returns the key of a container: the first twelve digits of its id,
// which may come as twelve digits, as 64, or with the runtime in front.
func Container(id string) (model.Key, bool) {
	if _, after, found := strings.Cut(id, "://"); found {
		id = after
	}
	id = strings.ToLower(strings.TrimSpace(id))
	if len(id) < 12 || !hexadecimal(id) {
		return model.Key{}, false // Falco says "host" for what runs outside containers.
	}
	return New(model.KindContainer, id[:12])
}

func hexadecimal(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// IP returns the key of an address. Loopback and unspecified addresses identify
// nobody and are refused; an IPv4 address mapped into IPv6 is unmapped.
func IP(address string) (model.Key, bool) {
	address = strings.Trim(strings.TrimSpace(address), "[]")
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return model.Key{}, false
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() {
		return model.Key{}, false
	}
	return New(model.KindIP, addr.String())
}

// Domain returns the key of a domain name.
func Domain(name string) (model.Key, bool) {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if !strings.Contains(name, ".") || strings.ContainsAny(name, "/ ") {
		return model.Key{}, false
	}
	return New(model.KindDomainName, name)
}

// Scoped returns the key of something that means something only within a
// container or on a host, such as a path or a process.
func Scoped(kind model.EntityKind, scope, name string) (model.Key, bool) {
	if !known(strings.TrimSpace(name)) {
		return model.Key{}, false
	}
	if scope == "" {
		return New(kind, name)
	}
	return New(kind, scope+":"+name)
}
