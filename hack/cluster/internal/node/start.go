package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/cgroup"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// Start starts the cluster's first process and records it. That process does
// nothing before it has read its whole specification: if this command ends
// earlier, so does the process, and there is no process that is not recorded.
func Start(ctx context.Context, spec Spec) error {
	cluster := state.Cluster{Name: spec.Dir.Name(), Link: spec.Link}
	if err := spec.Dir.Record(cluster); err != nil {
		return err
	}
	group := cgroup.For(cluster.Name, cluster.Link)
	if err := group.Create(); err != nil {
		return err
	}
	if err := install(Program(spec.Dir)); err != nil {
		return err
	}
	command, specification, err := launch(spec.Dir)
	if err != nil {
		return err
	}
	defer specification.Close()
	cluster.PID = command.Process.Pid
	cluster.Started = state.StartTime(cluster.PID)
	err = errors.Join(group.Add(cluster.PID), spec.Dir.Record(cluster))
	if err == nil {
		err = spec.Link.Connect(ctx, cluster.PID)
	}
	if err == nil {
		err = json.NewEncoder(specification).Encode(spec)
	}
	if err != nil {
		return errors.Join(err, command.Process.Kill())
	}
	return command.Process.Release()
}

func launch(dir state.Dir) (*exec.Cmd, io.WriteCloser, error) {
	log, err := os.OpenFile(dir.Log("node"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the cluster's log: %w", err)
	}
	defer log.Close()
	command := exec.Command(Program(dir), "node") // outlives this command, hence no context
	command.Dir = "/"
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true, // so that Ctrl-C at the terminal does not reach it
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	specification, err := command.StdinPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("starting the cluster's first process: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting the cluster's first process in new namespaces (a container must be privileged for that): %w", err)
	}
	return command, specification, nil
}

// install copies this program to where the cluster runs it from.
func install(path string) error {
	source, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("copying this program: %w", err)
	}
	defer source.Close()
	target, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o700)
	if err != nil {
		return fmt.Errorf("copying this program: %w", err)
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return fmt.Errorf("copying this program to %s: %w", path, err)
	}
	return target.Close()
}
