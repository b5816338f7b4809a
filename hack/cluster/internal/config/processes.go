package config

import (
	"fmt"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/node"
)

// Stages are the cluster's processes in the order of their start: those of a
// stage start when all before them are ready.
func (c Cluster) Stages() [][]node.Process {
	return [][]node.Process{
		{c.etcd(), c.containerd()},
		{c.apiserver()},
		{c.controllerManager(), c.scheduler(), c.kubelet(), c.kubeProxy(), c.networkPolicy()},
	}
}

func (c Cluster) etcd() node.Process {
	return node.Process{
		Name: "etcd",
		Arguments: []string{
			c.binary("etcd"),
			"--data-dir=/var/lib/etcd",
			// Only the cluster's own network namespace has this address.
			"--listen-client-urls=http://127.0.0.1:2379",
			"--advertise-client-urls=http://127.0.0.1:2379",
			"--listen-peer-urls=http://127.0.0.1:2380",
			// A throw-away cluster need not survive the loss of power.
			"--unsafe-no-fsync",
		},
		Ready: "tcp://127.0.0.1:2379",
	}
}

func (c Cluster) containerd() node.Process {
	return node.Process{
		Name:      "containerd",
		Arguments: []string{"containerd", "--config=" + c.Dir.Path("config/containerd.toml")},
		Ready:     "unix:///run/containerd/containerd.sock",
	}
}

func (c Cluster) apiserver() node.Process {
	return node.Process{
		Name: "kube-apiserver",
		Arguments: []string{
			c.binary("kube-apiserver"),
			"--bind-address=0.0.0.0",
			fmt.Sprintf("--advertise-address=%s", c.Link.Node()),
			"--etcd-servers=http://127.0.0.1:2379",
			"--service-cluster-ip-range=" + network.ServiceCIDR,
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--allow-privileged=true",
			"--client-ca-file=" + c.Dir.Path("pki/ca.crt"),
			"--tls-cert-file=" + c.Dir.Path("pki/apiserver.crt"),
			"--tls-private-key-file=" + c.Dir.Path("pki/apiserver.key"),
			"--kubelet-certificate-authority=" + c.Dir.Path("pki/ca.crt"),
			"--kubelet-client-certificate=" + c.Dir.Path("pki/kubelet-client.crt"),
			"--kubelet-client-key=" + c.Dir.Path("pki/kubelet-client.key"),
			"--kubelet-preferred-address-types=InternalIP",
			"--requestheader-client-ca-file=" + c.Dir.Path("pki/front-proxy-ca.crt"),
			"--requestheader-allowed-names=front-proxy-client",
			"--requestheader-username-headers=X-Remote-User",
			"--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + c.Dir.Path("pki/front-proxy-client.crt"),
			"--proxy-client-key-file=" + c.Dir.Path("pki/front-proxy-client.key"),
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + c.Dir.Path("pki/service-accounts.key"),
			"--service-account-signing-key-file=" + c.Dir.Path("pki/service-accounts.key"),
			"--audit-policy-file=" + c.Dir.Path("config/audit-policy.yaml"),
			"--audit-log-path=" + c.Dir.Path("audit.log"),
			"--audit-log-maxsize=500", // MiB; one file holds a long test run
			"--audit-log-maxbackup=1",
			"--audit-webhook-config-file=" + c.Dir.Path("config/audit-webhook.kubeconfig"),
			"--audit-webhook-mode=batch",
			"--audit-webhook-batch-max-wait=1s",
			"--audit-webhook-initial-backoff=1s",
		},
		Ready: c.Server() + "/readyz",
	}
}

func (c Cluster) controllerManager() node.Process {
	kubeconfig := c.Dir.Path("config/kube-controller-manager.kubeconfig")
	return node.Process{
		Name: "kube-controller-manager",
		Arguments: []string{
			c.binary("kube-controller-manager"),
			"--bind-address=127.0.0.1",
			"--kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig,
			"--leader-elect=false",
			"--use-service-account-credentials=true",
			"--root-ca-file=" + c.Dir.Path("pki/ca.crt"),
			"--service-account-private-key-file=" + c.Dir.Path("pki/service-accounts.key"),
			// Some forty controllers ask for a token each before they start.
			"--kube-api-qps=200",
			"--kube-api-burst=400",
			"--cluster-signing-cert-file=" + c.Dir.Path("pki/ca.crt"),
			"--cluster-signing-key-file=" + c.Dir.Path("pki/ca.key"),
		},
	}
}

func (c Cluster) scheduler() node.Process {
	kubeconfig := c.Dir.Path("config/kube-scheduler.kubeconfig")
	return node.Process{
		Name: "kube-scheduler",
		Arguments: []string{
			c.binary("kube-scheduler"),
			"--bind-address=127.0.0.1",
			"--kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig,
			"--leader-elect=false",
		},
	}
}

func (c Cluster) kubelet() node.Process {
	return node.Process{
		Name: "kubelet",
		Arguments: []string{
			c.binary("kubelet"),
			"--config=" + c.Dir.Path("config/kubelet.yaml"),
			"--kubeconfig=" + c.Dir.Path("config/kubelet.kubeconfig"),
			fmt.Sprintf("--node-ip=%s", c.Link.Node()),
			"--hostname-override=" + c.Dir.Name(),
		},
	}
}

func (c Cluster) kubeProxy() node.Process {
	return node.Process{
		Name:      "kube-proxy",
		Arguments: []string{c.binary("kube-proxy"), "--config=" + c.Dir.Path("config/kube-proxy.yaml")},
	}
}

func (c Cluster) networkPolicy() node.Process {
	return node.Process{
		Name:      "network-policy",
		Arguments: []string{node.Program(c.Dir), "enforce", "--kubeconfig", c.Dir.Path("config/network-policy.kubeconfig")},
	}
}

// binary is the path of a Kubernetes binary, as the cluster's processes see it.
func (c Cluster) binary(name string) string { return node.Binaries(c.Dir) + "/" + name }
