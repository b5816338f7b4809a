// Package controllers lists the controllers of Tocsin. Each lives in a package
// of its own, named after its purpose; they meet in the API server alone.
package controllers

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	"github.com/tocsin-dev/tocsin/controllers/incident/summary"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
)

// Options are what the controllers need beside the manager.
type Options struct {
	// Clock tells the time; tests bring their own.
	Clock clock.WithTicker
	// RESTConfig reaches the API server; actions take other identities from it.
	RESTConfig *rest.Config
	// InvestigatorImage is the image of the built-in analyzers.
	InvestigatorImage string
	// ProtectedNamespaces always wait for approval.
	ProtectedNamespaces []string
}

// controller is one purpose; Register adds it to the manager.
type controller interface {
	Name() string
	Register(mgr ctrl.Manager) error
}

// Setup adds every controller to the manager.
func Setup(mgr ctrl.Manager, options Options) error {
	for _, c := range all(mgr, options) {
		if err := c.Register(mgr); err != nil {
			return fmt.Errorf("registering controller %s: %w", c.Name(), err)
		}
	}
	return nil
}

func all(mgr ctrl.Manager, o Options) []controller {
	return []controller{
		correlation.New(correlation.Deps{
			Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("tocsin-alert-correlation"), Clock: o.Clock,
			Policy: engine.DefaultPolicy(),
		}),
		summary.New(summary.Deps{
			Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("tocsin-incident-summary"), Clock: o.Clock,
		}),
	}
}
