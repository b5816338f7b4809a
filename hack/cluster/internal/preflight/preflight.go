// Package preflight finds out, before anything is started, what a machine
// lacks to run a cluster, and says in one line how to get it.
package preflight

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// program is a program that a cluster needs, and Debian's package of it.
type program struct{ name, pkg string }

var programs = []program{
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"runc", "runc"},
	{"nft", "nftables"},
	{"conntrack", "conntrack"},
	{"ip", "iproute2"},
	{"mount", "mount"},
}

// pluginFolders are where distributions put the CNI plug-ins: Debian's comes first.
var pluginFolders = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// Machine says what the machine lacks to run a cluster.
func Machine() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("a local cluster needs Linux (this is %s): use CLUSTER=existing with a KUBECONFIG", runtime.GOOS)
	}
	// Before the programs, of which other users' PATH may have fewer.
	if err := Root(); err != nil {
		return err
	}
	if missing := missingPrograms(exec.LookPath); len(missing) > 0 {
		return errors.New(explain(missing))
	}
	return nil
}

// Root says whether the command runs as root.
func Root() error {
	if os.Geteuid() != 0 {
		return errors.New("a local cluster needs root, for namespaces and mounts: run it with sudo, or use CLUSTER=existing with a KUBECONFIG")
	}
	return nil
}

// Plugins returns the folder of the CNI plug-ins, or nothing.
func Plugins() string {
	for _, folder := range pluginFolders {
		if _, err := os.Stat(filepath.Join(folder, "ptp")); err == nil {
			return folder
		}
	}
	return ""
}

func missingPrograms(lookPath func(string) (string, error)) []program {
	var missing []program
	for _, p := range programs {
		if _, err := lookPath(p.name); err != nil {
			missing = append(missing, p)
		}
	}
	if Plugins() == "" {
		missing = append(missing, program{"CNI plug-ins", "containernetworking-plugins"})
	}
	return missing
}

func explain(missing []program) string {
	var names, packages []string
	for _, p := range missing {
		names, packages = append(names, p.name), append(packages, p.pkg)
	}
	slices.Sort(packages)
	return fmt.Sprintf("missing %s: apt-get install -y --no-install-recommends %s",
		strings.Join(names, ", "), strings.Join(slices.Compact(packages), " "))
}
