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
	before := stream.Heap()
	for _, a := range known {
		engine.Assign(a)
	}
	perAlert := float64(stream.Heap()-before) / float64(open) // beyond the text, which the caller holds
	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	var meter stream.Meter
	for done := 0; done < b.N; {
		fresh := alerts.Take(min(open/10, b.N-done))
		meter.Start(b)
		for _, a := range fresh {
			engine.Assign(a)
		}
		meter.Stop(b)
		done += len(fresh)
		for _, a := range known[:len(fresh)] {
			engine.Forget(a.Name)
		}
		known = append(known[len(fresh):], fresh...)
	}
	meter.Report(b, b.N)
	b.ReportMetric(perAlert, "bytes/alert")
	runtime.KeepAlive(engine)
	runtime.KeepAlive(known)
}

// BenchmarkRestore measures how fast an engine is rebuilt after a restart.
func BenchmarkRestore(b *testing.B) {
	for _, open := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			all, decisions := decided(open)
			b.ReportAllocs()
			b.ResetTimer()
			b.StopTimer()
			var meter stream.Meter
			for range b.N {
				meter.Start(b)
				anew := correlation.New(correlation.DefaultPolicy())
				for i, a := range all {
					anew.Restore(a, decisions[i])
				}
				meter.Stop(b)
				runtime.KeepAlive(anew)
			}
			meter.Report(b, b.N*open)
		})
	}
}

// decided are alerts with what was decided of them.
func decided(open int) ([]model.Alert, []correlation.Decision) {
	all := stream.New(stream.Uniform, open).Take(open)
	engine := correlation.New(correlation.DefaultPolicy())
	decisions := make([]correlation.Decision, open)
	for i, a := range all {
		decisions[i] = engine.Assign(a)
	}
	return all, decisions
}
