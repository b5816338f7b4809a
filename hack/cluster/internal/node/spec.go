// Package node runs the processes of a cluster in namespaces of their own. The
// first of them, this package's Run, is the init process of a new process
// namespace: the kernel ends all others, containers included, when it ends,
// and with the last process go the cluster's mounts, interfaces and packet
// filter rules. So nothing of a cluster can be left behind, however it ends.
package node

import (
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// Process is one of the cluster's processes.
type Process struct {
	// Name names the process and its log file.
	Name string `json:"name"`
	// Arguments start with the program.
	Arguments []string `json:"arguments"`
	// Ready is the URL that answers when the process is ready: tcp and unix
	// for a listener, https for a page. Empty: ready when started.
	Ready string `json:"ready,omitempty"`
}

// Spec is what the first process is told on its standard input.
type Spec struct {
	Dir    state.Dir    `json:"dir"`
	Link   network.Link `json:"link"`
	Assets string       `json:"assets"`
	Stages [][]Process  `json:"stages"`
}

// Program is the copy of this program that the cluster runs, which stays when
// the one that started it is gone.
func Program(dir state.Dir) string { return dir.Path("cluster") }

// Binaries is the folder of Kubernetes binaries, as the cluster's processes
// see it.
func Binaries(dir state.Dir) string { return dir.Path("bin") }
