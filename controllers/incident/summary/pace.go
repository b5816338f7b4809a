package summary

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// pace keeps writes of one incident apart, so that a storm of alerts costs one
// write a second and not one an alert.
type pace struct {
	clock    clock.PassiveClock
	interval time.Duration
	mu       *sync.Mutex
	last     map[types.NamespacedName]time.Time
}

func newPace(c clock.PassiveClock, interval time.Duration) pace {
	return pace{clock: c, interval: interval, mu: &sync.Mutex{}, last: map[types.NamespacedName]time.Time{}}
}

// wait is how long the next write has to wait. What need not wait is forgotten,
// so that only the incidents of the last interval are remembered.
func (p pace) wait(name types.NamespacedName) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.last[name]
	if !ok {
		return 0
	}
	if wait := p.interval - p.clock.Since(last); wait > 0 && wait <= p.interval {
		return wait
	}
	delete(p.last, name)
	return 0
}

func (p pace) wrote(name types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	for other, last := range p.last {
		if now.Sub(last) > p.interval {
			delete(p.last, other)
		}
	}
	p.last[name] = now
}
