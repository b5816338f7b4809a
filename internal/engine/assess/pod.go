package assess

import (
	"slices"
	"strings"
)

// Pod is what was seen of a pod.
type Pod struct {
	Namespace string
	// Bare says that nothing controls the pod.
	Bare bool
	// Static says that the kubelet runs the pod from a file.
	Static                            bool
	HostPID, HostNetwork, HostIPC     bool
	Privileged, RunsAsRoot            bool
	PrivilegeEscalation, TokenMounted bool
	// Capabilities are those added, without "CAP_".
	Capabilities []string
	// HostPaths are the node's paths that are mounted.
	HostPaths []string
	Images    []string
	// Warnings are the reasons of recent warning events.
	Warnings []string
}

// runtimeSockets give whoever holds them every container on the node.
var runtimeSockets = []string{"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock", "/run/crio/crio.sock", "/var/run/crio/crio.sock"}

// sensitivePaths give whoever holds them the node.
var sensitivePaths = []string{"/etc", "/root", "/proc", "/sys", "/boot", "/home", "/var/lib/kubelet", "/var/lib/etcd", "/var/run", "/run", "/var/lib/containerd", "/var/lib/docker", "/dev"}

// nodeCapabilities amount to the node; others are merely strong.
var nodeCapabilities = []string{"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF"}

// strongCapabilities are more than an application needs.
var strongCapabilities = []string{"NET_ADMIN", "NET_RAW", "DAC_OVERRIDE", "SYS_BOOT", "SYS_TIME", "MKNOD", "SETUID", "SETGID"}

// AssessPod gives a pod its verdict.
func AssessPod(p Pod, c Context) Assessment {
	return weigh(slices.Concat(c.findings(), p.isolation(), p.storage(), p.origin(), p.images()))
}

// isolation weighs how little separates the pod from its node.
func (p Pod) isolation() []finding {
	var out []finding
	add := func(seen bool, points int, reason string) {
		if seen {
			out = append(out, finding{points, reason})
		}
	}
	add(p.Privileged, 40, "a container is privileged")
	add(p.HostPID, 25, "it shares the node's processes")
	add(p.HostIPC, 10, "it shares the node's memory segments")
	add(p.HostNetwork, 10, "it shares the node's network")
	add(p.RunsAsRoot, 5, "a container may run as root")
	add(p.PrivilegeEscalation, 5, "a container may gain privileges")
	add(p.TokenMounted, 5, "a service account token is mounted")
	for _, capability := range p.Capabilities {
		add(slices.Contains(nodeCapabilities, capability), 25, "capability "+capability+" is added")
		add(slices.Contains(strongCapabilities, capability), 10, "capability "+capability+" is added")
	}
	return out
}

// storage weighs the node's paths that the pod holds.
func (p Pod) storage() []finding {
	var out []finding
	for _, path := range p.HostPaths {
		clean := "/" + strings.Trim(path, "/")
		switch {
		case clean == "/":
			out = append(out, finding{45, "the node's root folder is mounted"})
		case slices.Contains(runtimeSockets, clean):
			out = append(out, finding{50, "the container runtime's socket is mounted"})
		case slices.ContainsFunc(sensitivePaths, func(s string) bool { return clean == s || strings.HasPrefix(clean, s+"/") }):
			out = append(out, finding{25, "a sensitive path of the node is mounted"})
		default:
			out = append(out, finding{15, "a path of the node is mounted"})
		}
	}
	return out
}

// origin weighs where the pod came from.
func (p Pod) origin() []finding {
	var out []finding
	switch {
	case p.Static:
	case p.Bare && p.Namespace == "kube-system":
		out = append(out, finding{maliciousPoints, "nothing controls it, though it is in kube-system"})
	case p.Bare:
		out = append(out, finding{8, "nothing controls it"})
	}
	for _, reason := range p.Warnings {
		out = append(out, finding{2, "recent warning: " + reason})
	}
	return out
}

// images weighs how surely it is known what runs.
func (p Pod) images() []finding {
	var out []finding
	for _, image := range p.Images {
		name, digest, pinned := strings.Cut(image, "@")
		tag := name[strings.LastIndex(name, "/")+1:]
		_, tag, tagged := strings.Cut(tag, ":")
		switch {
		case pinned && !strings.HasPrefix(digest, "sha256:"):
			out = append(out, finding{5, "an image has an unusual digest"})
		case !pinned && (!tagged || tag == "latest"):
			out = append(out, finding{5, "an image has no fixed version"})
		}
	}
	return out
}
