// Package performance measures what the product promises of its speed.
package performance

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// keys say how alerts are spread over assets.
var keys = []struct {
	name string
	make func(open int) func(i int) (asset, address int)
}{
	// Every asset has its share: eight alerts each.
	{"uniform", func(open int) func(int) (int, int) {
		r := rand.New(rand.NewPCG(1, 1))
		return func(int) (int, int) { return r.IntN(open / 8), r.IntN(open) }
	}},
	// A few assets have most of it, as in life.
	{"zipf", func(open int) func(int) (int, int) {
		r := rand.New(rand.NewPCG(1, 2))
		z := rand.NewZipf(r, 1.1, 8, uint64(open/8))
		return func(int) (int, int) { return int(z.Uint64()), int(z.Uint64()) }
	}},
	// One address is in every alert, and each alert has an asset of its own.
	{"adversarial", func(int) func(int) (int, int) {
		return func(i int) (int, int) { return i, 0 }
	}},
}

// alerts makes n alerts of 200 rules, one a second: a million are twelve days of
// what one API server could take while others want to write as well.
func alerts(n, from int, next func(int) (int, int)) []model.Alert {
	r := rand.New(rand.NewPCG(2, uint64(from)))
	out := make([]model.Alert, n)
	for i := range out {
		asset, address := next(from + i)
		at := start.Add(time.Duration(from+i) * time.Second)
		out[i] = model.Alert{
			Name: fmt.Sprintf("alert-%08d", from+i), Service: "falco", Rule: fmt.Sprintf("rule-%d", r.IntN(200)),
			First: at, Last: at, Occurrences: 1, Tactics: []model.Tactic{model.Tactics[r.IntN(len(model.Tactics))]},
			Entities: []model.Entity{
				{Key: model.Key{Kind: model.KindPod, Name: fmt.Sprintf("ns/pod-%d", asset)}, Category: model.CategoryAsset},
				{Key: model.Key{Kind: model.KindNode, Name: fmt.Sprintf("node-%d", asset%100)}, Category: model.CategoryAsset},
				{Key: model.Key{Kind: model.KindIP, Name: fmt.Sprintf("10.%d.%d.%d", address>>16, address>>8&255, address&255)}, Category: model.CategoryEvidence},
			},
		}
	}
	return out
}

func BenchmarkAssign(b *testing.B) {
	for _, k := range keys {
		for _, open := range []int{10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("keys=%s/open=%d", k.name, open), func(b *testing.B) {
				next := k.make(open)
				engine, perAlert := filled(open, next)
				fresh := alerts(max(b.N, 1), open, next)
				b.ReportAllocs()
				used := cpu()
				b.ResetTimer()
				for i := range b.N {
					engine.Assign(fresh[i])
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "assignments/s")
				b.ReportMetric(float64(b.N)/(cpu()-used).Seconds(), "assignments/core-s")
				b.ReportMetric(perAlert, "bytes/alert")
				runtime.KeepAlive(engine)
			})
		}
	}
}

// filled is an engine with that many open alerts, and what each costs beyond the
// alert's own text, which the caller holds.
func filled(open int, next func(int) (int, int)) (*correlation.Engine, float64) {
	all := alerts(open, 0, next)
	before := heap()
	engine := correlation.New(correlation.DefaultPolicy())
	for _, a := range all {
		engine.Assign(a)
	}
	after := heap()
	runtime.KeepAlive(all)
	return engine, float64(after-before) / float64(open)
}

// cpu is the processor time used so far, collecting garbage included: what
// counts on a machine that others use as well.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkRestore(b *testing.B) {
	for _, open := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			all := alerts(open, 0, keys[0].make(open))
			engine := correlation.New(correlation.DefaultPolicy())
			decisions := make([]correlation.Decision, open)
			for i, a := range all {
				decisions[i] = engine.Assign(a)
			}
			b.ReportAllocs()
			for b.Loop() {
				anew := correlation.New(correlation.DefaultPolicy())
				for i, a := range all {
					anew.Restore(a, decisions[i])
				}
			}
			b.ReportMetric(float64(open)*float64(b.N)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}
