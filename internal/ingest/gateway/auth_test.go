package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth/authtest"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// present is when the tests of authentication take place.
var present = time.Unix(1_700_000_000, 0)

const (
	signingKey = "0123456789abcdef0123456789abcdef"
	audience   = "tocsin.dev"
	stampName  = "X-Tocsin-Timestamp"
)

// world is a gateway that serves TLS, its sources, their Secrets, and an API server.
type world struct {
	sources *source.Registry
	secrets map[string]string
	tokens  map[string]authenticationv1.TokenReviewStatus
	away    error
	clock   *clocktesting.FakePassiveClock
	spool   *memory
	address string
	roots   *x509.CertPool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		sources: source.NewRegistry(), clock: clocktesting.NewFakePassiveClock(present), spool: &memory{},
		secrets: map[string]string{
			"bearer/token": "bearer-token\n", "basic/username": "falco", "basic/password": "basic-password\n", "hmac/key": signingKey + "\n",
			"bare/key": signingKey,
		},
		tokens: map[string]authenticationv1.TokenReviewStatus{},
	}
	certFile, keyFile, pool := certificate(t, t.TempDir())
	w.roots = pool
	w.address, _ = start(t, &Server{CertFile: certFile, KeyFile: keyFile, Handler: New(w.sources, w.spool, w.clock, DefaultLimits())})
	return w
}

// Create answers a TokenReview, as the API server does.
func (w *world) Create(_ context.Context, object client.Object, _ ...client.CreateOption) error {
	review := object.(*authenticationv1.TokenReview)
	review.Status = w.tokens[review.Spec.Token]
	return w.away
}

// specs are a source for each method, under its name.
func specs() map[string]v1alpha1.AlertSourceAuth {
	ref := func(name, key string) v1alpha1.SecretKeyReference {
		return v1alpha1.SecretKeyReference{Name: v1alpha1.LocalName(name), Key: key}
	}
	return map[string]v1alpha1.AlertSourceAuth{
		"bearer": {BearerToken: ref("bearer", "token")},
		"basic":  {Basic: &v1alpha1.BasicAuth{SecretName: "basic"}},
		"hmac":   {HMAC: &v1alpha1.HMACAuth{Key: ref("hmac", "key"), TimestampHeader: stampName}},
		"bare":   {HMAC: &v1alpha1.HMACAuth{Key: ref("bare", "key"), Header: "X-Grafana-Alerting-Signature", Prefix: ptr.To("")}},
		"certificate": {ClientCertificate: &v1alpha1.ClientCertificateAuth{
			CA: ref("certificate", "ca.crt"), Subjects: []string{"CN=falco,O=security"}}},
		"account": {ServiceAccountToken: &v1alpha1.ServiceAccountTokenAuth{ServiceAccounts: []v1alpha1.LocalName{"falco"}}},
	}
}

// take gives all sources to the gateway, as they and their Secrets are now.
func (w *world) take(t *testing.T) {
	t.Helper()
	reviewer := auth.NewTokenReviewer(w, w.clock)
	for name, spec := range specs() {
		from := builders.AlertSource("shop", name, func(s *v1alpha1.AlertSource) { s.Spec.Auth = spec })
		method, err := source.Auth(from, w.read, source.Checks{
			Clock: w.clock, Reviewer: reviewer, Memory: w.sources.Memory(client.ObjectKeyFromObject(from), w.clock),
		})
		if err != nil && !kube.SecretUnusable(err) {
			t.Fatal(err)
		}
		ready, err := source.New(from, method)
		if err != nil {
			t.Fatal(err)
		}
		w.sources.Set(ready)
	}
	w.sources.MarkSynced()
}

func (w *world) read(name v1alpha1.LocalName, keys ...string) ([][]byte, error) {
	var values [][]byte
	for _, key := range keys {
		value := w.secrets[string(name)+"/"+key]
		if value == "" {
			return nil, kube.ErrSecretNotFound
		}
		values = append(values, []byte(value))
	}
	return values, nil
}

