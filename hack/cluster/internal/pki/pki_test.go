package pki

import (
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func TestAPersonIsKnownByNameAndGroups(t *testing.T) {
	authority := stored(t)
	pair, err := authority.Client("alice", "responders", "on-call")
	if err != nil {
		t.Fatal(err)
	}
	certificate := verify(t, authority, pair, x509.ExtKeyUsageClientAuth)
	if certificate.Subject.CommonName != "alice" {
		t.Errorf("name %q", certificate.Subject.CommonName)
	}
	for _, group := range []string{"responders", "on-call"} {
		if !slices.Contains(certificate.Subject.Organization, group) {
			t.Errorf("groups %v lack %s", certificate.Subject.Organization, group)
		}
	}
}

func TestAServerIsKnownByItsHosts(t *testing.T) {
	authority := stored(t)
	pair, err := authority.Server("gateway", "10.96.0.50", "gateway.system.svc")
	if err != nil {
		t.Fatal(err)
	}
	certificate := verify(t, authority, pair, x509.ExtKeyUsageServerAuth)
	for _, host := range []string{"10.96.0.50", "gateway.system.svc"} {
		if err := certificate.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
}

func TestKubeconfigIsWhole(t *testing.T) {
	authority := stored(t)
	client, err := authority.Client("alice")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	written := Kubeconfig{Cluster: "tocsin", Server: "https://10.213.0.2:6443", CA: authority.Certificate, Client: client}
	if err := written.Write(path); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != written.Server || len(config.CAData) == 0 || len(config.CertData) == 0 || len(config.KeyData) == 0 {
		t.Errorf("incomplete: host %s, %d %d %d bytes", config.Host, len(config.CAData), len(config.CertData), len(config.KeyData))
	}
}

// stored returns an authority that was written to disk and read again.
func stored(t *testing.T) *Authority {
	t.Helper()
	made, err := NewAuthority("test")
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := filepath.Join(t.TempDir(), "ca.crt"), filepath.Join(t.TempDir(), "ca.key")
	if err := made.Store(certificate, key); err != nil {
		t.Fatal(err)
	}
	read, err := LoadAuthority(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func verify(t *testing.T, authority *Authority, pair Pair, usage x509.ExtKeyUsage) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(pair.Certificate)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Certificate)
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
		t.Error(err)
	}
	return certificate
}
