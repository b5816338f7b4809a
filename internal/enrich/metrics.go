package enrich

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// What came of a look-up.
const (
	resultFound     = "found"
	resultGone      = "gone"
	resultForbidden = "forbidden"
	resultFailed    = "failed"
	resultLimited   = "limited"
)

// lookups counts look-ups of pods by what came of them.
var lookups = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "tocsin_enrichment_lookups_total",
	Help: "Look-ups of pods that alerts name, by result: found, gone, forbidden (to the service account of the policy), failed, limited (asked for too often).",
}, []string{"result"})

func init() { metrics.Registry.MustRegister(lookups) }
