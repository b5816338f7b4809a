package stream

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Meter measures the parts of a benchmark that count: on a machine that
// others use as well, processor time says more than the clock.
type Meter struct {
	used  time.Duration
	began time.Duration
}

// Start begins a part that counts.
func (m *Meter) Start(b *testing.B) {
	m.began = cpu()
	b.StartTimer()
}

// Stop ends it.
func (m *Meter) Stop(b *testing.B) {
	b.StopTimer()
	m.used += cpu() - m.began
}

// Report says how many alerts went through a second, and a second of one core,
// collecting garbage included.
func (m *Meter) Report(b *testing.B, alerts int) {
	b.ReportMetric(float64(alerts)/b.Elapsed().Seconds(), "assignments/s")
	b.ReportMetric(float64(alerts)/m.used.Seconds(), "assignments/core-s")
}

// Each is the processor time that one of so many took.
func (m *Meter) Each(n int) time.Duration { return m.used / time.Duration(n) }

// cpu is the processor time that this process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Heap is what is in use after garbage is collected, in bytes.
func Heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
