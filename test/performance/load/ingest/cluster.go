package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// cluster is a kube-apiserver with etcd, and Tocsin's resources and admission
// policies.
type cluster struct {
	environment *envtest.Environment
	kubeconfig  string
	client      client.WithWatch
	requests    requests
}

// tenant is the namespace that alerts are sent to.
const tenant = "soc"

// startCluster starts one that syncs to disk what it acknowledges, as it does
// in life and as the gateway does.
func startCluster(ctx context.Context, folder string) (_ *cluster, err error) {
	c := &cluster{
		environment: &envtest.Environment{
			CRDDirectoryPaths: []string{filepath.Join(environment.Root(), "config", "crd")}, ErrorIfCRDPathMissing: true,
		},
		kubeconfig: filepath.Join(folder, "kubeconfig"),
	}
	c.environment.ControlPlane.GetAPIServer().Configure()
	c.environment.ControlPlane.Etcd = &envtest.Etcd{}
	c.environment.ControlPlane.Etcd.Configure().Disable("unsafe-no-fsync")
	config, err := c.environment.Start()
	if err != nil {
		return nil, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() {
		if err != nil {
			_ = c.environment.Stop()
		}
	}()
	config.QPS, config.Burst = -1, 0 // nothing waits on our side
	if c.client, err = client.NewWithWatch(config, client.Options{Scheme: operator.Scheme()}); err != nil {
		return nil, err
	}
	if c.requests, err = newRequests(config); err != nil {
		return nil, err
	}
	if err := environment.Govern(ctx, c.client); err != nil {
		return nil, err
	}
	user, err := c.environment.AddUser(envtest.User{Name: "tocsin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return nil, err
	}
	content, err := user.KubeConfig()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.kubeconfig, content, 0o600); err != nil {
		return nil, err
	}
	return c, c.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}})
}

func (c *cluster) stop() error { return c.environment.Stop() }
