package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
	"github.com/tocsin-dev/tocsin/test/performance/load/attack"
	"github.com/tocsin-dev/tocsin/test/performance/load/events"
)

const (
	sourceName = "falco"
	// token is what the load generator shows to the gateway.
	token = "0123456789abcdef"
)

// server takes alerts: Tocsin, or what it is compared with.
type server struct {
	*process
	name   string
	format events.Format
	header http.Header
}

func falcoServer(name string, p *process, address string) server {
	p.url = "http://" + address + "/v1/sources/" + tenant + "/" + sourceName
	return server{
		process: p, name: name, format: events.Falco,
		header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}},
	}
}

// plan sends alerts of a shape to the server, from the first on.
func (s server) plan(shape events.Shape, bodies, batch, connections int) (attack.Plan, error) {
	list, err := s.format.Bodies(shape, 0, bodies, batch, time.Now())
	return attack.Plan{URL: s.url, Header: s.header, Bodies: list, Events: batch, Connections: connections}, err
}

// build makes the manager as it is shipped.
func build(ctx context.Context, folder string) (binary string, err error) {
	binary = filepath.Join(folder, "manager")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./cmd/manager")
	cmd.Dir, cmd.Env = environment.Root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the manager: %w\n%s", err, out)
	}
	return binary, nil
}

// unthrottled lets a source send all that there is: the limits of one that says
// nothing are for a detector, not for a load.
func unthrottled(s *v1alpha1.AlertSource) {
	s.Spec.Limits.EventsPerSecond, s.Spec.Limits.BurstEvents = ptr.To[int32](100_000), ptr.To[int32](1_000_000)
}

// addSource makes a source in a namespace, with the Secret that lets its senders in.
func addSource(ctx context.Context, c *cluster, namespace string, change ...func(*v1alpha1.AlertSource)) error {
	source := builders.AlertSource(namespace, sourceName, change...)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: string(source.Spec.Auth.BearerToken.Name)},
		StringData: map[string]string{source.Spec.Auth.BearerToken.Key: token},
	}
	for _, object := range []client.Object{secret, source} {
		if err := c.client.Create(ctx, object); client.IgnoreAlreadyExists(err) != nil {
			return err
		}
	}
	return nil
}

// startTocsin starts the manager with everything in it, and a source of the tenant.
func startTocsin(ctx context.Context, c *cluster, manager, folder string, change ...func(*v1alpha1.AlertSource)) (server, error) {
	if err := addSource(ctx, c, tenant, append([]func(*v1alpha1.AlertSource){unthrottled}, change...)...); err != nil {
		return server{}, err
	}
	addresses, err := free(3)
	if err != nil {
		return server{}, err
	}
	p, err := launch(ctx, filepath.Join(folder, "manager.log"), "http://"+addresses[1]+"/readyz", manager,
		"--kubeconfig", c.kubeconfig, "--gateway-address", addresses[0], "--health-address", addresses[1], "--metrics-address", addresses[2],
		"--spool-dir", filepath.Join(folder, "spool"), "--drain-timeout", "1s")
	if err != nil {
		return server{}, err
	}
	return falcoServer("Tocsin", p, addresses[0]), awaitSource(ctx, c, tenant)
}

func awaitSource(ctx context.Context, c *cluster, namespace string) error {
	source := &v1alpha1.AlertSource{}
	key := client.ObjectKey{Namespace: namespace, Name: sourceName}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		return source.Status.Endpoint != "", c.client.Get(ctx, key, source)
	})
}

// startGateway starts gateway and spool alone: nothing takes the alerts out.
func startGateway(ctx context.Context, folder string) (server, error) {
	program, err := os.Executable()
	if err != nil {
		return server{}, err
	}
	addresses, err := free(1)
	if err != nil {
		return server{}, err
	}
	p, err := launch(ctx, filepath.Join(folder, "gateway.log"), "http://"+addresses[0]+readyPath, program, "gateway", addresses[0], folder)
	if err != nil {
		return server{}, err
	}
	return falcoServer("Tocsin's gateway alone", p, addresses[0]), nil
}
