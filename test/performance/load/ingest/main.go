// Command ingest measures how fast alerts are taken, kept and brought into
// incidents, beside Alertmanager and a plain client of the API server, with the
// same alerts on the same machine. docs/performance.md says how to read it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// bench is one run.
type bench struct {
	folder, manager string
	duration        time.Duration
	// connections is how many the load generator keeps open.
	connections int
	// compression is how many times faster than in life the storm is sent.
	compression float64
	events      int
}

// parts are what can be measured, in the order in which it is.
var parts = []struct {
	name    string
	measure func(*bench, context.Context) error
}{
	{"acknowledge", (*bench).acknowledge},
	{"neighbour", (*bench).neighbour},
	{"storm", (*bench).storm},
	{"burst", (*bench).burst},
	{"incidents", (*bench).incidents},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "ingest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	ctrl.SetLogger(logr.Discard())
	if len(os.Args) == 4 && os.Args[1] == "gateway" {
		return serveGateway(ctx, os.Args[2], os.Args[3])
	}
	b := &bench{}
	only := flag.String("only", "", "Parts to measure, separated by commas: acknowledge, neighbour, storm, burst, incidents. All when empty.")
	flag.DurationVar(&b.duration, "duration", 10*time.Second, "How long each measurement of acknowledgements takes.")
	flag.IntVar(&b.connections, "connections", 256, "How many connections the load generator keeps open.")
	flag.Float64Var(&b.compression, "compression", 10, "How many times faster than in life the storm of 20 minutes is sent. With 1 it takes 20 minutes.")
	flag.IntVar(&b.events, "alerts", 3000, "How many different alerts are brought into incidents.")
	flag.Parse()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return fmt.Errorf("KUBEBUILDER_ASSETS is not set: run this by 'make bench-ingest', which brings kube-apiserver and etcd")
	}
	if b.folder, err = os.MkdirTemp("", "tocsin-ingest-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	if b.manager, err = build(ctx, b.folder); err != nil {
		return err
	}
	for _, part := range parts {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), part.name) {
			continue
		}
		if err := part.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// withTocsin calls f with a cluster and Tocsin of its own, whose source is changed.
func (b *bench) withTocsin(ctx context.Context, f func(context.Context, *cluster, server) error, change ...func(*v1alpha1.AlertSource)) error {
	return b.withCluster(ctx, func(ctx context.Context, c *cluster, folder string) (err error) {
		tocsin, err := startTocsin(ctx, c, b.manager, folder, change...)
		if err != nil {
			return err
		}
		defer ended(tocsin, &err)
		return f(ctx, c, tocsin)
	})
}

func (b *bench) withCluster(ctx context.Context, f func(context.Context, *cluster, string) error) (err error) {
	folder, err := os.MkdirTemp(b.folder, "")
	if err != nil {
		return err
	}
	c, err := startCluster(ctx, folder)
	if err != nil {
		return err
	}
	defer ended(c, &err)
	return f(ctx, c, folder)
}

// stopper is a server that can be stopped.
type stopper interface{ stop() error }

// ended stops a server, and tells if that was not to be had.
func ended(s stopper, err *error) {
	if stopped := s.stop(); *err == nil {
		*err = stopped
	}
}

func line(w io.Writer, columns ...string) { fmt.Fprintln(w, "| "+strings.Join(columns, " | ")+" |") }

func header(w io.Writer, columns ...string) {
	line(w, columns...)
	line(w, slices.Repeat([]string{"---"}, len(columns))...)
}
