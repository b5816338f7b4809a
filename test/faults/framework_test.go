package faults_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

// TestSoundToy: the suite finds nothing in a controller that has no bug.
func TestSoundToy(t *testing.T) {
	harness.Suite(t, cluster(t), toy{}.scenario("sound toy"))
}

// TestBuggyToy: each perturbation finds the bug that only it can find. A suite
// that finds nothing here would find nothing anywhere.
func TestBuggyToy(t *testing.T) {
	incidents := schema.GroupResource{Group: "tocsin.dev", Resource: "incidents"}
	crash := func(effect wire.Effect, k int) harness.Perturbation {
		return harness.Perturbation{Fault: wire.Fault{Effect: effect, Class: wire.State, Number: k}}
	}
	// With a name of its own for each incident the first write makes it, the second joins it.
	random := toy{randomName: true}
	for name, test := range map[string]struct {
		toy          toy
		perturbation harness.Perturbation
		want         string
	}{
		"P1 crash before write":  {random, crash(wire.CrashBefore, 2), "has no alert"},
		"P2 crash after write":   {random, crash(wire.CrashAfter, 1), "has no alert"},
		"P3 time-out":            {random, crash(wire.TimeOut, 1), "has no alert"},
		"P3 bad gateway":         {random, crash(wire.BadGateway, 1), "has no alert"},
		"P5 stale cache":         {toy{trustsCache: true}, harness.Stale(incidents, "first alert"), "outcome differs"},
		"P6 unobserved states":   {toy{remembers: true}, harness.Unobserved(toy{}.scenario("").Flips[0]), "outcome differs"},
		"P11 no leader":          {random, harness.Leaderless(), "has no alert"},
		"I13 writes without end": {toy{restless: true}, harness.Undisturbed, "without a write"},
		"I3 alerts change sides": {toy{moves: true}, harness.Stale(incidents, "first alert"), "without a reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.toy.scenario(name)
			// On a busy machine some seconds may pass between two writes of the restless one.
			s.Converge, s.Quiet = 3*time.Second, 5*time.Second
			var want any
			if test.perturbation.Name != harness.Undisturbed.Name {
				base, err := cluster(t).Try(t.Context(), s, harness.Undisturbed, nil)
				if err != nil && !test.toy.randomName {
					t.Fatalf("the bug shows without any perturbation: %v", err)
				}
				want = base.Outcome
			}
			result, err := cluster(t).Try(t.Context(), s, test.perturbation, want)
			if err == nil {
				t.Fatal("the bug was not found")
			}
			if test.perturbation.Name != harness.Undisturbed.Name && (result == nil || !result.Wire.Disturbed()) {
				t.Fatalf("the bug was found without the perturbation: %v", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("want an error about %q, got: %v", test.want, err)
			}
		})
	}
}

// TestNothingIsLeftRunning: a process that was told to end leaves no goroutine
// behind (I16, I17).
func TestNothingIsLeftRunning(t *testing.T) {
	c := cluster(t)
	s := mainJob()
	s.Steps, s.Quiet = s.Steps[:3], 100*time.Millisecond
	try := func() int {
		if _, err := c.Try(t.Context(), s, harness.Undisturbed, nil); err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine()
	}
	first := try()
	last := first
	for range 5 {
		last = try()
	}
	// Connections come and go; a leak would be dozens for each process.
	if grown := last - first; grown > 15 {
		stacks := make([]byte, 1<<20)
		t.Errorf("5 processes left %d goroutines behind:\n%s", grown, stacks[:runtime.Stack(stacks, true)])
	}
}
