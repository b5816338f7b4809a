package story

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// gatewayAddress is where the local cluster's API server sends its audit events.
const gatewayAddress = "10.96.0.50"

// backlog is how long an API server repeats events that it could not deliver:
// five times within ten seconds. The events of the installation itself, which
// changes admission policies, are no part of the story.
const backlog = 12 * time.Second

// install installs Tocsin as people do: with its charts.
func install(ctx context.Context, w *World) error {
	if err := w.helm(ctx, "upgrade", "--install", "tocsin-crds", w.chart("tocsin-crds"), "--namespace", System, "--create-namespace"); err != nil {
		return err
	}
	if err := w.makeGatewaySecret(ctx); err != nil {
		return err
	}
	arguments := []string{"upgrade", "--install", "tocsin", w.chart("tocsin"), "--namespace", System, "--set", "image.reference=" + w.Image,
		// The image may be another one of the same name.
		"--set-string", fmt.Sprintf("podAnnotations.restarted=%d", time.Now().Unix())}
	if w.Local() {
		arguments = append(arguments, "--set", "gateway.service.clusterIP="+gatewayAddress)
	}
	if err := w.helm(ctx, append(arguments, "--wait", "--timeout", "80s")...); err != nil {
		return err
	}
	w.settled = time.Now().Add(backlog)
	return w.show(ctx, "-n", System, "get", "deployments,services")
}

func (w *World) helm(ctx context.Context, arguments ...string) error {
	_, err := w.run(ctx, w.Kubeconfig, "", w.Helm, arguments...)
	if err != nil {
		return fmt.Errorf("helm: %w", err)
	}
	return nil
}

func (w *World) chart(name string) string { return filepath.Join(w.Root, "charts", name) }

// makeGatewaySecret gives Tocsin's gateway its certificate.
func (w *World) makeGatewaySecret(ctx context.Context) error {
	identity, err := w.gatewayIdentity()
	if err != nil {
		return err
	}
	w.gateway = &gateway{identity: identity}
	return w.secret(ctx, System, "tocsin-gateway-tls", "kubernetes.io/tls", map[string]string{
		"tls.crt": identity.certificate, "tls.key": identity.key,
	})
}
