package story

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

func TestStatusIsTheAnswersLine(t *testing.T) {
	for name, test := range map[string]struct{ out, want string }{
		"after a prompt": {"$ 200 OK\n{\"kind\": \"SecretList\"}\n$ ", "200 OK"},
		"alone":          {"201 Created\n{}\n", "201 Created"},
		"no answer":      {"sh: not found", "sh: not found"},
		"nothing":        {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := status(test.out); got != test.want {
				t.Errorf("status(%q) = %q, want %q", test.out, got, test.want)
			}
		})
	}
}

func TestShortKeepsWholeCharacters(t *testing.T) {
	if got := short("äöü\nß  end", 6); got != "äöü ß…" {
		t.Errorf("got %q", got)
	}
}

func TestEveryTellsWhatWasSeenLast(t *testing.T) {
	missing := errors.New("2 of 3 are there")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errors.New("did not come within 10ms"))
	defer cancel()
	err := Every(ctx, "an alert", func(context.Context) error { return missing })
	if !errors.Is(err, missing) || !strings.HasPrefix(err.Error(), "an alert did not come within 10ms") {
		t.Errorf("got %v", err)
	}
	if err := Every(t.Context(), "nothing", func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestSelfSignedIdentityIsTheGateways(t *testing.T) {
	id, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(id.certificate), []byte(id.key))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(id.authority))
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: gatewayName, Roots: roots}); err != nil {
		t.Error(err)
	}
}

func TestVerdictOnIsTheWorst(t *testing.T) {
	of := func(v v1alpha1.Verdict) v1alpha1.Investigation {
		return v1alpha1.Investigation{Status: v1alpha1.InvestigationStatus{Evidence: []v1alpha1.EntityVerdict{
			{EntityKey: v1alpha1.EntityKey{Kind: "Pod", Name: "shop/web"}, Verdict: v},
		}}}
	}
	list := []v1alpha1.Investigation{of(v1alpha1.VerdictMalicious), of(v1alpha1.VerdictUnknown)}
	if got := verdictOn(list, "web"); got != v1alpha1.VerdictMalicious {
		t.Errorf("got %s", got)
	}
	if got := verdictOn(list, "other"); got != "" {
		t.Errorf("got %s", got)
	}
}

// A step that fails must say where to look, in the local cluster and elsewhere.
func TestEveryStepSaysWhereToLook(t *testing.T) {
	for _, w := range []*World{{}, {State: "/var/lib/cluster"}} {
		for _, step := range Steps() {
			if step.Limit <= 0 || step.Run == nil || len(step.Look(w)) == 0 {
				t.Errorf("step %q is incomplete", step.Title)
			}
		}
	}
}
