package gateway

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	// requests counts answered requests by HTTP status, and why they were refused.
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tocsin_gateway_requests_total",
		Help: "Requests that the gateway answered, by HTTP status and reason: the last part of the problem's type, such as throttled (above the source's rate), share (the namespace has no room in the spool), full (nobody has); empty where they were taken.",
	}, []string{"status", "reason"})
	// seconds measures how long requests take, which is how long senders wait.
	seconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "tocsin_gateway_request_seconds",
		Help:    "Time from the head of a request to its answer.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14), // 1 ms to 8 s
	})
	// events counts events by format and by what became of them.
	events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tocsin_gateway_events_total",
		Help: "Events by format and outcome: spooled, suppressed (no alert), rejected (not readable).",
	}, []string{"format", "outcome"})
	// inFlight is how many requests are being answered.
	inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tocsin_gateway_in_flight_requests",
		Help: "Requests that are being answered.",
	})
)

func init() { metrics.Registry.MustRegister(requests, seconds, events, inFlight) }

func countRequest(status int, reason string) {
	requests.WithLabelValues(strconv.Itoa(status), reason).Inc()
}

func countEvents(format string, c content) {
	events.WithLabelValues(format, "spooled").Add(float64(len(c.events)))
	events.WithLabelValues(format, "suppressed").Add(float64(c.suppressed))
	events.WithLabelValues(format, "rejected").Add(float64(c.rejected))
}
