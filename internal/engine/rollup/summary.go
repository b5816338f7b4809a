package rollup

import (
	"cmp"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// MaxHeaviest is how many entities a summary counts. One that is in more than a
// sixteenth of what was named is always among them.
const MaxHeaviest = 16

// Summary is what is remembered of the alerts that were folded into one. It is
// plain data, of bounded size: what is kept of it goes on after a restart.
type Summary struct {
	// Alerts counts the distinct fingerprints, Entities the distinct entities.
	Alerts, Entities Distinct
	// Heaviest are the entities that were named most often, the heaviest first:
	// the algorithm Space-Saving of Metwally, Agrawal and El Abbadi, "Efficient
	// Computation of Frequent and Top-k Elements in Data Streams" (2005).
	Heaviest []Weight
}

// Weight is how many events named an entity.
type Weight struct {
	model.Key
	// Events is never too low. It is too high by Over at most.
	Events, Over int64
}

// Add returns the summary with one more event.
func (s Summary) Add(fingerprint string, entities []model.Entity) Summary {
	s.Alerts = s.Alerts.Add(fingerprint)
	s.Heaviest = slices.Clone(s.Heaviest)
	for _, e := range entities {
		s.Entities = s.Entities.Add(e.Key.String())
		s.Heaviest = weigh(s.Heaviest, e.Key)
	}
	slices.SortFunc(s.Heaviest, compareWeights)
	return s
}

// weigh counts an entity. A new one takes the place of the lightest, with its
// count: so often it may have been named while nobody counted it.
func weigh(weights []Weight, k model.Key) []Weight {
	if at := slices.IndexFunc(weights, func(w Weight) bool { return w.Key == k }); at >= 0 {
		weights[at].Events++
		return weights
	}
	if len(weights) < MaxHeaviest {
		return append(weights, Weight{Key: k, Events: 1})
	}
	lightest := 0
	for i, w := range weights {
		if compareWeights(w, weights[lightest]) > 0 {
			lightest = i
		}
	}
	weights[lightest] = Weight{Key: k, Events: weights[lightest].Events + 1, Over: weights[lightest].Events}
	return weights
}

// compareWeights puts the heaviest first.
func compareWeights(a, b Weight) int {
	return cmp.Or(cmp.Compare(b.Events, a.Events), a.Compare(b.Key))
}
