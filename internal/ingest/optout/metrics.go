package optout

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// failures counts the alerts on which the expression of an opt-out failed.
var failures = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "tocsin_drain_opt_out_failures_total",
	Help: "New alerts on which the expression of an opt-out failed: it does not match them.",
})

func init() { metrics.Registry.MustRegister(failures) }
