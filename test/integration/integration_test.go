// Package integration_test runs Tocsin whole, as cmd/manager starts it, against
// a real API server: what an alert costs, what a restart does, and what becomes
// of what real detectors send.
package integration_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/tocsin-dev/tocsin/test/faults/harness"
)

var shared *harness.Cluster

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if given := os.Getenv(childEnv); given != "" {
		if err := beManager(context.Background(), given); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	flag.Parse()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return m.Run() // the tests say that they are skipped
	}
	var err error
	if shared, err = harness.StartCluster(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = shared.Stop() }()
	return m.Run()
}

// play runs a scenario once, with nothing going wrong.
func play(t *testing.T, s harness.Scenario) *harness.Result {
	t.Helper()
	if shared == nil {
		t.Skip("KUBEBUILDER_ASSETS is not set: run this by 'make test-integration', which brings kube-apiserver and etcd")
	}
	result, err := shared.Try(t.Context(), s, harness.Undisturbed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
