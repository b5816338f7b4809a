// Package state knows where a cluster keeps its files and what is recorded of
// it. A cluster's folder is the only place on the machine's disk that it
// writes to.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
)

// Cluster is what is recorded of a cluster in its folder.
type Cluster struct {
	Name string `json:"name"`
	// Link numbers the network between the cluster and the machine.
	Link network.Link `json:"link"`
	// PID is the cluster's first process as the machine numbers it, and
	// Started its start time, so that a reused number is not mistaken for it.
	PID     int    `json:"pid,omitempty"`
	Started string `json:"started,omitempty"`
}

// Dir is a cluster's folder.
type Dir string

// validName keeps a name usable as a host name, a folder and a cgroup.
var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$`)

// Base is the folder that holds the folders of all clusters.
func Base() string {
	if dir := os.Getenv("TOCSIN_CLUSTER_DIR"); dir != "" {
		return dir
	}
	return "/var/lib/tocsin-cluster"
}

// For returns the folder of the cluster with that name.
func For(name string) (Dir, error) {
	if !validName.MatchString(name) {
		return "", fmt.Errorf("cluster name %q: use up to 30 of a-z, 0-9 and -, starting with a letter", name)
	}
	base, err := filepath.Abs(Base())
	if err != nil {
		return "", fmt.Errorf("finding the clusters' folder: %w", err)
	}
	return Dir(filepath.Join(base, name)), nil
}

// Path is the path of a file in the cluster's folder.
func (d Dir) Path(elements ...string) string {
	return filepath.Join(append([]string{string(d)}, elements...)...)
}

// Name is the cluster's name.
func (d Dir) Name() string { return filepath.Base(string(d)) }

// Kubeconfig is the administrator's kubeconfig.
func (d Dir) Kubeconfig() string { return d.Path("kubeconfig") }

// Log is the log file of one of the cluster's processes.
func (d Dir) Log(process string) string { return d.Path("logs", process+".log") }

// View is what the cluster's processes see at an absolute path of the machine.
func (d Dir) View(path string) string { return d.Path("node", path) }

// Socket is containerd's socket, as the machine sees it.
func (d Dir) Socket() string { return d.View("/run/containerd/containerd.sock") }

// Read returns what is recorded of the cluster, nil if there is nothing.
func (d Dir) Read() (*Cluster, error) {
	content, err := os.ReadFile(d.Path("cluster.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's record: %w", err)
	}
	cluster := &Cluster{}
	if err := json.Unmarshal(content, cluster); err != nil {
		return nil, fmt.Errorf("the cluster's record %s is damaged: %w", d.Path("cluster.json"), err)
	}
	return cluster, nil
}

// Record writes the cluster's record, whole or not at all.
func (d Dir) Record(cluster Cluster) error {
	content, err := json.MarshalIndent(cluster, "", "  ")
	if err != nil {
		return fmt.Errorf("recording the cluster: %w", err)
	}
	next := d.Path("cluster.json.next")
	if err := os.WriteFile(next, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("recording the cluster: %w", err)
	}
	if err := os.Rename(next, d.Path("cluster.json")); err != nil {
		return fmt.Errorf("recording the cluster: %w", err)
	}
	return nil
}
