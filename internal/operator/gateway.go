package operator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/tocsin-dev/tocsin/internal/ingest/drain"
	"github.com/tocsin-dev/tocsin/internal/ingest/gateway"
	"github.com/tocsin-dev/tocsin/internal/ingest/optout"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
	"github.com/tocsin-dev/tocsin/internal/ingest/tuningrule"
)

// GatewayOptions say how alerts are received.
type GatewayOptions struct {
	// Address is where the gateway listens.
	Address string
	// Listener is used instead of Address, in tests.
	Listener net.Listener
	// CertDir holds tls.crt and tls.key; plain HTTP when empty, in which nobody can
	// show a client certificate.
	CertDir string
	// SpoolDir is where events are kept until they are in the API server.
	SpoolDir string
	// DrainTimeout is how long events are still brought into the API server once
	// the process was told to end and takes no more of them.
	DrainTimeout time.Duration
	// Pod is the pod in which this runs: its events tell of a spool that was damaged.
	// Only the log and a metric do when nil.
	Pod *corev1.Pod
	// IgnoredUsers are left out of audit events: Tocsin's own requests.
	IgnoredUsers []string
}

// ingest receives events and drains them into the API server, on every replica.
type ingest struct {
	mgr     ctrl.Manager
	options GatewayOptions
	// namespaces are the tenants; all when empty.
	namespaces []string
	sources    *source.Registry
	clock      clock.WithTicker
	inlet      *inlet
}

var _ manager.LeaderElectionRunnable = &ingest{}

// NeedLeaderElection is false: every replica has a gateway and a spool.
func (*ingest) NeedLeaderElection() bool { return false }

// Start runs gateway and drain until ctx ends: first the gateway ends, then the
// drain, which has the last acknowledged events to deliver, then the spool.
func (i *ingest) Start(ctx context.Context) (err error) {
	if err := os.MkdirAll(i.options.SpoolDir, 0o700); err != nil {
		return fmt.Errorf("making the folder of the spool: %w", err)
	}
	events, err := spool.Open(spool.Options{Path: filepath.Join(i.options.SpoolDir, "spool.db"), Clock: i.clock})
	if damage := (*spool.Damage)(nil); errors.As(err, &damage) {
		ctrl.LoggerFrom(ctx).Error(damage, "The spool was damaged", "movedTo", damage.MovedTo)
		i.eventDamaged(damage)
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()

	i.inlet.open(events)
	receiving, received := context.WithCancel(context.WithoutCancel(ctx))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { defer received(); return i.server(events).Start(ctx) })
	group.Go(func() error { return i.drain(events).Start(receiving) })
	return group.Wait()
}

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// maxNote is the longest text that the API server takes for an event.
const maxNote = 1000

func (i *ingest) eventDamaged(damage *spool.Damage) {
	if i.options.Pod == nil {
		return
	}
	i.mgr.GetEventRecorder("tocsin-gateway").Eventf(i.options.Pod, nil, corev1.EventTypeWarning, "SpoolDamaged", "OpenSpool",
		"%s", text.Line(damage.Error(), maxNote))
}

func (i *ingest) server(events *spool.Spool) *gateway.Server {
	server := &gateway.Server{
		Address: i.options.Address, Listener: i.options.Listener,
		Handler: gateway.New(i.sources, events, i.clock, gateway.DefaultLimits()),
	}
	if dir := i.options.CertDir; dir != "" {
		server.CertFile, server.KeyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	}
	return server
}

func (i *ingest) drain(events *spool.Spool) *drain.Drain {
	return drain.New(drain.Deps{
		Client: i.mgr.GetClient(), Reader: i.mgr.GetAPIReader(), Watch: i.mgr.GetCache(),
		Spool: events, Sources: i.sources, OptOuts: optout.New(i.mgr.GetClient()), Tuning: tuningrule.New(i.mgr.GetClient()),
		Clock: i.clock, Grace: i.options.DrainTimeout, Namespaces: i.namespaces,
	})
}

// ready says whether the gateway knows its sources.
func (i *ingest) ready(*http.Request) error {
	if !i.sources.Synced() {
		return errors.New("the alert sources are not known yet")
	}
	return nil
}

// inlet is the way into the spool for what Tocsin itself finds. Whoever comes
// before the spool is open waits.
type inlet struct {
	ready chan struct{}
	spool *spool.Spool
}

func newInlet() *inlet { return &inlet{ready: make(chan struct{})} }

func (i *inlet) open(s *spool.Spool) {
	i.spool = s
	close(i.ready)
}

func (i *inlet) wait(ctx context.Context) error {
	select {
	case <-i.ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the spool: %w", ctx.Err())
	}
}

// Append makes events of a tenant durable.
func (i *inlet) Append(ctx context.Context, tenant string, payload []byte, count int64) (spool.Position, error) {
	if err := i.wait(ctx); err != nil {
		return 0, err
	}
	return i.spool.Append(ctx, tenant, payload, count)
}

// Last is the position of the newest event.
func (i *inlet) Last(ctx context.Context) (spool.Position, error) {
	if err := i.wait(ctx); err != nil {
		return 0, err
	}
	return i.spool.Last()
}

// Drained says whether no event of a tenant at or before a position waits.
func (i *inlet) Drained(ctx context.Context, tenant string, through spool.Position) (bool, error) {
	if err := i.wait(ctx); err != nil {
		return false, err
	}
	return i.spool.Drained(tenant, through)
}