// sender is how somebody sends: headers, a certificate, and a body other than shell.
type sender struct {
	headers     []string
	certificate *tls.Certificate
	body        string
}

func (w *world) post(t *testing.T, name string, s sender) (*http.Response, Problem) {
	t.Helper()
	if s.body == "" {
		s.body = shell
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+w.address+"/v1/sources/shop/"+name, bytes.NewReader([]byte(s.body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(s.headers); i += 2 {
		r.Header.Add(s.headers[i], s.headers[i+1])
	}
	config := &tls.Config{RootCAs: w.roots, ServerName: "tocsin"}
	if s.certificate != nil {
		config.Certificates = []tls.Certificate{*s.certificate}
	}
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var said Problem
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return resp, said
}

// wantRefused wants the answer that tells a stranger nothing.
func wantRefused(t *testing.T, resp *http.Response, said Problem) {
	t.Helper()
	if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Content-Type") != "application/problem+json" ||
		said.Type != problemTypes+"credentials" || said.Status != http.StatusUnauthorized || !strings.Contains(said.Detail, "spec.auth") {
		t.Errorf("%d %s %+v", resp.StatusCode, resp.Header.Get("Content-Type"), said)
	}
}

func bearerOf(token string) sender {
	return sender{headers: []string{"Authorization", "Bearer " + token}}
}

func basicOf(username, password string) sender {
	return sender{headers: []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))}}
}

func signedAt(key string, at time.Time) sender {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return sender{headers: []string{stampName, stamp, "X-Tocsin-Signature", "sha256=" + authtest.Sign(key, stamp+"."+shell)}}
}

func grafanaOf(key, body string) sender {
	return sender{headers: []string{"X-Grafana-Alerting-Signature", authtest.Sign(key, body)}}
}

func issued(t *testing.T, by *authtest.Authority, change func(*x509.Certificate)) sender {
	t.Helper()
	shown := by.Issue(t, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "falco", Organization: []string{"security"}}
		change(c)
	})
	return sender{certificate: &shown}
}

func as(*x509.Certificate) {} // As it is.

