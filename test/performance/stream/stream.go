// Package stream makes the alerts that benchmarks send: the same to Tocsin's
// engine and to what it is compared with.
package stream

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Start is when the first alert is raised.
var Start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Keys say how alerts are spread over assets and addresses.
type Keys string

// What is measured.
const (
	// Uniform gives every asset its share: eight alerts each.
	Uniform Keys = "uniform"
	// Zipf gives a few assets most of it, as in life.
	Zipf Keys = "zipf"
	// Adversarial has one address in every alert, and for each alert an asset of its own.
	Adversarial Keys = "adversarial"
)

// All are all ways to spread alerts.
var All = []Keys{Uniform, Zipf, Adversarial}

// Stream is an endless row of alerts of 200 rules, one a second: a million are
// twelve days of what one API server could take while others want to write as well.
type Stream struct {
	next   func(i int) (asset, address int)
	random *rand.Rand
	made   int
}

// New makes a stream of which that many alerts will be open at once. Equal arguments give equal streams.
func New(keys Keys, open int) *Stream {
	s := &Stream{random: rand.New(rand.NewPCG(2, 0))}
	r := rand.New(rand.NewPCG(1, 1))
	switch keys {
	case Uniform:
		s.next = func(int) (int, int) { return r.IntN(open / 8), r.IntN(open) }
	case Zipf:
		z := rand.NewZipf(r, 1.1, 8, uint64(open/8))
		s.next = func(int) (int, int) { return int(z.Uint64()), int(z.Uint64()) }
	case Adversarial:
		s.next = func(i int) (int, int) { return i, 0 }
	}
	return s
}

// Take makes the next n alerts.
func (s *Stream) Take(n int) []model.Alert {
	out := make([]model.Alert, n)
	for i := range out {
		asset, address := s.next(s.made)
		at := Start.Add(time.Duration(s.made) * time.Second)
		out[i] = model.Alert{
			Name: fmt.Sprintf("alert-%08d", s.made), Service: "falco", Rule: fmt.Sprintf("rule-%d", s.random.IntN(200)),
			First: at, Last: at, Occurrences: 1, Tactics: []model.Tactic{model.Tactics[s.random.IntN(len(model.Tactics))]},
			Techniques: []string{fmt.Sprintf("T1%03d", s.random.IntN(200)), fmt.Sprintf("T1%03d", s.random.IntN(200))},
			Entities: []model.Entity{
				{Key: model.Key{Kind: model.KindPod, Name: fmt.Sprintf("ns/pod-%d", asset)}, Category: model.CategoryAsset},
				{Key: model.Key{Kind: model.KindNode, Name: fmt.Sprintf("node-%d", asset%100)}, Category: model.CategoryAsset},
				{Key: model.Key{Kind: model.KindIP, Name: fmt.Sprintf("10.%d.%d.%d", address>>16, address>>8&255, address&255)}, Category: model.CategoryEvidence},
			},
		}
		s.made++
	}
	return out
}
