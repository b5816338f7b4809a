package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// Server serves the gateway on every replica. It is a Runnable of
// controller-runtime.
type Server struct {
	// Address to listen on, such as ":8443".
	Address string
	// CertFile and KeyFile hold the certificate; they are read again when they
	// change. Without them the server speaks plain HTTP.
	CertFile, KeyFile string
	Handler           http.Handler
	// ReadTimeout cuts off slow senders; DefaultReadTimeout where it is 0.
	ReadTimeout time.Duration
	// Listener is used instead of Address, in tests.
	Listener net.Listener
}

const (
	// DefaultReadTimeout lets 10 MiB through at 3 Mbit/s.
	DefaultReadTimeout = 30 * time.Second
	// headerTimeout is for a few hundred bytes.
	headerTimeout = 5 * time.Second
	// answerTimeout is for the spool and a slow reader, after the body was read.
	answerTimeout = 15 * time.Second
	// idleTimeout is longer than the intervals of most senders.
	idleTimeout = 90 * time.Second
	// shutdownTimeout lets what has begun come to its end.
	shutdownTimeout = 20 * time.Second
	// maxHeaderBytes is far more than any sender needs.
	maxHeaderBytes = 16 << 10
)

// NeedLeaderElection says no: every replica takes events.
func (*Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends, and then until what has begun is answered.
func (s *Server) Start(ctx context.Context) error {
	listener, err := s.listen(ctx)
	if err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	readTimeout := s.ReadTimeout
	if readTimeout == 0 {
		readTimeout = DefaultReadTimeout
	}
	server := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: min(headerTimeout, readTimeout),
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// Requests outlive ctx: they are let to their end.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serving the gateway: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(fmt.Errorf("stopping the gateway: %w", err), server.Close())
	}
	return nil
}

func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	listener := s.Listener
	if listener == nil {
		var err error
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address); err != nil {
			return nil, err
		}
	}
	if s.CertFile == "" {
		return listener, nil
	}
	watcher, err := certwatcher.New(s.CertFile, s.KeyFile)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() { _ = watcher.Start(ctx) }()
	return tls.NewListener(listener, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: watcher.GetCertificate,
		// Each source has authorities of its own, and most have none: what a
		// certificate is worth is decided once the source is known.
		ClientAuth: tls.RequestClientCert,
	}), nil
}
