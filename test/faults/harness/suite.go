package harness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tocsin-dev/tocsin/test/faults/wire"
)

// Suite plays the scenario undisturbed and then under every perturbation. A
// single case is run again by its name, as with every test. Suites, and the runs
// within each, go on beside one another.
func Suite(t *testing.T, c *Cluster, s Scenario) {
	t.Parallel()
	base, err := c.Base(t.Context(), s)
	if err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	// What does not come out the same twice cannot be compared with.
	if _, err := c.Try(t.Context(), s, Undisturbed, base.Outcome); err != nil {
		t.Fatalf("undisturbed, for the second time: %v", err)
	}
	report := newReport(base)
	t.Cleanup(func() { t.Logf("%s", report) })
	for _, e := range spoilings {
		for _, class := range []wire.Class{wire.State, wire.Aside} {
			writes := len(base.Wire.Writes(class))
			name := e.name
			if class == wire.Aside {
				name += " a review or dry run"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				t.Cleanup(func() { report.row(name).enough(t) })
				for k := 1; k <= writes; k++ {
					p := Perturbation{Name: fmt.Sprintf("%03d", k), Fault: wire.Fault{Effect: e.effect(k), Class: class, Number: k}}
					attempt(t, c, s, p, base, report.row(name))
				}
			})
		}
	}
	t.Run("P5 stale cache", func(t *testing.T) {
		t.Parallel()
		t.Cleanup(func() { report.row("P5 stale cache").some(t) })
		for _, resource := range sorted(base.Wire.Watched()) {
			for _, step := range s.Steps {
				attempt(t, c, s, Stale(resource, step.Name), base, report.row("P5 stale cache"))
			}
		}
	})
	t.Run("P7 P8 conflicts", func(t *testing.T) {
		t.Parallel()
		for _, p := range []Perturbation{Conflicting(), Meddled()} {
			attempt(t, c, s, p, base, report.row("P7 P8 conflicts"))
		}
	})
	t.Run("P11 refusals", func(t *testing.T) {
		t.Parallel()
		for _, p := range []Perturbation{Overloaded(), Leaderless()} {
			attempt(t, c, s, p, base, report.row("P11 refusals"))
		}
	})
	t.Run("P6 unobserved states", func(t *testing.T) {
		t.Parallel()
		for _, flip := range s.Flips {
			attempt(t, c, s, Unobserved(flip), base, report.row("P6 unobserved states"))
		}
	})
}

// attempt is one disturbed run; it goes on beside the others.
func attempt(t *testing.T, c *Cluster, s Scenario, p Perturbation, base *Result, row *row) {
	t.Run(p.Name, func(t *testing.T) {
		t.Parallel()
		result, err := c.Try(t.Context(), s, p, base.Outcome)
		if result != nil {
			row.add(result)
		}
		if err != nil {
			t.Errorf("%s, %s: %v", s.Name, t.Name(), err)
		}
	})
}

func sorted(resources []schema.GroupResource) []schema.GroupResource {
	slices.SortFunc(resources, func(a, b schema.GroupResource) int { return cmp.Compare(a.String(), b.String()) })
	return resources
}

// report says how much was tried.
type report struct {
	base *Result
	mu   sync.Mutex
	rows map[string]*row
}

// row sums up the runs of one perturbation.
type row struct {
	mu           sync.Mutex
	runs, fired  int // of which disturbed something
	longest, sum time.Duration
	at           map[string]int
}

func newReport(base *Result) *report { return &report{base: base, rows: map[string]*row{}} }

func (r *report) row(name string) *row {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows[name] == nil {
		r.rows[name] = &row{at: map[string]int{}}
	}
	return r.rows[name]
}

func (r *row) add(result *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
	r.sum += result.Duration
	r.longest = max(r.longest, result.Duration)
	if result.Wire.Disturbed() {
		r.fired++
	}
	if fired := result.Wire.Fired(); fired != nil {
		r.at[fired.Kind()]++
	}
}

// some fails the test when no run disturbed anything.
func (r *row) some(t *testing.T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs > 0 && r.fired == 0 {
		t.Errorf("none of %d runs disturbed anything", r.runs)
	}
}

// enough fails the test when many runs ended before the write that they were to
// spoil: then the flow has become another one, and hardly anything was tried.
func (r *row) enough(t *testing.T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Writes that are retried or coalesced make the last few come and go: a third
	// of a long flow, as a busy machine takes longer and coalesces less, two of a
	// short one.
	if r.runs-r.fired > max(r.runs/3, 2) {
		t.Errorf("only %d of %d runs reached the write that they were to spoil", r.fired, r.runs)
	}
}

// String is a table: perturbation, runs, how many disturbed something, times.
func (r *report) String() string {
	var b strings.Builder
	writes := map[string]int{}
	for _, write := range r.base.Wire.Writes(wire.State) {
		writes[write.Kind()]++
	}
	fmt.Fprintf(&b, "undisturbed: %d writes, %d reviews and dry runs, %d events, %s\n",
		len(r.base.Wire.Writes(wire.State)), len(r.base.Wire.Writes(wire.Aside)), len(r.base.Wire.Writes(wire.Event)), r.base.Duration.Round(time.Millisecond))
	for _, kind := range slices.Sorted(maps.Keys(writes)) {
		fmt.Fprintf(&b, "  %3d %s\n", writes[kind], kind)
	}
	for _, name := range slices.Sorted(maps.Keys(r.rows)) {
		row := r.rows[name]
		fmt.Fprintf(&b, "%-36s %3d runs, %3d disturbed, writes of %2d kinds, mean %s, longest %s\n", name, row.runs, row.fired, len(row.at),
			(row.sum / time.Duration(max(1, row.runs))).Round(time.Millisecond), row.longest.Round(time.Millisecond))
	}
	return b.String()
}
