package kube

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// impersonator sends what it is asked to a server that keeps the headers.
func impersonator(t *testing.T, config *rest.Config) (*Impersonator, *http.Header) {
	t.Helper()
	var seen http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	config.Host = server.URL
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)
	return NewImpersonator(config, scheme.Scheme, mapper), &seen
}

func TestAsActsAsTheServiceAccountAlone(t *testing.T) {
	t.Parallel()
	i, seen := impersonator(t, &rest.Config{
		BearerToken: "operator",
		Impersonate: rest.ImpersonationConfig{UserName: "other", Groups: []string{"system:masters"}, UID: "1", Extra: map[string][]string{"a": {"b"}}},
	})
	c, err := i.As("team-a", "responder")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "x", Name: "y"}, &corev1.Pod{}); err == nil {
		t.Fatal("the server answers 404")
	}
	if got := seen.Get("Impersonate-User"); got != "system:serviceaccount:team-a:responder" {
		t.Errorf("acts as %q", got)
	}
	if got := seen.Get("Authorization"); got != "Bearer operator" {
		t.Errorf("authenticates as %q", got)
	}
	for header := range *seen {
		if strings.HasPrefix(header, "Impersonate-") && header != "Impersonate-User" {
			t.Errorf("sends %s", header)
		}
	}
}

// T3: an identity that is none must never become the operator's own.
func TestAsRefusesWhatIsNoIdentity(t *testing.T) {
	t.Parallel()
	i, _ := impersonator(t, &rest.Config{})
	bad := []string{
		"", " ", ".", "..", "*", "a b", "A", "a/b", "a:b", "../a", "a\nb", "a\x00", "-a", "a-", "ä", "system:masters",
		"%61", strings.Repeat("a", 254),
	}
	for _, value := range bad {
		for _, pair := range [][2]string{{value, "responder"}, {"team-a", value}, {value, value}} {
			c, err := i.As(pair[0], pair[1])
			if !errors.Is(err, ErrIdentity) || c != nil {
				t.Errorf("As(%q, %q) = %v, %v", pair[0], pair[1], c, err)
			}
		}
	}
	if _, err := i.As("team.a", "responder"); !errors.Is(err, ErrIdentity) {
		t.Errorf("a namespace has no dots: %v", err)
	}
}

func TestClientsAreKeptAndBounded(t *testing.T) {
	t.Parallel()
	i, _ := impersonator(t, &rest.Config{})
	first, _ := i.As("team-a", "responder")
	if again, _ := i.As("team-a", "responder"); again != first {
		t.Error("the client is made again")
	}
	if other, _ := i.As("team-b", "responder"); other == first {
		t.Error("two tenants share a client")
	}
	for n := range 2 * maxIdentities {
		if _, err := i.As("team-a", "responder-"+strconv.Itoa(n)); err != nil {
			t.Fatal(err)
		}
	}
	if i.clients.Len() > maxIdentities {
		t.Errorf("keeps %d clients", i.clients.Len())
	}
}
