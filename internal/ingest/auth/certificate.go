package auth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/http"
	"slices"
	"strings"

	"k8s.io/utils/clock"
)

// maxIntermediates bounds the certificates between a sender's and the CA's.
const maxIntermediates = 8

// Certificates say which client certificates are let in.
type Certificates struct {
	// Roots sign them, directly or through others that the sender shows.
	Roots *x509.CertPool
	// Subjects and DNSNames are the names that are let in: one suffices.
	Subjects, DNSNames []string
	Clock              clock.PassiveClock
}

type certificate struct{ Certificates }

// NewCertificate takes a client certificate from the TLS handshake.
func NewCertificate(c Certificates) Method { return certificate{c} }

func (c certificate) Verify(r *http.Request, _ Body) error {
	// Roots of nil would mean those of the system.
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || len(r.TLS.PeerCertificates) > 1+maxIntermediates || c.Roots == nil {
		return ErrDenied
	}
	leaf, between := r.TLS.PeerCertificates[0], x509.NewCertPool()
	for _, other := range r.TLS.PeerCertificates[1:] {
		between.AddCert(other)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.Roots, Intermediates: between, CurrentTime: c.Clock.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil || !c.named(leaf) {
		return ErrDenied
	}
	return nil
}

func (c certificate) named(leaf *x509.Certificate) bool {
	return slices.Contains(c.Subjects, subject(leaf)) || slices.ContainsFunc(leaf.DNSNames, func(name string) bool {
		return slices.Contains(c.DNSNames, strings.ToLower(name))
	})
}

// subject is the whole subject in the order in which the certificate has it;
// pkix.Name would put its parts into an order of its own. An empty one names nobody.
func subject(leaf *x509.Certificate) string {
	var parts pkix.RDNSequence
	if rest, err := asn1.Unmarshal(leaf.RawSubject, &parts); err != nil || len(rest) > 0 {
		return ""
	}
	return parts.String()
}
