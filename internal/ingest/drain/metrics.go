package drain

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	// drained counts events by what became of them.
	drained = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tocsin_drain_events_total",
		Help: "Events taken from the spool, by outcome: accepted (a new alert), deduplicated, rolledUp, suppressed, rejected. Events that are read again after a restart count again.",
	}, []string{"outcome"})
	// writes counts writes to the API server.
	writes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tocsin_drain_writes_total",
		Help: "Writes to the API server, by kind (create, raise, totals) and result (ok, conflict, refused, error).",
	}, []string{"kind", "result"})
	// tuningFailures counts where the expression of a tuning rule failed.
	tuningFailures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tocsin_drain_tuning_failures_total",
		Help: "Decisions about an event on which the expressions of tuning rules failed: these rules do not match it.",
	})
	// fingerprintFailures counts where the fingerprint of a source failed.
	fingerprintFailures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tocsin_drain_fingerprint_failures_total",
		Help: "Events on which spec.fingerprint of their AlertSource failed: the format's own fingerprint holds. Events that are read again after a restart count again.",
	})
	// waitingBytes is how much waits in the spool.
	waitingBytes = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tocsin_spool_bytes",
		Help: "Bytes that wait in the spool.",
	})
	// fillRatio is how near the spool is to refusing events.
	fillRatio = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tocsin_spool_fill_ratio",
		Help: "How much of the room that a tenant has in the spool is used by the tenant who uses most of it, from 0 to 1. At 1 events of that tenant are refused.",
	})
	// waitingSeconds is how long the oldest event waits.
	waitingSeconds = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tocsin_spool_oldest_seconds",
		Help: "Age of the oldest batch in the spool.",
	})
)

func init() {
	metrics.Registry.MustRegister(drained, writes, tuningFailures, fingerprintFailures, waitingBytes, waitingSeconds, fillRatio)
}
