// Package attack sends requests to a server and measures its answers.
package attack

import (
	"fmt"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Plan says what is sent.
type Plan struct {
	URL    string
	Header http.Header
	// Bodies are sent in turn, one a request.
	Bodies [][]byte
	// Events is how many events are in a body.
	Events int
	// Requests is how many are sent at most, and Duration how long; one of them may
	// be 0.
	Requests int
	Duration time.Duration
	// Rate is how many requests are due each second, whatever the server does
	// (open loop). With 0 each connection sends the next as soon as it has its
	// answer (closed loop), which finds out how much the server can take.
	Rate float64
	// Connections are kept open and used again.
	Connections int
}

// Report is what came of it. Latencies are in milliseconds, in an open loop from
// the moment at which the request was due: a server that makes others wait is
// charged with their waiting.
type Report struct {
	Requests int `json:"requests"`
	// Acknowledged counts the events of requests that were answered with 2xx,
	// Refused those answered otherwise, Failed those not answered.
	Acknowledged int     `json:"acknowledged"`
	Refused      int     `json:"refused"`
	Failed       int     `json:"failed"`
	Seconds      float64 `json:"seconds"`
	// PerSecond is how many events were acknowledged a second.
	PerSecond float64        `json:"acknowledgedPerSecond"`
	P50       float64        `json:"p50Milliseconds"`
	P90       float64        `json:"p90Milliseconds"`
	P99       float64        `json:"p99Milliseconds"`
	Max       float64        `json:"maxMilliseconds"`
	Status    map[string]int `json:"status"`
	// Errors are the different ones.
	Errors []string `json:"errors,omitempty"`
}

const (
	// maxWaiting bounds the requests of an open loop that are due and not answered,
	// and with them our memory. Beyond it they are sent late, and charged all the same.
	maxWaiting = 20_000
	// timeout is well above any latency that is worth reporting.
	timeout = 30 * time.Second
)

// Run sends what the plan says and waits for the last answer.
func Run(plan Plan) (Report, error) {
	if len(plan.Bodies) == 0 || plan.Connections < 1 || plan.Requests < 1 && plan.Duration <= 0 || plan.Rate < 0 {
		return Report{}, fmt.Errorf("a plan needs bodies, connections, an end and no negative rate: there are %d, %d, %d requests or %s, %g",
			len(plan.Bodies), plan.Connections, plan.Requests, plan.Duration, plan.Rate)
	}
	waiting := uint64(maxWaiting)
	if plan.Rate == 0 {
		waiting = uint64(plan.Connections)
	}
	attacker := vegeta.NewAttacker(
		vegeta.Connections(plan.Connections), vegeta.MaxConnections(plan.Connections), vegeta.Timeout(timeout),
		vegeta.Workers(uint64(plan.Connections)), vegeta.MaxWorkers(waiting),
		vegeta.Redirects(vegeta.NoFollow), vegeta.HTTP2(false),
	)
	due := &schedule{rate: plan.Rate, requests: uint64(plan.Requests)}
	var metrics vegeta.Metrics
	report := Report{}
	for result := range attacker.Attack(targets(plan), due, plan.Duration, "") {
		due.charge(result)
		metrics.Add(result)
		switch {
		case result.Code == 0:
			report.Failed += plan.Events
		case result.Code >= 200 && result.Code < 300:
			report.Acknowledged += plan.Events
		default:
			report.Refused += plan.Events
		}
	}
	metrics.Close()
	report.fill(&metrics)
	return report, nil
}

func targets(plan Plan) vegeta.Targeter {
	list := make([]vegeta.Target, len(plan.Bodies))
	for i, body := range plan.Bodies {
		list[i] = vegeta.Target{Method: http.MethodPost, URL: plan.URL, Header: plan.Header, Body: body}
	}
	return vegeta.NewStaticTargeter(list...)
}

// schedule makes requests due at even intervals, and ends after the last if it
// knows how many there are.
type schedule struct {
	rate     float64
	requests uint64
	began    time.Time
}

// Pace says how long to wait for the next request.
func (s *schedule) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if s.began.IsZero() {
		s.began = time.Now().Add(-elapsed)
	}
	return s.after(hits) - elapsed, s.requests > 0 && hits >= s.requests
}

// Rate is how many requests are due each second.
func (s *schedule) Rate(time.Duration) float64 { return s.rate }

func (s *schedule) after(hit uint64) time.Duration {
	if s.rate == 0 {
		return 0
	}
	return time.Duration(float64(hit) / s.rate * float64(time.Second))
}

// charge makes the latency of a request in an open loop count from when it was
// due, not from when it was sent.
func (s *schedule) charge(result *vegeta.Result) {
	if s.rate > 0 {
		result.Latency = result.End().Sub(s.began.Add(s.after(result.Seq)))
	}
}

func (r *Report) fill(m *vegeta.Metrics) {
	r.Requests, r.Status, r.Errors = int(m.Requests), m.StatusCodes, m.Errors
	r.Seconds = m.End.Sub(m.Earliest).Seconds()
	if r.Seconds > 0 {
		r.PerSecond = float64(r.Acknowledged) / r.Seconds
	}
	r.P50, r.P90 = milliseconds(m.Latencies.P50), milliseconds(m.Latencies.P90)
	r.P99, r.Max = milliseconds(m.Latencies.P99), milliseconds(m.Latencies.Max)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
