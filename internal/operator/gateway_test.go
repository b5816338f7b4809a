package operator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// TestAcknowledgedEventsOutliveThePod ends the manager while a request is under
// way: what it acknowledges then is in the API server when the process is gone,
// and the spool, which goes with the pod, is empty.
func TestAcknowledgedEventsOutliveThePod(t *testing.T) {
	cfg, c := environment.Start(t)
	ns := environment.Namespace(t, c)
	from := builders.AlertSource(ns, "falco")
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(from.Spec.Auth.BearerToken.Name)},
		StringData: map[string]string{from.Spec.Auth.BearerToken.Key: "token"},
	}
	for _, object := range []client.Object{from, token} {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	mgr, err := operator.New(cfg, operator.Options{
		Namespaces: []string{ns}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true,
		Gateway: &operator.GatewayOptions{Listener: listener, SpoolDir: folder, DrainTimeout: 15 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()

	url := fmt.Sprintf("http://%s/v1/sources/%s/falco", listener.Addr(), ns)
	await(t, func() error { return post(t, url, strings.NewReader(event("shell"))) })
	await(t, func() error { return counted(t, c, from) }) // The drain has nothing to wait for but the next request.
	body, write := io.Pipe()
	answered := make(chan error, 1)
	go func() { answered <- post(t, url, body) }()
	// The client reads the body once the server asks for it.
	if _, err := io.WriteString(write, event("miner")); err != nil {
		t.Fatal(err)
	}
	end()
	await(t, func() error { return refused(t, listener.Addr().String()) })
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	left, err := spool.Open(spool.Options{Path: filepath.Join(folder, "spool.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	if used := left.Usage().Bytes; used != 0 {
		t.Errorf("%d bytes are left in the spool", used)
	}
	var alerts v1alpha1.AlertList
	if err := c.List(t.Context(), &alerts, client.InNamespace(ns)); err != nil || len(alerts.Items) != 2 {
		t.Errorf("%d alerts, want 2 (%v)", len(alerts.Items), err)
	}
}

// counted says whether the first event is in the totals, and so not in the spool.
func counted(t *testing.T, c client.Client, from *v1alpha1.AlertSource) error {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(from), from); err != nil {
		return err
	}
	if from.Status.Totals == nil {
		return errors.New("no totals yet")
	}
	return nil
}

func event(rule string) string {
	return fmt.Sprintf(`{"rule": %q, "time": "2026-01-02T03:04:05Z"}`, rule)
}

func post(t *testing.T, url string, body io.Reader) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer token")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Expect", "100-continue")
	response, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		said, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s: %s", response.Status, said)
	}
	return nil
}

// refused says whether an address takes no more connections.
func refused(t *testing.T, address string) error {
	t.Helper()
	connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return nil //nolint:nilerr // it is what is waited for
	}
	return errors.Join(errors.New(address+" still listens"), connection.Close())
}
