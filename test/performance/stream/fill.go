package stream

import (
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Fill measures how fast something takes alerts, from none until that many are
// open, and what each costs it in memory. Convert makes its own alert of ours,
// outside of what is measured; begin starts an empty one, which takes alerts
// until it is stopped.
func Fill[A any](b *testing.B, keys Keys, open int, convert func(*model.Alert) A, begin func() (take func(A), stop func())) {
	made := New(keys, open).Take(open)
	alerts := make([]A, open)
	for i := range made {
		alerts[i] = convert(&made[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	var meter Meter
	for done := 0; done < b.N; {
		n := min(open, b.N-done)
		before := Heap()
		take, stop := begin()
		meter.Start(b)
		for _, a := range alerts[:n] {
			take(a)
		}
		meter.Stop(b)
		if done == 0 {
			b.ReportMetric(float64(Heap()-before)/float64(n), "bytes/alert")
		}
		stop()
		done += n
	}
	meter.Report(b, b.N)
}
