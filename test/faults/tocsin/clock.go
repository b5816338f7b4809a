package tocsin

import (
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/test/faults/harness"
)

// runClock is the clock of a run's processes: the real one, some time ahead.
type runClock struct {
	clock.RealClock
	ahead atomic.Int64
}

func (c *runClock) Now() time.Time                  { return c.RealClock.Now().Add(time.Duration(c.ahead.Load())) }
func (c *runClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

func clockOf(r *harness.Run) *runClock {
	c, _ := r.Memory.LoadOrStore("clock", &runClock{})
	return c.(*runClock)
}

// Later lets time pass for the processes of a run. Timers that run are not hastened.
func Later(r *harness.Run, by time.Duration) { clockOf(r).ahead.Add(int64(by)) }
