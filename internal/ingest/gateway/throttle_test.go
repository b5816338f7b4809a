package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// TestThrottled: above its rate a source is told how long to wait, with 503; of
// such a request nothing is kept, and once the time is over it is taken.
func TestThrottled(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_700_000_000, 0))
	kept := &memory{}
	throttle := source.NewThrottle(1, 4)
	server := httptest.NewServer(New(registry(t, func(s *source.Source) {
		if s.Format == "Falco" {
			s.Throttle = throttle
		}
	}), kept, clock, DefaultLimits()))
	t.Cleanup(server.Close)
	for step, request := range []struct {
		after  time.Duration
		source string
		body   string
		status int
		wait   string
		kept   int
	}{
		{0, "falco", shell + shell + shell, 202, "", 1},
		{0, "falco", shell + shell, 503, "1", 1},
		{0, "falco", shell, 202, "", 2},
		{0, "falco", shell, 503, "1", 2},
		{0, "scanner", `{"name":"x"}`, 202, "", 3},                                 // A neighbour does not notice.
		{1500 * time.Millisecond, "falco", strings.Repeat(shell, 6), 503, "3", 3},  // The burst is to be whole.
		{2500 * time.Millisecond, "falco", strings.Repeat(shell, 6), 202, "", 4},   // Then more than it is taken,
		{0, "falco", health, 503, "3", 4},                                          // and made up for.
		{3 * time.Second, "falco", strings.Repeat(health, 50) + shell, 202, "", 5}, // What is no alert does not count,
		{time.Second, "falco", strings.Repeat(health, 50), 202, "", 6},             // but as one request.
		{0, "falco", health, 503, "1", 6},
	} {
		clock.SetTime(clock.Now().Add(request.after))
		got := send(t, server.URL+"/v1/sources/shop/"+request.source, []byte(request.body))
		if got.status != request.status || got.header.Get("Retry-After") != request.wait || len(kept.envelopes) != request.kept {
			t.Errorf("step %d: %d, Retry-After %q, %d kept; want %d, %q, %d: %v", step,
				got.status, got.header.Get("Retry-After"), len(kept.envelopes), request.status, request.wait, request.kept, got.body)
		}
		if want := problemTypes + "throttled"; got.status == 503 && got.body["type"] != want {
			t.Errorf("step %d: %v", step, got.body)
		}
	}
	// A request that is too early is not even read: its encoding would be refused.
	if got := send(t, server.URL+"/v1/sources/shop/falco", []byte("x"), "Content-Encoding", "br"); got.status != 503 {
		t.Errorf("a request that is too early is answered with %d", got.status)
	}
	if !throttle.LastRefused().Equal(clock.Now()) {
		t.Errorf("last refused at %s", throttle.LastRefused())
	}
}

// TestNotChargedForWhatIsNotTaken: a request that the spool refuses costs a source
// nothing; one whose sender has gone may have been written, and does.
func TestNotChargedForWhatIsNotTaken(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	for name, test := range map[string]struct {
		ctx    context.Context
		err    error
		status int
	}{
		"the spool is full": {t.Context(), spool.ErrFull, 202},
		"the share is full": {t.Context(), spool.ErrShare, 202},
		"the disk fails":    {t.Context(), errors.New("input/output error"), 202},
		"the sender left":   {gone, context.Canceled, 503},
	} {
		t.Run(name, func(t *testing.T) {
			kept := &memory{err: test.err}
			handler := New(registry(t, func(s *source.Source) { s.Throttle = source.NewThrottle(1, 4) }), kept,
				clocktesting.NewFakePassiveClock(time.Unix(1_700_000_000, 0)), DefaultLimits())
			status := func(ctx context.Context) int {
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/sources/shop/falco", strings.NewReader(strings.Repeat(shell, 4)))
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				return w.Code
			}
			if got := status(test.ctx); got != http.StatusServiceUnavailable {
				t.Fatalf("it is answered with %d", got)
			}
			kept.err = nil
			if got := status(t.Context()); got != test.status {
				t.Errorf("the next is answered with %d, want %d", got, test.status)
			}
		})
	}
}
