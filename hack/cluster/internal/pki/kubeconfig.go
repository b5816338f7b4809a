package pki

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig says how to reach an API server, and as whom.
type Kubeconfig struct {
	// Cluster names the cluster in the file.
	Cluster string
	// Server is the URL.
	Server string
	// CA signs the server's certificate.
	CA []byte
	// Client or Token say who calls.
	Client Pair
	Token  string
}

// Write writes the kubeconfig with everything inside it, so that it may be
// copied.
func (k Kubeconfig) Write(path string) error {
	const user = "user"
	config := api.NewConfig()
	config.Clusters[k.Cluster] = &api.Cluster{Server: k.Server, CertificateAuthorityData: k.CA}
	config.AuthInfos[user] = &api.AuthInfo{
		ClientCertificateData: k.Client.Certificate, ClientKeyData: k.Client.Key, Token: k.Token,
	}
	config.Contexts[k.Cluster] = &api.Context{Cluster: k.Cluster, AuthInfo: user}
	config.CurrentContext = k.Cluster
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing kubeconfig %s: %w", path, err)
	}
	return nil
}
