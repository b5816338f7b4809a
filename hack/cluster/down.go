package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/cgroup"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/preflight"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// stopTimeout bounds how long the kernel may take to end a cluster's processes.
const stopTimeout = time.Minute

// down removes everything of a cluster.
func down(ctx context.Context, arguments []string) error {
	flags, name := newFlags("down")
	dir, err := parse(flags, name, arguments)
	if err != nil {
		return err
	}
	if err := preflight.Root(); err != nil {
		return err
	}
	steps := newSteps(os.Stderr)
	if _, err := os.Stat(string(dir)); errors.Is(err, os.ErrNotExist) {
		steps.say("cluster " + dir.Name() + ": there is none")
		return nil
	}
	unlock, err := state.Lock(ctx, string(dir))
	if err != nil {
		return err
	}
	defer unlock()
	if err := remove(ctx, dir); err != nil {
		return err
	}
	if err := os.Remove(string(dir)); err != nil {
		return fmt.Errorf("removing the cluster's folder: %w", err)
	}
	// The folder of all clusters goes with the last of them.
	_ = os.Remove(filepath.Dir(string(dir)))
	steps.done("cluster " + dir.Name() + " removed")
	return nil
}

// remove removes everything of a cluster but its folder itself, which is the
// lock that the caller holds.
func remove(ctx context.Context, dir state.Dir) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	cluster, err := dir.Read()
	if err != nil {
		return err
	}
	if cluster != nil {
		if err := stop(ctx, cluster); err != nil {
			return err
		}
		if err := cluster.Link.Disconnect(ctx); err != nil {
			return err
		}
		if err := cgroup.For(cluster.Name, cluster.Link).Remove(ctx); err != nil {
			return err
		}
	}
	return empty(dir)
}

// stop ends the cluster's first process. The kernel then ends all others of
// its process namespace, before the first is gone.
func stop(ctx context.Context, cluster *state.Cluster) error {
	if !cluster.Running() {
		return nil
	}
	if err := syscall.Kill(cluster.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("ending the cluster's first process %d: %w", cluster.PID, err)
	}
	for cluster.Running() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for process %d and its children to end: %w", cluster.PID, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// empty removes what is in the cluster's folder. Its record goes last: while
// it is there, the command can be repeated.
func empty(dir state.Dir) error {
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		return fmt.Errorf("emptying the cluster's folder: %w", err)
	}
	const record = "cluster.json"
	for _, entry := range entries {
		if entry.Name() == record {
			continue
		}
		if err := os.RemoveAll(dir.Path(entry.Name())); err != nil {
			return fmt.Errorf("emptying the cluster's folder: %w", err)
		}
	}
	return os.RemoveAll(dir.Path(record))
}
