package kube

import (
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// maxIdentities bounds the clients that are kept. A client is a few KiB, as all
	// of them share the connections of one transport; one that was dropped is
	// built again.
	maxIdentities = 256
	// identityQPS and identityBurst bound what is done as one service account:
	// an action is about five requests, so this is a few actions a second.
	identityQPS   = 20
	identityBurst = 40

	actingAs = client.FieldOwner("tocsin-remediation")
)

// ErrIdentity is an identity that is missing or malformed. Nothing is done
// without an identity, and nobody acts as the operator itself.
var ErrIdentity = errors.New("no valid identity to act as")

// Impersonator makes clients that act as service accounts. They read and write
// the API server directly: what the operator has cached was read with the
// operator's rights.
type Impersonator struct {
	config *rest.Config
	scheme *runtime.Scheme
	mapper meta.RESTMapper

	mu      sync.Mutex
	clients *lru.Cache
}

// NewImpersonator makes clients that reach the API server as config does.
func NewImpersonator(config *rest.Config, scheme *runtime.Scheme, mapper meta.RESTMapper) *Impersonator {
	return &Impersonator{config: config, scheme: scheme, mapper: mapper, clients: lru.New(maxIdentities)}
}

// As returns a client that acts as the service account.
func (i *Impersonator) As(namespace, name string) (client.Client, error) {
	user, err := ServiceAccountUser(namespace, name)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if c, ok := i.clients.Get(user); ok {
		return c.(client.Client), nil
	}
	c, err := i.build(user)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", user, err)
	}
	i.clients.Add(user, c)
	return c, nil
}

// Watching returns a client that lists and watches as the service account. It has
// a pace of its own, as it may have a lot to read.
func (i *Impersonator) Watching(namespace, name string) (dynamic.Interface, error) {
	user, err := ServiceAccountUser(namespace, name)
	if err != nil {
		return nil, err
	}
	c, err := dynamic.NewForConfig(i.configOf(user))
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", user, err)
	}
	return c, nil
}

func (i *Impersonator) configOf(user string) *rest.Config {
	config := rest.CopyConfig(i.config)
	// The user name and nothing else: constrained impersonation of service accounts
	// allows no group, UID or extra value, and the API server adds the groups.
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	config.RateLimiter, config.QPS, config.Burst = nil, identityQPS, identityBurst
	return config
}

func (i *Impersonator) build(user string) (client.Client, error) {
	c, err := client.New(i.configOf(user), client.Options{Scheme: i.scheme, Mapper: i.mapper})
	if err != nil {
		return nil, err
	}
	return client.WithFieldOwner(c, string(actingAs)), nil
}

// ServiceAccountUser is the user name of a service account.
func ServiceAccountUser(namespace, name string) (string, error) {
	if problems := validation.ValidateNamespaceName(namespace, false); len(problems) > 0 {
		return "", fmt.Errorf("%w: namespace %q: %s", ErrIdentity, namespace, problems[0])
	}
	if problems := validation.ValidateServiceAccountName(name, false); len(problems) > 0 {
		return "", fmt.Errorf("%w: service account %q: %s", ErrIdentity, name, problems[0])
	}
	return "system:serviceaccount:" + namespace + ":" + name, nil
}
