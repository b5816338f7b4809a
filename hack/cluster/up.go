package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/assets"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/client"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/config"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/images"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/node"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/preflight"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// startTimeout bounds everything after the binaries are built. A machine with
// two busy cores needs about a minute.
const startTimeout = 3 * time.Minute

type upOptions struct {
	audit       string
	auditTocsin bool
}

// up starts a cluster, unless it is running.
func up(ctx context.Context, arguments []string) error {
	var options upOptions
	flags, name := newFlags("up")
	flags.StringVar(&options.audit, "audit-source", "tocsin-demo/kubernetes-audit", "the `namespace/name` of the AlertSource that gets the audit events")
	flags.BoolVar(&options.auditTocsin, "audit-tocsin", false, "audit Tocsin's own requests too, to compare the rights it has with those it uses")
	dir, err := parse(flags, name, arguments)
	if err != nil {
		return err
	}
	if err := preflight.Machine(); err != nil {
		return err
	}
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return fmt.Errorf("creating the cluster's folder: %w", err)
	}
	unlock, err := state.Lock(ctx, string(dir))
	if err != nil {
		return err
	}
	defer unlock()

	steps := newSteps(os.Stderr)
	cluster, err := dir.Read()
	if err != nil {
		return err
	}
	if cluster.Running() {
		return again(ctx, dir, steps)
	}
	if cluster != nil {
		steps.say("cluster " + dir.Name() + " has ended before: removing what is left of it")
		if err := remove(ctx, dir); err != nil {
			return err
		}
	}
	return start(ctx, dir, options, steps)
}

// again is what a second up does.
func again(ctx context.Context, dir state.Dir, steps *steps) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := awaitReady(ctx, dir, steps); err != nil {
		return err
	}
	steps.say("cluster " + dir.Name() + " is running")
	fmt.Println(dir.Kubeconfig())
	return nil
}

func start(ctx context.Context, dir state.Dir, options upOptions, steps *steps) error {
	module, err := moduleFolder()
	if err != nil {
		return err
	}
	namespace, source, ok := strings.Cut(options.audit, "/")
	if !ok {
		return fmt.Errorf("--audit-source %q is not of the form namespace/name", options.audit)
	}
	folder, err := assets.Ensure(ctx, module, steps.say)
	if err != nil {
		return err
	}
	steps.done("Kubernetes " + assets.Version + " in " + folder)

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cluster := config.Cluster{
		Dir: dir, Plugins: preflight.Plugins(),
		AuditNamespace: namespace, AuditSource: source, AuditTocsin: options.auditTocsin,
	}
	if err := launch(ctx, cluster, folder, steps); err != nil {
		return fmt.Errorf("%w; logs are in %s; `make cluster-down` removes what was started", err, dir.Path("logs"))
	}
	pause := dir.Path("pause.tar")
	if err := assets.WritePause(ctx, module, pause); err != nil {
		return err
	}
	if err := images.Load(ctx, dir, pause); err != nil {
		return err
	}
	steps.done("pause image loaded")
	if err := awaitReady(ctx, dir, steps); err != nil {
		return err
	}
	steps.say(fmt.Sprintf("cluster %s is ready after %s", dir.Name(), steps.total()))
	fmt.Println(dir.Kubeconfig())
	return nil
}

// launch configures and starts the cluster's processes.
func launch(ctx context.Context, cluster config.Cluster, binaries string, steps *steps) error {
	// Two clusters that start at once must not choose the same addresses,
	// wherever their folders are.
	unlock, err := state.Lock(ctx, "/run")
	if err != nil {
		return err
	}
	defer unlock()
	used, err := network.InUse(ctx)
	if err != nil {
		return err
	}
	if cluster.Link, err = network.Choose(cluster.Dir.Name(), used); err != nil {
		return err
	}
	if err := cluster.Write(); err != nil {
		return err
	}
	steps.done("certificates and configuration written to " + string(cluster.Dir))
	err = node.Start(ctx, node.Spec{Dir: cluster.Dir, Link: cluster.Link, Assets: binaries, Stages: cluster.Stages()})
	if err != nil {
		return err
	}
	steps.done(fmt.Sprintf("namespaces made, node is %s", cluster.Link.Node()))
	return nil
}

// awaitReady waits until pods can be created and run.
func awaitReady(ctx context.Context, dir state.Dir, steps *steps) error {
	api, err := client.New(dir.Kubeconfig())
	if err != nil {
		return err
	}
	for _, wait := range []struct {
		what string
		log  string
		done func(context.Context) error
	}{
		{"API server ready", "kube-apiserver", api.Ready},
		{"network policy enforcer may read", "network-policy", api.LetEnforcerRead},
		{"node ready", "kubelet", func(ctx context.Context) error { return api.NodeReady(ctx, dir.Name()) }},
		{"default service account made", "kube-controller-manager", api.DefaultServiceAccount},
	} {
		if err := client.Until(ctx, wait.done); err != nil {
			return fmt.Errorf("waiting for %q: %w; see %s and %s", wait.what, err, dir.Log(wait.log), dir.Log("node"))
		}
		steps.done(wait.what)
	}
	return nil
}

// moduleFolder is the folder of this module's source.
func moduleFolder() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the source of the Kubernetes binaries: %w", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "kube", "go.mod")); err != nil {
		return "", errors.New("the source of the Kubernetes binaries is not here: run it as `go -C hack/cluster run .`")
	}
	return folder, nil
}
