package drain

import (
	"slices"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// signal is one event on its way to the API server: an alert, or the notice that
// one is over.
type signal struct {
	position spool.Position
	received time.Time
	alert    model.Alert
	resolved bool
	entry    *entry
	// level says what the alert rolls up; fingerprint is the event's own then.
	level       rollup.Level
	fingerprint string
	// tuning is what becomes of the alert that the signal opens.
	tuning tuning.Decision
}

// inbox holds the signals of each fingerprint in the order of their positions.
type inbox struct {
	mu      sync.Mutex
	signals map[key][]signal
}

func newInbox() *inbox { return &inbox{signals: map[key][]signal{}} }

func (i *inbox) put(k key, s signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signals[k] = append(i.signals[k], s)
}

// waiting returns the signals of a fingerprint without taking them. They are not
// to be changed.
func (i *inbox) waiting(k key) []signal {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clip(i.signals[k])
}

// done takes the first n signals.
func (i *inbox) done(k key, n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.signals[k] = i.signals[k][n:]; len(i.signals[k]) == 0 {
		delete(i.signals, k)
	}
}
