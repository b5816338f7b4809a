package story

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// gatewayName is whom the gateway's certificate names.
const gatewayName = "tocsin-gateway." + System + ".svc"

// gatewayIdentity is what the gateway shows to senders, and what they show to it.
type gatewayIdentity struct{ authority, certificate, key, auditToken string }

// gatewayIdentity reads what the local cluster has made for its API server, or
// makes a self-signed certificate.
func (w *World) gatewayIdentity() (gatewayIdentity, error) {
	if !w.Local() {
		return selfSigned()
	}
	var id gatewayIdentity
	for name, content := range map[string]*string{
		"ca.crt": &id.authority, "tls.crt": &id.certificate, "tls.key": &id.key, "audit-token": &id.auditToken,
	} {
		read, err := os.ReadFile(filepath.Join(w.State, "gateway", name))
		if err != nil {
			return gatewayIdentity{}, fmt.Errorf("reading what the cluster has made for the gateway: %w", err)
		}
		*content = strings.TrimSpace(string(read))
	}
	return id, nil
}

func selfSigned() (gatewayIdentity, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return gatewayIdentity{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: gatewayName}, DNSNames: []string{gatewayName},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return gatewayIdentity{}, fmt.Errorf("making the gateway's certificate: %w", err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return gatewayIdentity{}, err
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	return gatewayIdentity{
		authority: text, certificate: text, auditToken: rand.Text(),
		key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	}, nil
}
