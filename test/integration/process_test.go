package integration_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/tocsin-dev/tocsin/internal/operator"
)

// childEnv is set in a process that is the manager of one tenant, to be killed.
const childEnv = "TOCSIN_INTEGRATION_MANAGER"

// child says what such a process needs.
type child struct {
	Host             string
	CA, Cert, Key    []byte
	Namespace, Spool string
}

// beManager is the main of such a process.
func beManager(ctx context.Context, given string) error {
	var c child
	if err := json.Unmarshal([]byte(given), &c); err != nil {
		return err
	}
	ctrl.SetLogger(zap.New())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cfg := &rest.Config{Host: c.Host, TLSClientConfig: rest.TLSClientConfig{CAData: c.CA, CertData: c.Cert, KeyData: c.Key}, QPS: -1}
	mgr, err := operator.New(cfg, operator.Options{
		Namespaces: []string{c.Namespace}, MetricsAddress: "0", HealthAddress: "0",
		Gateway: &operator.GatewayOptions{Listener: listener, SpoolDir: c.Spool, DrainTimeout: 15 * time.Second},
	})
	if err != nil {
		return err
	}
	fmt.Println("gateway at", listener.Addr())
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	return mgr.Start(ctx)
}

// process is a manager in a process of its own.
type process struct {
	cmd     *exec.Cmd
	address string
}

// startManager starts a manager, and returns once its gateway answers.
func startManager(t *testing.T, ns, dir string) *process {
	t.Helper()
	given, err := json.Marshal(child{
		Host: shared.Config.Host, CA: shared.Config.CAData, Cert: shared.Config.CertData, Key: shared.Config.KeyData,
		Namespace: ns, Spool: dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(given))
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	if p.address, err = readAddress(bufio.NewScanner(out)); err != nil {
		t.Fatal(errors.Join(err, p.cmd.Wait()))
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	poll(t, "the gateway answers", func() error {
		answer, err := post(t.Context(), p.url(ns), nil)
		if err != nil {
			return err
		}
		if answer.status != http.StatusUnprocessableEntity { // The body is empty.
			return fmt.Errorf("the gateway says %d", answer.status)
		}
		return nil
	})
	return p
}

// kill ends the process at once, as a machine that fails does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // It says that the process was killed.
}

// end asks the process to end.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), p.cmd.Wait()); err != nil {
		t.Error(err)
	}
}
