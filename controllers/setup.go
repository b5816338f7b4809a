// Package controllers lists the controllers of Tocsin. Each lives in a package
// of its own, named after its purpose; they meet in the API server alone.
package controllers

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
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

func all(_ ctrl.Manager, _ Options) []controller {
	return nil
}
