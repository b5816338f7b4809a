package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	readyTimeout  = time.Minute
	readyInterval = 50 * time.Millisecond
)

// awaitReady waits until an address answers.
func awaitReady(ctx context.Context, address, ca string) error {
	if address == "" {
		return nil
	}
	target, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("reading the address that says it is ready: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		err := probe(ctx, target, ca)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", readyTimeout, err)
		case <-time.After(readyInterval):
		}
	}
}

func probe(ctx context.Context, target *url.URL, ca string) error {
	switch target.Scheme {
	case "https":
		return get(ctx, target.String(), ca)
	case "unix":
		return dial(ctx, "unix", target.Path)
	default:
		return dial(ctx, target.Scheme, target.Host)
	}
}

func dial(ctx context.Context, network, address string) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return connection.Close()
}

func get(ctx context.Context, target, ca string) error {
	trusted, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", target, answer.Status)
	}
	return nil
}
