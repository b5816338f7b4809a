package main

import (
	"context"
	"errors"
	"net/http"
	_ "net/http/pprof" // for who looks where the time goes
	"path/filepath"

	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/gateway"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// readyPath answers once the gateway takes alerts.
const readyPath = "/readyz"

// serveGateway is a process of its own: the gateway with its spool on disk, and
// nothing behind it.
func serveGateway(ctx context.Context, address, folder string) (err error) {
	events, err := spool.Open(spool.Options{Path: filepath.Join(folder, "alone.db"), MaxBytes: 16 << 30})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	from, err := source.New(builders.AlertSource(tenant, sourceName, unthrottled), auth.NewBearer([]byte(token)))
	if err != nil {
		return err
	}
	sources := source.NewRegistry()
	sources.Set(from)
	sources.MarkSynced()

	mux := http.NewServeMux()
	mux.Handle("/v1/", gateway.New(sources, events, clock.RealClock{}, gateway.DefaultLimits()))
	mux.Handle("/debug/pprof/", http.DefaultServeMux)
	mux.HandleFunc(readyPath, func(http.ResponseWriter, *http.Request) {})
	return (&gateway.Server{Address: address, Handler: mux}).Start(ctx)
}
