// Package performance measures what the product promises of its speed;
// docs/performance.md says how to read it.
package performance

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/test/performance/stream"
)

func BenchmarkAssign(b *testing.B) {
	for _, keys := range stream.All {
		for _, open := range []int{10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("keys=%s/open=%d", keys, open), func(b *testing.B) {
				assign(b, keys, open)
			})
		}
	}
}

// assign measures the decision on new alerts while as many stay open: for each
// that comes, the oldest is forgotten, outside of what is measured.
func assign(b *testing.B, keys stream.Keys, open int) {
	alerts := stream.New(keys, open)
	engine := correlation.New(correlation.DefaultPolicy())
	known := alerts.Take(open)
	names := make([]string, open)
	before := stream.Heap()
	for i, a := range known {
		engine.Assign(a)
		names[i] = a.Name
	}
	perAlert := float64(stream.Heap()-before) / float64(open) // beyond the text, which the caller holds
	runtime.KeepAlive(known)                                  // but not from here on
	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	var meter stream.Meter
	for done := 0; done < b.N; {
		fresh := alerts.Take(min(open/10, b.N-done))
		runtime.GC() // of what making them left behind
		meter.Start(b)
		for _, a := range fresh {
			engine.Assign(a)
		}
		meter.Stop(b)
		for i, a := range fresh {
			engine.Forget(names[i])
			names = append(names, a.Name)
		}
		names = names[len(fresh):]
		done += len(fresh)
	}
	meter.Report(b, b.N)
	b.ReportMetric(perAlert, "bytes/alert")
	runtime.KeepAlive(engine)
	read := stream.RandomRead(int64(perAlert * float64(open)))
	b.ReportMetric(float64(read.Nanoseconds()), "ns/random-read")
	b.ReportMetric(float64(meter.Each(b.N))/float64(read), "random-reads/assignment")
}

// BenchmarkFill measures the engine the way its peer in the folder alertmanager is measured.
func BenchmarkFill(b *testing.B) {
	for _, keys := range stream.All {
		for _, open := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("keys=%s/open=%d", keys, open), func(b *testing.B) {
				stream.Fill(b, keys, open, func(a *model.Alert) model.Alert { return *a }, func() (func(model.Alert), func()) {
					engine := correlation.New(correlation.DefaultPolicy())
					return func(a model.Alert) { engine.Assign(a) }, func() { runtime.KeepAlive(engine) }
				})
			})
		}
	}
}

// BenchmarkRestore measures how fast an engine is rebuilt after a restart.
func BenchmarkRestore(b *testing.B) {
	type placed struct {
		model.Alert
		correlation.Decision
	}
	for _, open := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			before := correlation.New(correlation.DefaultPolicy())
			decided := func(a *model.Alert) placed { return placed{*a, before.Assign(*a)} }
			stream.Fill(b, stream.Uniform, open, decided, func() (func(placed), func()) {
				engine := correlation.New(correlation.DefaultPolicy())
				return func(p placed) { engine.Restore(p.Alert, p.Decision) }, func() { runtime.KeepAlive(engine) }
			})
		})
	}
}
