package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"k8s.io/apimachinery/pkg/util/wait"
)

// process is a server that is measured, on its own.
type process struct {
	*exec.Cmd
	stat procfs.Proc
	// url is where it is sent to.
	url string
}

const (
	startTimeout = time.Minute
	// stopTimeout is above what a manager may take to drain its spool.
	stopTimeout = 90 * time.Second
)

// launch starts a program and waits until a URL answers with 200. What it says
// goes to a file.
func launch(ctx context.Context, log string, ready string, name string, args ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{Cmd: exec.CommandContext(ctx, name, args...)}
	p.Stdout, p.Stderr = out, out
	p.Cancel = func() error { return p.Process.Signal(syscall.SIGTERM) }
	p.WaitDelay = stopTimeout
	if err := p.Start(); err != nil {
		return nil, err
	}
	if p.stat, err = procfs.NewProc(p.Process.Pid); err != nil {
		return nil, err
	}
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		status, _, err := get(ctx, ready)
		return err == nil && status == http.StatusOK, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s is not ready within %s; see %s: %w", name, startTimeout, log, err)
	}
	return p, nil
}

// stop ends the process and returns when it is gone.
func (p *process) stop() error {
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_, err := p.Process.Wait()
	return err
}

// cpu is the processor time that it has used so far, in seconds.
func (p *process) cpu() float64 {
	stat, err := p.stat.Stat()
	if err != nil {
		return 0
	}
	return stat.CPUTime()
}

// peak is the most memory that it has held, in MiB.
func (p *process) peak() float64 {
	status, err := p.stat.NewStatus()
	if err != nil {
		return 0
	}
	return float64(status.VmHWM) / (1 << 20)
}

func get(ctx context.Context, url string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// free returns addresses on this machine at which nothing listens yet.
func free(n int) ([]string, error) {
	addresses := make([]string, n)
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses[i] = listener.Addr().String()
	}
	return addresses, nil
}
