// Package faults_test plays the flows of Tocsin under faults. A new flow joins
// by one harness.Scenario and a test that calls harness.Suite with it.
package faults_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/tocsin-dev/tocsin/test/faults/harness"
)

// parallelRuns is how many runs go on at once. They mostly wait, each for its
// own, so there can be more of them than processors.
const parallelRuns = "20"

var shared *harness.Cluster

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return m.Run() // the tests say that they are skipped
	}
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", parallelRuns)
	}
	var err error
	if shared, err = harness.StartCluster(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = shared.Stop() }()
	code := m.Run()
	if panics, err := harness.Panics(); panics > 0 || err != nil {
		fmt.Fprintf(os.Stderr, "I17: %d reconciliations panicked (%v)\n", panics, err)
		return 1
	}
	return code
}

func cluster(t *testing.T) *harness.Cluster {
	t.Helper()
	if shared == nil {
		t.Skip("KUBEBUILDER_ASSETS is not set: run this by 'make test-faults', which brings kube-apiserver and etcd")
	}
	return shared
}
