package story

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// gateway is the way from this machine to Tocsin's gateway: a port that
// kubectl forwards. Detectors in the cluster use its Service.
type gateway struct {
	identity gatewayIdentity
	token    string
	command  *exec.Cmd
	address  string
	client   http.Client
}

// open forwards a port.
func (g *gateway) open(ctx context.Context, w *World) error {
	if g.command != nil {
		return nil
	}
	// It outlives the step that opens it.
	command := exec.CommandContext(context.WithoutCancel(ctx), w.Kubectl, "-n", System, "port-forward", "service/tocsin-gateway", ":9443")
	command.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig)
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("forwarding a port to the gateway: %w", err)
	}
	g.command = command
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("forwarding a port to the gateway: %w", err)
	}
	// "Forwarding from 127.0.0.1:40123 -> 9443"
	words := strings.Fields(line)
	if len(words) < 3 {
		return fmt.Errorf("forwarding a port to the gateway: kubectl says %q", line)
	}
	g.address = words[2]
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(g.identity.authority)) {
		return errors.New("the gateway's certificate authority cannot be read")
	}
	g.client = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: gatewayName, MinVersion: tls.VersionTLS13},
	}}
	return nil
}

func (g *gateway) close() {
	if g.command != nil && g.command.Process != nil {
		_ = g.command.Process.Kill()
		_ = g.command.Wait()
		g.command = nil
	}
}

// post sends a body to an alert source and returns how it was answered.
func (g *gateway) post(ctx context.Context, source, token, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+g.address+"/v1/sources/"+Tenant+"/"+source, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := g.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusAccepted {
		return answer.Status, fmt.Errorf("the gateway answers %s: %s", answer.Status, strings.TrimSpace(string(said)))
	}
	return answer.Status, nil
}