// TestForeignSenders is T5 of the trust model: nobody who is forged or foreign is
// let in by any method, and everybody who is right is.
func TestForeignSenders(t *testing.T) {
	ours, foreign := authtest.NewAuthority(t), authtest.NewAuthority(t)
	w := newWorld(t)
	w.secrets["certificate/ca.crt"] = string(ours.PEM())
	known := func(user string, audiences ...string) authenticationv1.TokenReviewStatus {
		return authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{Username: user}, Audiences: audiences}
	}
	w.tokens["account-token"] = known("system:serviceaccount:shop:falco", audience)
	w.tokens["of-another-namespace"] = known("system:serviceaccount:bank:falco", audience)
	w.tokens["of-another-account"] = known("system:serviceaccount:shop:default", audience)
	w.tokens["for-another-audience"] = known("system:serviceaccount:shop:falco", "https://kubernetes.default.svc")
	w.tokens["without-audience"] = known("system:serviceaccount:shop:falco")
	w.tokens["of-a-person"] = known("falco", audience)
	w.take(t)

	right := map[string]sender{
		"bearer": bearerOf("bearer-token"), "basic": basicOf("falco", "basic-password"), "hmac": signedAt(signingKey, present),
		"bare": grafanaOf(signingKey, shell), "certificate": issued(t, ours, as), "account": bearerOf("account-token"),
	}
	for name, s := range right {
		if resp, said := w.post(t, name, s); resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%s: %d %+v", name, resp.StatusCode, said)
		}
	}
	kept := len(w.spool.envelopes)

	altered := signedAt(signingKey, present.Add(time.Second))
	altered.body = `{"rule":"other"}`
	withoutStamp := sender{headers: signedAt(signingKey, present).headers[2:]}
	for name, foreigners := range map[string]map[string]sender{
		"bearer": {"wrong": bearerOf("wrong"), "empty": bearerOf(""), "as a password": basicOf("", "bearer-token")},
		"basic": {"wrong": basicOf("falco", "wrong"), "another user": basicOf("root", "basic-password"), "empty": basicOf("", ""),
			"the password as a token": bearerOf("basic-password")},
		"hmac": {"wrong": signedAt("another key, which is long enough", present), "empty key": signedAt("", present),
			"replayed": right["hmac"], "stale": signedAt(signingKey, present.Add(-301*time.Second)), "too early": signedAt(signingKey, present.Add(301*time.Second)),
			"another body": altered, "no timestamp": withoutStamp, "body alone": grafanaOf(signingKey, shell)},
		"bare": {"wrong": grafanaOf("another key, which is long enough", shell), "empty key": grafanaOf("", shell), "another body": grafanaOf(signingKey, health)},
		"certificate": {"of another authority": issued(t, foreign, as),
			"expired":      issued(t, ours, func(c *x509.Certificate) { c.NotAfter = present.Add(-time.Second) }),
			"another name": issued(t, ours, func(c *x509.Certificate) { c.Subject.CommonName = "tetragon" }),
			"for servers":  issued(t, ours, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		"account": {"wrong or expired": bearerOf("unknown"), "another namespace": bearerOf("of-another-namespace"), "another account": bearerOf("of-another-account"),
			"another audience": bearerOf("for-another-audience"), "no audience": bearerOf("without-audience"), "a person": bearerOf("of-a-person"), "empty": bearerOf("")},
		"nobody": {"a source that does not exist": right["bearer"]},
	} {
		foreigners["nothing"] = sender{}
		for other, s := range right {
			if other != name {
				foreigners["what is right for "+other] = s
			}
		}
		for what, s := range foreigners {
			t.Run(name+"/"+what, func(t *testing.T) {
				resp, said := w.post(t, name, s)
				wantRefused(t, resp, said)
			})
		}
	}
	if len(w.spool.envelopes) != kept {
		t.Errorf("%d were kept of foreigners", len(w.spool.envelopes)-kept)
	}
}

// TestEmptySecrets: a Secret that is missing, empty or unusable opens nothing.
func TestEmptySecrets(t *testing.T) {
	for what, value := range map[string]string{"missing": "", "blank": " \n\t\n"} {
		w := newWorld(t)
		for key := range w.secrets {
			w.secrets[key] = value
		}
		w.secrets["certificate/ca.crt"] = value
		w.take(t)
		for name, s := range map[string]sender{
			"bearer": bearerOf(value), "basic": basicOf(value, value), "hmac": signedAt(value, present), "bare": grafanaOf(value, shell),
			"certificate": issued(t, authtest.NewAuthority(t), as), "account": bearerOf(value),
		} {
			t.Run(what+"/"+name, func(t *testing.T) {
				if name == "bearer" || name == "account" {
					s = bearerOf("") // A header holds no line feeds.
				}
				resp, said := w.post(t, name, s)
				wantRefused(t, resp, said)
			})
		}
	}
}

// TestRotation replaces each Secret while the gateway runs: both are valid at once
// where the Secret holds both, and then the new one alone.
func TestRotation(t *testing.T) {
	before, after := authtest.NewAuthority(t), authtest.NewAuthority(t)
	const newKey = "another key, which is long enough"
	sent := present // Each signed request has a time of its own.
	signed := func(key string) func() sender {
		return func() sender { sent = sent.Add(time.Second); return signedAt(key, sent) }
	}
	fixed := func(s sender) func() sender { return func() sender { return s } }
	for name, tc := range map[string]struct {
		source, secret     string
		old, both, new     string
		oldSent, newSender func() sender
	}{
		"bearer": {"bearer", "bearer/token", "old", "old\nnew\n", "new", fixed(bearerOf("old")), fixed(bearerOf("new"))},
		"basic":  {"basic", "basic/password", "old", "old\nnew\n", "new", fixed(basicOf("falco", "old")), fixed(basicOf("falco", "new"))},
		"user":   {"basic", "basic/username", "falco", "", "tetragon", fixed(basicOf("falco", "basic-password")), fixed(basicOf("tetragon", "basic-password"))},
		"hmac":   {"hmac", "hmac/key", signingKey, signingKey + "\n" + newKey, newKey, signed(signingKey), signed(newKey)},
		"CA": {"certificate", "certificate/ca.crt", string(before.PEM()), string(before.PEM()) + string(after.PEM()), string(after.PEM()),
			fixed(issued(t, before, as)), fixed(issued(t, after, as))},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			check := func(what, secret string, oldStatus, newStatus int) {
				t.Helper()
				w.secrets[tc.secret] = secret
				w.take(t)
				for of, want := range map[*func() sender]int{&tc.oldSent: oldStatus, &tc.newSender: newStatus} {
					if resp, _ := w.post(t, tc.source, (*of)()); resp.StatusCode != want {
						t.Errorf("%s: status %d, want %d", what, resp.StatusCode, want)
					}
				}
			}
			check("the old one", tc.old, 202, 401)
			if tc.both != "" {
				check("both", tc.both, 202, 202)
			}
			check("the new one", tc.new, 401, 202)
			check("none", "", 401, 401)
		})
	}
}

