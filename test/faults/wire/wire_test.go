package wire_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

var alerts = schema.GroupResource{Group: "tocsin.dev", Resource: "alerts"}

// server remembers the writes it got, and sends a watch line by line.
type server struct {
	*httptest.Server
	frames chan string
	ended  chan struct{} // by each watch at its end

	mu  sync.Mutex
	got []string
}

func newServer(t *testing.T) *server {
	s := &server{frames: make(chan string), ended: make(chan struct{}, 10)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") != "true" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.got = append(s.got, r.Method+" "+r.URL.Path)
			return
		}
		defer func() { s.ended <- struct{}{} }()
		w.WriteHeader(http.StatusOK)
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case frame := <-s.frames:
				_, _ = io.WriteString(w, frame+"\n")
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

func do(t *testing.T, c *http.Client, method, url string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		effect  wire.Effect
		sent    int // of three writes, what the server gets
		code    int // the answer to the second
		timeout bool
		crash   bool
	}{
		"nothing":      {effect: wire.Nothing, sent: 3, code: 200},
		"crash before": {effect: wire.CrashBefore, sent: 1, crash: true},
		"crash after":  {effect: wire.CrashAfter, sent: 2, crash: true},
		"time-out":     {effect: wire.TimeOut, sent: 3, timeout: true},
		"bad gateway":  {effect: wire.BadGateway, sent: 3, code: 502},
		"conflict":     {effect: wire.Conflict, sent: 2, code: 409},
		"too many":     {effect: wire.TooManyRequests, sent: 2, code: 429},
		"no leader":    {effect: wire.InternalError, sent: 2, code: 500},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			w := wire.New(clocktesting.NewFakePassiveClock(time.Unix(0, 0)), wire.Fault{Effect: test.effect, Class: wire.State, Number: 2})
			line := w.Line()
			client, err := rest.HTTPClientFor(line.Config(&rest.Config{Host: s.URL}))
			if err != nil {
				t.Fatal(err)
			}
			path := s.URL + "/apis/tocsin.dev/v1alpha1/namespaces/a/alerts"
			// Neither reviews nor leases count.
			_, _ = do(t, client, http.MethodPost, s.URL+"/apis/authorization.k8s.io/v1/subjectaccessreviews")
			_, _ = do(t, client, http.MethodPut, s.URL+"/apis/coordination.k8s.io/v1/namespaces/a/leases/l")
			before := s.writes()
			_, _ = do(t, client, http.MethodPost, path)
			code, err := do(t, client, http.MethodPatch, path+"/x/status")
			_, _ = do(t, client, http.MethodPost, path)

			if got := s.writes() - before; got != test.sent {
				t.Errorf("server got %d writes, want %d", got, test.sent)
			}
			if code != test.code {
				t.Errorf("code %d, want %d (%v)", code, test.code, err)
			}
			var late net.Error
			if got := errors.As(err, &late) && late.Timeout(); got != test.timeout {
				t.Errorf("timed out: %t (%v), want %t", got, err, test.timeout)
			}
			select {
			case <-line.Crashed():
				if !test.crash {
					t.Error("crashed")
				}
			default:
				if test.crash {
					t.Error("did not crash")
				}
			}
			if fired := w.Fired(); test.effect != wire.Nothing && (fired == nil || fired.Kind() != "PATCH alerts.tocsin.dev/status") {
				t.Errorf("fired at %v", fired)
			}
		})
	}
}

// watch opens a watch through the line and delivers its lines.
func watch(ctx context.Context, t *testing.T, c *http.Client, url string) (int, <-chan string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		defer resp.Body.Close()
		for scanner := bufio.NewScanner(resp.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return resp.StatusCode, lines
}

func receive(t *testing.T, lines <-chan string) (string, bool) {
	t.Helper()
	select {
	case line, ok := <-lines:
		return line, ok
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		return "", false
	}
}

func TestGate(t *testing.T) {
	s := newServer(t)
	w := wire.New(clocktesting.NewFakePassiveClock(time.Unix(0, 0)), wire.Fault{})
	client, err := rest.HTTPClientFor(w.Line().Config(&rest.Config{Host: s.URL}))
	if err != nil {
		t.Fatal(err)
	}
	url := s.URL + "/apis/tocsin.dev/v1alpha1/namespaces/a/alerts?watch=true&resourceVersion=5"
	_, lines := watch(t.Context(), t, client, url)

	s.frames <- "one"
	if got, _ := receive(t, lines); got != "one" {
		t.Fatalf("got %q", got)
	}
	w.Hold(alerts)
	s.frames <- "two"
	s.frames <- "three"
	select {
	case got := <-lines:
		t.Fatalf("%q came through a held gate", got)
	case <-time.After(100 * time.Millisecond):
	}
	w.Release(alerts)
	if got, _ := receive(t, lines); got != "two" {
		t.Fatalf("got %q", got)
	}
	if got, _ := receive(t, lines); got != "three" {
		t.Fatalf("got %q", got)
	}

	w.Hold(alerts)
	s.frames <- "four"
	w.Expire(alerts)
	if got, ok := receive(t, lines); ok {
		t.Fatalf("%q came through an expired watch", got)
	}
	code, lines := watch(t.Context(), t, client, url)
	if got, _ := receive(t, lines); code != http.StatusGone || !strings.Contains(got, "Expired") {
		t.Fatalf("resumed watch: %d %q", code, got)
	}
	<-s.ended // else the watch that expired may take the frame
	code, lines = watch(t.Context(), t, client, url)
	s.frames <- "five"
	if got, _ := receive(t, lines); code != http.StatusOK || got != "five" {
		t.Fatalf("watch after the list: %d %q", code, got)
	}
	if got := w.Watched(); len(got) != 1 || got[0] != alerts {
		t.Fatalf("watched %v", got)
	}
}
