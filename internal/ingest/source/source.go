// Package source holds what the gateway and the drain know of each AlertSource.
package source

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// Source is one AlertSource, ready for use.
type Source struct {
	// Key is its namespace, which is the tenant, and its name.
	Key types.NamespacedName
	// Format is the name of its format.
	Format string
	// Decoder reads what it sends; nil while its configuration is not valid.
	Decoder decode.Decoder
	// Auth lets its senders in; nil lets nobody in.
	Auth auth.Method
	// MaxBodyBytes bounds a body, unpacked.
	MaxBodyBytes int64
	// Throttle bounds the rate of its events; nil does not.
	Throttle *Throttle
	// Suspended refuses what it sends.
	Suspended bool
	// CorrelationDisabled keeps its alerts out of incidents of others.
	CorrelationDisabled bool
	// RollUp are the limits beyond which its alerts are rolled up.
	RollUp rollup.Limits
}

// Registry holds the sources that exist. It is fed by a controller and safe for
// use by many.
type Registry struct {
	mu      sync.RWMutex
	sources map[types.NamespacedName]Source
	memory  map[types.NamespacedName]*auth.Memory
	once    sync.Once
	synced  chan struct{}
}

// NewRegistry returns a registry without sources.
func NewRegistry() *Registry {
	return &Registry{
		sources: map[types.NamespacedName]Source{}, memory: map[types.NamespacedName]*auth.Memory{}, synced: make(chan struct{}),
	}
}

// Set adds or replaces a source. What it has sent goes on to count, unless its
// limits changed.
func (r *Registry) Set(s Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.sources[s.Key].Throttle; before.like(s.Throttle) {
		s.Throttle = before
	}
	r.sources[s.Key] = s
}

// Delete forgets a source.
func (r *Registry) Delete(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sources, key)
	delete(r.memory, key)
}

// Memory returns what a source remembers of its senders, as long as it exists.
func (r *Registry) Memory(key types.NamespacedName, clock clock.PassiveClock) *auth.Memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory[key] == nil {
		r.memory[key] = auth.NewMemory(clock)
	}
	return r.memory[key]
}

// Get returns a source.
func (r *Registry) Get(key types.NamespacedName) (Source, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, ok := r.sources[key]
	return s, ok
}

// Throttled returns when what a source sent was last refused for its rate, of
// those of which anything was.
func (r *Registry) Throttled() map[types.NamespacedName]time.Time {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := map[types.NamespacedName]time.Time{}
	for key, s := range r.sources {
		if last := s.Throttle.LastRefused(); !last.IsZero() {
			out[key] = last
		}
	}
	return out
}

// MarkSynced says that every source that existed at the start is known. Until
// then a source that is missing may only be late.
func (r *Registry) MarkSynced() { r.once.Do(func() { close(r.synced) }) }

// Synced reports whether MarkSynced was called.
func (r *Registry) Synced() bool {
	select {
	case <-r.synced:
		return true
	default:
		return false
	}
}

// Ready is closed by MarkSynced.
func (r *Registry) Ready() <-chan struct{} { return r.synced }
