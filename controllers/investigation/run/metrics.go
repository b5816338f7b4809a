package run

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
)

var (
	// investigationsEnded counts investigations by the state in which they ended.
	investigationsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "tocsin", Subsystem: "investigation", Name: "ended_total",
		Help: "Investigations that have ended, by their final state.",
	}, []string{"state"})
	// stepsEnded counts steps by the state in which they ended.
	stepsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "tocsin", Subsystem: "investigation", Name: "steps_ended_total",
		Help: "Steps of investigations that have ended, by their final state.",
	}, []string{"state"})
)

func init() { metrics.Registry.MustRegister(investigationsEnded, stepsEnded) }

// count counts what the write has ended.
func count(before, after *v1alpha1.InvestigationStatus) {
	was := map[string]v1alpha1.StepState{}
	for _, step := range before.Steps {
		was[step.Name] = step.State
	}
	for _, step := range after.Steps {
		if verdict.StepState(step.State).Final() && was[step.Name] != step.State {
			stepsEnded.WithLabelValues(string(step.State)).Inc()
		}
	}
	if verdict.State(after.State).Final() && before.State != after.State {
		investigationsEnded.WithLabelValues(string(after.State)).Inc()
	}
}