// TestReplayAfterRotation: what was seen stays so when Secrets are read again.
func TestReplayAfterRotation(t *testing.T) {
	w := newWorld(t)
	w.take(t)
	s := signedAt(signingKey, present)
	if resp, _ := w.post(t, "hmac", s); resp.StatusCode != http.StatusAccepted {
		t.Fatal(resp.StatusCode)
	}
	w.secrets["hmac/key"] = "another key, which is long enough\n" + signingKey
	w.take(t)
	resp, said := w.post(t, "hmac", s)
	wantRefused(t, resp, said)
}

// TestAskedAgainIsNoReplay: a sender who is asked to send the same again is let in
// when it does.
func TestAskedAgainIsNoReplay(t *testing.T) {
	w := newWorld(t)
	w.take(t)
	s := signedAt(signingKey, present)
	for _, step := range []struct {
		err    error
		status int
	}{{spool.ErrFull, 503}, {errors.New("input/output error"), 503}, {nil, 202}, {nil, 401}} {
		w.spool.err = step.err
		if resp, said := w.post(t, "hmac", s); resp.StatusCode != step.status {
			t.Errorf("%v: %d %+v, want %d", step.err, resp.StatusCode, said, step.status)
		}
	}
}

// TestAPIServerAway: a sender whose token cannot be checked is asked to try again,
// not turned away; one whose token is known is let in.
func TestAPIServerAway(t *testing.T) {
	w := newWorld(t)
	w.take(t)
	w.tokens["account-token"] = authenticationv1.TokenReviewStatus{
		Authenticated: true, User: authenticationv1.UserInfo{Username: "system:serviceaccount:shop:falco"}, Audiences: []string{audience}}
	for _, step := range []struct {
		what   string
		away   error
		after  time.Duration
		status int
	}{
		{what: "away", away: apierrors.NewServiceUnavailable("away"), status: 503},
		{what: "back", status: 202},
		{what: "away again", away: apierrors.NewServiceUnavailable("away"), after: 59 * time.Second, status: 202},
		{what: "away for a minute", away: apierrors.NewServiceUnavailable("away"), after: time.Minute, status: 503},
	} {
		w.away = step.away
		w.clock.SetTime(present.Add(step.after))
		resp, said := w.post(t, "account", bearerOf("account-token"))
		if resp.StatusCode != step.status || (step.status == 503) != (resp.Header.Get("Retry-After") == "5" && said.Type == problemTypes+"unchecked") {
			t.Errorf("%s: %d, Retry-After %q, %+v", step.what, resp.StatusCode, resp.Header.Get("Retry-After"), said)
		}
	}
}

