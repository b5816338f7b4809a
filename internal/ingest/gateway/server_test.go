package gateway

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

// start runs a server and returns its address, and a function that ends it and
// returns what Start returned.
func start(t *testing.T, s *Server) (string, func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Listener = listener
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Start(ctx) }()
	t.Cleanup(cancel)
	return listener.Addr().String(), func() error { cancel(); return <-ended }
}

func TestShutdownLetsRequestsEnd(t *testing.T) {
	m := &memory{gate: make(chan struct{}), entered: make(chan struct{}, 1)}
	address, stop := start(t, &Server{Handler: New(registry(t, nil), m, clock.RealClock{}, DefaultLimits())})
	first := make(chan answer, 1)
	go func() { first <- send(t, "http://"+address+"/v1/sources/shop/falco", []byte(shell)) }()
	<-m.entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for { // Until nobody is let in any more.
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(m.gate)
	if got := <-first; got.status != 202 {
		t.Errorf("the request that had begun got %v", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestSlowSenderIsCutOff(t *testing.T) {
	address, _ := start(t, &Server{Handler: New(registry(t, nil), &memory{}, clock.RealClock{}, DefaultLimits()), ReadTimeout: 100 * time.Millisecond})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/sources/shop/falco HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", token)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestSlowHeadIsCutOff: who does not even come to the end of the head gets no
// answer, and the connection is closed.
func TestSlowHeadIsCutOff(t *testing.T) {
	address, _ := start(t, &Server{Handler: New(registry(t, nil), &memory{}, clock.RealClock{}, DefaultLimits()), ReadTimeout: 100 * time.Millisecond})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/sources/shop/falco HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	if said, err := io.ReadAll(conn); err != nil || len(said) > 0 {
		t.Errorf("the gateway says %q, %v", said, err)
	}
}

func TestTLS(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile, pool := certificate(t, folder)
	address, stop := start(t, &Server{
		Handler:  New(registry(t, nil), &memory{}, clock.RealClock{}, DefaultLimits()),
		CertFile: certFile, KeyFile: keyFile,
	})
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "tocsin"}}}
	defer trusting.CloseIdleConnections()
	resp, err := trusting.Get("https://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", resp.StatusCode)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestMissingCertificate(t *testing.T) {
	_, stop := start(t, &Server{Handler: http.NotFoundHandler(), CertFile: "/nowhere/tls.crt", KeyFile: "/nowhere/tls.key"})
	if err := stop(); err == nil {
		t.Error("the server runs without its certificate")
	}
}

func TestRunsOnEveryReplica(t *testing.T) {
	if (&Server{}).NeedLeaderElection() {
		t.Error("only the leader would take events")
	}
}

func certificate(t *testing.T, folder string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"tocsin"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certFile, keyFile = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	for file, data := range map[string][]byte{certFile: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, pool
}
