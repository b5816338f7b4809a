package harness

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

// Scenario is a flow that must survive every perturbation.
type Scenario struct {
	Name string
	// Process makes the process under test. It is called again after each crash.
	Process func(*Process) (Runnable, error)
	// Prepare creates what is there before the process starts.
	Prepare func(context.Context, *Run) error
	// World stands in for what a bare API server lacks. It ends with its context.
	World func(context.Context, *Run) error
	// Steps are what people and detectors do, one after the other.
	Steps []Step
	// Outcome is what a run must come to, without the names and times that
	// differ from run to run. Every disturbed run must come to what the
	// undisturbed one came to.
	Outcome func(*Run, history.View) any
	// Flips are changes that are taken back before the process can see them.
	Flips []Flip
	// Quiet is how long nothing may be written in the end; 2 s if left out.
	Quiet time.Duration
	// Converge is how long a run may take to come to its outcome once all steps
	// are done; 60 s if left out.
	Converge time.Duration
}

// Step is one thing that is done, and what comes of it.
type Step struct {
	Name string
	// Do acts on the cluster. It is tried until it succeeds, as a person or a
	// good sender would.
	Do func(context.Context, *Run) error
	// Await says what is still missing, or nil when the step has had its effect.
	Await func(*Run, history.View) error
}

// Flip is done after a step while the process sees nothing of the kind. The
// process then has to list the kind anew.
type Flip struct {
	Name     string
	Resource schema.GroupResource
	// After names the step after which it is done; its effect is awaited first.
	After string
	Do    func(context.Context, *Run) error
	// Outcome is set where the flip changes what the run comes to.
	Outcome func(undisturbed any) any
}

// Runnable is a process under test, such as a manager.
type Runnable interface {
	Start(context.Context) error
}

// Process is what a process under test is made from.
type Process struct {
	// Config goes through the wire: all that the process asks for must use it.
	Config *rest.Config
	Logger logr.Logger
	*Run
}

// Run is one play of a scenario, in a namespace of its own.
type Run struct {
	// Namespace is the tenant.
	Namespace string
	// Config and Client are an administrator's, and not disturbed.
	Config *rest.Config
	Client client.Client
	// Dir is the disk of the processes: it outlives a crash.
	Dir string
	// Log has every revision of every object of the namespace.
	Log *history.Log
	// Wire has every write of the processes.
	Wire *wire.Wire
	// Memory is for what the scenario has to remember of the run.
	Memory sync.Map

	logs *logBuffer
	mu   sync.Mutex
	line *wire.Line // of the process that lives
}
