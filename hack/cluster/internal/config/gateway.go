package config

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/pki"
)

// gatewayName is the service name of Tocsin's gateway.
const gatewayName = "tocsin-gateway.tocsin-system.svc"

// writeGateway makes what the API server and Tocsin's gateway need to trust
// each other: the gateway's certificate, and the token that the API server
// sends its audit events with. Whoever installs Tocsin puts the files of the
// folder gateway into Secrets.
func (c Cluster) writeGateway() error {
	authority, err := pki.NewAuthority("tocsin-gateway")
	if err != nil {
		return err
	}
	serving, err := authority.Server(gatewayName, network.GatewayService, gatewayName, gatewayName+".cluster.local")
	if err != nil {
		return err
	}
	if err := serving.Store(c.Dir.Path("gateway/tls.crt"), c.Dir.Path("gateway/tls.key")); err != nil {
		return err
	}
	token := rand.Text()
	for name, content := range map[string][]byte{"ca.crt": authority.Certificate, "audit-token": []byte(token)} {
		if err := os.WriteFile(c.Dir.Path("gateway", name), content, 0o600); err != nil {
			return fmt.Errorf("writing the gateway's %s: %w", name, err)
		}
	}
	return pki.Kubeconfig{
		Cluster: "tocsin-gateway", Server: c.auditURL(), CA: authority.Certificate, Token: token,
	}.Write(c.Dir.Path("config/audit-webhook.kubeconfig"))
}

// auditURL is where the API server sends its audit events: an address, because
// it asks no cluster DNS.
func (c Cluster) auditURL() string {
	endpoint := url.URL{Scheme: "https", Host: network.GatewayService + ":9443"}
	return endpoint.JoinPath("v1", "sources", c.AuditNamespace, c.AuditSource).String()
}
