package config

import (
	"fmt"
	"net/url"
	"os"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/pki"
)

// NetworkPolicyUser is who the enforcer of network policies is to the API server.
const NetworkPolicyUser = "tocsin:network-policy"

// client is someone who calls the API server.
type client struct {
	file, name string
	groups     []string
}

func (c Cluster) clients() []client {
	return []client{
		{"kubeconfig", "tocsin:cluster-admin", []string{"system:masters"}},
		{"config/kube-controller-manager.kubeconfig", "system:kube-controller-manager", nil},
		{"config/kube-scheduler.kubeconfig", "system:kube-scheduler", nil},
		{"config/kubelet.kubeconfig", "system:node:" + c.Dir.Name(), []string{"system:nodes"}},
		{"config/kube-proxy.kubeconfig", "system:kube-proxy", nil},
		{"config/network-policy.kubeconfig", NetworkPolicyUser, nil},
	}
}

// writeIdentities makes the cluster's certificate authority and what it signs.
func (c Cluster) writeIdentities() error {
	authority, err := pki.NewAuthority("tocsin-cluster-" + c.Dir.Name())
	if err != nil {
		return err
	}
	if err := authority.Store(c.Dir.Path("pki/ca.crt"), c.Dir.Path("pki/ca.key")); err != nil {
		return err
	}
	if err := c.writeServers(authority); err != nil {
		return err
	}
	for _, client := range c.clients() {
		if err := c.writeKubeconfig(authority, client); err != nil {
			return err
		}
	}
	return nil
}

// writeServers makes what the API server and the kubelet show to their
// callers, what the API server shows to the kubelet and to the API servers
// behind it, and the key of service account tokens.
func (c Cluster) writeServers(authority *pki.Authority) error {
	apiserver, err := authority.Server("kube-apiserver", c.Link.Node().String(), network.APIService, "127.0.0.1",
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	kubelet, err := authority.Server("kubelet", c.Link.Node().String(), c.Dir.Name())
	if err != nil {
		return err
	}
	kubeletClient, err := authority.Client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	serviceAccounts, err := pki.NewAuthority("service-accounts")
	if err != nil {
		return err
	}
	frontProxy, err := pki.NewAuthority("front-proxy-ca")
	if err != nil {
		return err
	}
	frontProxyClient, err := frontProxy.Client("front-proxy-client")
	if err != nil {
		return err
	}
	for name, pair := range map[string]pki.Pair{
		"apiserver": apiserver, "kubelet": kubelet, "kubelet-client": kubeletClient, "service-accounts": serviceAccounts.Pair,
		"front-proxy-ca": frontProxy.Pair, "front-proxy-client": frontProxyClient,
	} {
		if err := pair.Store(c.Dir.Path("pki", name+".crt"), c.Dir.Path("pki", name+".key")); err != nil {
			return err
		}
	}
	return nil
}

// WriteUser writes a kubeconfig for a person and returns its path.
func (c Cluster) WriteUser(name string, groups []string) (string, error) {
	authority, err := pki.LoadAuthority(c.Dir.Path("pki/ca.crt"), c.Dir.Path("pki/ca.key"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(c.Dir.Path("users"), 0o700); err != nil {
		return "", fmt.Errorf("writing a kubeconfig for %s: %w", name, err)
	}
	file := "users/" + url.PathEscape(name) + ".kubeconfig" // a name may have a slash
	return c.Dir.Path(file), c.writeKubeconfig(authority, client{file, name, groups})
}

func (c Cluster) writeKubeconfig(authority *pki.Authority, client client) error {
	pair, err := authority.Client(client.name, client.groups...)
	if err != nil {
		return err
	}
	return pki.Kubeconfig{
		Cluster: "tocsin-" + c.Dir.Name(), Server: c.Server(), CA: authority.Certificate, Client: pair,
	}.Write(c.Dir.Path(client.file))
}
