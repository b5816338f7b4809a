package summary

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/cadence"
)

// pace keeps writes of one incident apart, so that a storm of alerts costs one
// write a second and not one an alert, and less where only events are counted.
type pace struct {
	clock clock.PassiveClock
	mu    *sync.Mutex
	beats map[types.NamespacedName]beat
}

// beat is how far apart one incident is written.
type beat struct {
	// written is when it was last written, looked when that or found to be too early.
	written, looked time.Time
	// pause is how long a count has to wait after a write.
	pause time.Duration
}

func newPace(c clock.PassiveClock) pace {
	return pace{clock: c, mu: &sync.Mutex{}, beats: map[types.NamespacedName]beat{}}
}

// wait is how long it is still too early to look at the incident.
func (p pace) wait(name types.NamespacedName) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left(p.beats[name].looked, cadence.Shortest)
}

// rest is how long the incident's count has to wait before it is written, or looked
// at again for what is more than that.
func (p pace) rest(name types.NamespacedName) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.beats[name]
	wait := p.left(b.written, b.pause)
	if wait > 0 {
		b.looked = p.clock.Now()
		p.beats[name] = b
	}
	return wait
}

// left is what is left of a pause since a time; nothing where the clock went back.
func (p pace) left(since time.Time, pause time.Duration) time.Duration {
	if wait := pause - p.clock.Since(since); wait <= pause {
		return max(0, wait)
	}
	return 0
}

// wrote takes over that the incident was written: nothing but its count, or more.
// Those that begin anew when they are next written are forgotten.
func (p pace) wrote(name types.NamespacedName, count bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	before := p.beats[name]
	for other, b := range p.beats {
		if now.Sub(b.written) >= 2*cadence.Longest {
			delete(p.beats, other)
		}
	}
	next := beat{written: now, looked: now, pause: cadence.Shortest}
	if count {
		next.pause = cadence.Next(before.pause, now.Sub(before.written))
	}
	p.beats[name] = next
}

// onlyCount says that nothing changes but how many events there were, and when the
// last.
func onlyCount(was, is *v1alpha1.IncidentStatus) bool {
	if was.Counts == nil || is.Counts == nil || equality.Semantic.DeepEqual(was, is) {
		return false
	}
	was = was.DeepCopy()
	was.Counts.Occurrences, was.LastActivityTime = is.Counts.Occurrences, is.LastActivityTime
	return equality.Semantic.DeepEqual(was, is)
}