// TestSignedBodyIsBounded: nobody makes the gateway read more than the source takes.
func TestSignedBodyIsBounded(t *testing.T) {
	w := newWorld(t)
	w.take(t)
	from, _ := w.sources.Get(client.ObjectKey{Namespace: "shop", Name: "bare"})
	from.MaxBodyBytes = 1024
	w.sources.Set(from)
	for _, tc := range []struct{ size, status int }{{1024, 401}, {1025, 413}} {
		s := grafanaOf("another key, which is long enough", shell)
		s.body = strings.Repeat("x", tc.size)
		if resp, said := w.post(t, "bare", s); resp.StatusCode != tc.status {
			t.Errorf("%d bytes: %d %+v", tc.size, resp.StatusCode, said)
		}
	}
}

// TestSignaturesAreOfWhatIsSent: a body that is packed is signed as it is packed.
func TestSignaturesAreOfWhatIsSent(t *testing.T) {
	w := newWorld(t)
	w.take(t)
	packed := string(pack(shell))
	for signed, status := range map[string]int{packed: 202, shell: 401} {
		s := grafanaOf(signingKey, signed)
		s.body, s.headers = packed, append(s.headers, "Content-Encoding", "gzip")
		if resp, said := w.post(t, "bare", s); resp.StatusCode != status {
			t.Errorf("%d %+v, want %d", resp.StatusCode, said, status)
		}
	}
}

// TestPlainHTTP: without TLS there are no certificates, whatever a header claims.
func TestPlainHTTP(t *testing.T) {
	w := newWorld(t)
	w.secrets["certificate/ca.crt"] = string(authtest.NewAuthority(t).PEM())
	w.take(t)
	url := serve(t, w.sources, w.spool, DefaultLimits())
	if got := send(t, url+"/v1/sources/shop/certificate", []byte(shell), "X-Forwarded-Client-Cert", "Subject=\"CN=falco,O=security\""); got.status != 401 {
		t.Errorf("%+v", got)
	}
}

// TestStrangersLeaveRoom: senders of bodies who are not let in yet hold no more than
// half of the slots, however slowly they send and however little they announce.
func TestStrangersLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := registry(t, func(s *source.Source) {
			if s.Key.Name == "audit" {
				s.Auth = auth.NewHMAC(auth.Signature{Keys: [][]byte{[]byte(signingKey)}, Header: "X-Signature"})
			}
		})
		h := New(sources, &memory{}, clock.RealClock{}, Limits{InFlight: 4, Memory: 4 << 20})
		post := func(name, header, value string, body io.Reader) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/v1/sources/shop/"+name, body)
			r.ContentLength = 1
			r.Header.Set(header, value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		const strangers = 6
		answers := make(chan int, strangers)
		slow, write := io.Pipe()
		for range strangers {
			go func() {
				answers <- post("audit", "X-Signature", authtest.Sign(signingKey, "something else"), slow).Code
			}()
		}
		synctest.Wait()
		began := clock.RealClock{}.Now()
		if w := post("falco", "Authorization", "Bearer "+token, strings.NewReader(shell)); w.Code != http.StatusAccepted {
			t.Errorf("who is let in gets %d", w.Code)
		}
		if waited := (clock.RealClock{}).Since(began); waited > 0 {
			t.Errorf("who is let in waits %s for strangers", waited)
		}
		for range strangers - 2 {
			if got := <-answers; got != http.StatusServiceUnavailable {
				t.Errorf("one stranger too many gets %d", got)
			}
		}
		_ = write.Close()
		for range 2 {
			if got := <-answers; got != http.StatusUnauthorized {
				t.Errorf("a stranger gets %d", got)
			}
		}
	})
}
