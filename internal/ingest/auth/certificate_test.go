package auth

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/auth/authtest"
)

func TestCertificate(t *testing.T) {
	ours, foreign := authtest.NewAuthority(t), authtest.NewAuthority(t)
	falco := func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "falco", Organization: []string{"security"}}
		c.DNSNames = []string{"Falco.example.com"}
	}
	with := func(more func(*x509.Certificate)) tls.Certificate {
		return ours.Issue(t, func(c *x509.Certificate) { falco(c); more(c) })
	}
	const subject, dnsName = "CN=falco,O=security", "falco.example.com"
	right := ours.Issue(t, falco)
	for name, tc := range map[string]struct {
		reason             string
		shown              []tls.Certificate
		plain, rootless    bool
		subjects, dnsNames []string
		open               bool
	}{
		"by subject":                {shown: []tls.Certificate{right}, subjects: []string{subject}, open: true},
		"by DNS name":               {shown: []tls.Certificate{right}, dnsNames: []string{"other.example.com", dnsName}, open: true},
		"by one of both":            {shown: []tls.Certificate{right}, subjects: []string{"CN=other"}, dnsNames: []string{dnsName}, open: true},
		"another authority":         {shown: []tls.Certificate{foreign.Issue(t, falco)}, subjects: []string{subject}, dnsNames: []string{dnsName}},
		"the authority of another":  {reason: "it does not sign this one", shown: []tls.Certificate{foreign.Issue(t, falco), right}, subjects: []string{subject}},
		"no name allowed":           {shown: []tls.Certificate{right}},
		"another name":              {shown: []tls.Certificate{right}, subjects: []string{"CN=other,O=security"}, dnsNames: []string{"other.example.com"}},
		"part of the subject":       {shown: []tls.Certificate{right}, subjects: []string{"CN=falco", "falco"}},
		"part of the DNS name":      {shown: []tls.Certificate{right}, dnsNames: []string{"example.com"}},
		"no name in it":             {shown: []tls.Certificate{ours.Issue(t, func(*x509.Certificate) {})}, subjects: []string{subject}, dnsNames: []string{dnsName}},
		"a name made to look so":    {reason: "a comma in a name is escaped", shown: []tls.Certificate{ours.Issue(t, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: subject[3:]} })}, subjects: []string{subject}},
		"the DNS name as a subject": {shown: []tls.Certificate{ours.Issue(t, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: dnsName} })}, dnsNames: []string{dnsName}},
		"expired":                   {shown: []tls.Certificate{with(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })}, subjects: []string{subject}},
		"not valid yet":             {shown: []tls.Certificate{with(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })}, subjects: []string{subject}},
		"for servers":               {shown: []tls.Certificate{with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })}, subjects: []string{subject}},
		"none shown":                {subjects: []string{subject}},
		"plain HTTP":                {plain: true, subjects: []string{subject}},
		"no authority":              {reason: "those of the system are not asked", rootless: true, shown: []tls.Certificate{right}, subjects: []string{subject}},
		"too many":                  {shown: []tls.Certificate{right, right, right, right, right, right, right, right, right, right}, subjects: []string{subject}},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", nil)
			if !tc.plain {
				r.TLS = &tls.ConnectionState{}
				for _, shown := range tc.shown {
					r.TLS.PeerCertificates = append(r.TLS.PeerCertificates, shown.Leaf)
				}
			}
			c := Certificates{Subjects: tc.subjects, DNSNames: tc.dnsNames, Clock: clocktesting.NewFakePassiveClock(now)}
			if !tc.rootless {
				c.Roots = x509.NewCertPool()
				c.Roots.AppendCertsFromPEM(ours.PEM())
			}
			if err := NewCertificate(c).Verify(r, nil); (err == nil) != tc.open || err != nil && !errors.Is(err, ErrDenied) {
				t.Errorf("err = %v, want open %v %s", err, tc.open, tc.reason)
			}
		})
	}
}
