package attack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func TestEveryAnswerIsCounted(t *testing.T) {
	var bodies [2]atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies[body[0]-'0'].Add(1)
		switch {
		case r.Header.Get("Authorization") != "Bearer token":
			w.WriteHeader(http.StatusUnauthorized)
		case string(body) == "1":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	defer server.Close()
	for name, rate := range map[string]float64{"closed loop": 0, "open loop": 10_000} {
		got, err := Run(Plan{
			URL: server.URL, Header: http.Header{"Authorization": {"Bearer token"}}, Bodies: [][]byte{[]byte("0"), []byte("1")},
			Events: 10, Requests: 100, Rate: rate, Connections: 4,
		})
		if err != nil {
			t.Fatal(name, err)
		}
		want := Report{Requests: 100, Acknowledged: 500, Refused: 500, Status: map[string]int{"202": 50, "503": 50}, Errors: []string{"503 Service Unavailable"}}
		if diff := cmp.Diff(want, Report{Requests: got.Requests, Acknowledged: got.Acknowledged, Refused: got.Refused, Failed: got.Failed, Status: got.Status, Errors: got.Errors}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if bodies[0].Load() != 100 || bodies[1].Load() != 100 {
		t.Errorf("the bodies were not sent in turn: %d and %d times", bodies[0].Load(), bodies[1].Load())
	}
}

// TestWaitingIsCharged: a request that was due long before it could be sent is
// charged with the wait.
func TestWaitingIsCharged(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	for name, tc := range map[string]struct {
		rate float64
		want time.Duration
	}{
		"open loop: due after 300 ms, sent after 500, answered after 510": {10, 210 * time.Millisecond},
		"closed loop: due when it is sent":                                {0, 10 * time.Millisecond},
	} {
		result := vegeta.Result{Seq: 3, Timestamp: began.Add(500 * time.Millisecond), Latency: 10 * time.Millisecond}
		(&schedule{rate: tc.rate, began: began}).charge(&result)
		if result.Latency != tc.want {
			t.Errorf("%s: %s, want %s", name, result.Latency, tc.want)
		}
	}
}

func TestSchedule(t *testing.T) {
	s := &schedule{rate: 10, requests: 2}
	for hits, want := range []struct {
		wait time.Duration
		stop bool
	}{{-50 * time.Millisecond, false}, {50 * time.Millisecond, false}, {150 * time.Millisecond, true}} {
		if wait, stop := s.Pace(50*time.Millisecond, uint64(hits)); wait != want.wait || stop != want.stop {
			t.Errorf("after %d requests: wait %s, stop %t; want %s, %t", hits, wait, stop, want.wait, want.stop)
		}
	}
}

func TestPlansThatSendNothingAreRefused(t *testing.T) {
	whole := Plan{Bodies: [][]byte{nil}, Requests: 1, Connections: 1}
	for name, spoil := range map[string]func(*Plan){
		"no body":       func(p *Plan) { p.Bodies = nil },
		"no end":        func(p *Plan) { p.Requests = 0 },
		"no connection": func(p *Plan) { p.Connections = 0 },
		"backwards":     func(p *Plan) { p.Rate = -1 },
	} {
		plan := whole
		spoil(&plan)
		if _, err := Run(plan); err == nil {
			t.Errorf("%s: ran", name)
		}
	}
}
