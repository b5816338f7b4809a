// Package config writes what a cluster's processes need to start:
// certificates, kubeconfigs and configuration files.
package config

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/assets"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/cgroup"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

//go:embed files
var files embed.FS

// Cluster is what the configuration depends on.
type Cluster struct {
	Dir  state.Dir
	Link network.Link
	// Plugins is the folder of the CNI plug-ins.
	Plugins string
	// AuditNamespace and AuditSource name the AlertSource that takes the API
	// server's audit events.
	AuditNamespace, AuditSource string
	// AuditTocsin audits Tocsin's own requests too, to compare the rights it
	// has with those it uses.
	AuditTocsin bool
}

// Server is the API server's URL, for the machine and for pods.
func (c Cluster) Server() string { return fmt.Sprintf("https://%s:6443", c.Link.Node()) }

// Write writes all files.
func (c Cluster) Write() error {
	for _, folder := range []string{"pki", "config", "cni", "gateway", "logs", "users"} {
		if err := os.MkdirAll(c.Dir.Path(folder), 0o700); err != nil {
			return fmt.Errorf("creating the cluster's folders: %w", err)
		}
	}
	if err := c.writeIdentities(); err != nil {
		return err
	}
	if err := c.writeGateway(); err != nil {
		return err
	}
	return c.writeFiles()
}

// writeFiles fills in the embedded files.
func (c Cluster) writeFiles() error {
	for name, target := range map[string]string{
		"containerd.toml":   "config/containerd.toml",
		"kubelet.yaml":      "config/kubelet.yaml",
		"kube-proxy.yaml":   "config/kube-proxy.yaml",
		"audit-policy.yaml": "config/audit-policy.yaml",
		"pods.conflist":     "cni/pods.conflist",
	} {
		content, err := c.render(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Dir.Path(filepath.FromSlash(target)), content, 0o600); err != nil {
			return fmt.Errorf("writing %s: %w", target, err)
		}
	}
	return nil
}

// Methods that the embedded files call.

func (c Cluster) PodCIDR() string    { return network.PodCIDR }
func (c Cluster) DNSService() string { return network.DNSService }
func (c Cluster) PauseImage() string { return assets.PauseImage }
func (c Cluster) CgroupRoot() string { return string(cgroup.For(c.Dir.Name(), c.Link)) }

func (c Cluster) TocsinLevel() string {
	if c.AuditTocsin {
		return "Metadata"
	}
	return "None"
}

func (c Cluster) render(name string) ([]byte, error) {
	parsed, err := template.ParseFS(files, "files/"+name)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded file %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, c); err != nil {
		return nil, fmt.Errorf("filling in %s: %w", name, err)
	}
	return out.Bytes(), nil
}
