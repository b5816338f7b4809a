// Package tocsin is the process under test, as cmd/manager starts it, for one
// tenant, and the detectors that send to its gateway.
package tocsin

import (
	"context"
	"errors"
	"net"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
)

// address is where a run remembers the address of its gateway, which differs
// from process to process.
const address = "gateway"

// Process makes the process. Its spool is on the disk that outlives it.
func Process(p *harness.Process) (harness.Runnable, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mgr, err := operator.New(p.Config, operator.Options{
		Clock: clockOf(p.Run), Namespaces: []string{p.Namespace}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true,
		InvestigatorImage: "investigator",
		Gateway:           &operator.GatewayOptions{Listener: listener, SpoolDir: p.Dir},
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	p.Memory.Store(address, listener.Addr().String())
	return served{mgr, listener}, nil
}

// served is a process with its gateway.
type served struct {
	ctrl.Manager
	listener net.Listener
}

// Start runs the process. Its port is free again afterwards.
func (s served) Start(ctx context.Context) error {
	defer func() { _ = s.listener.Close() }()
	return s.Manager.Start(ctx)
}
