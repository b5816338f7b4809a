package drain

import (
	"maps"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

const (
	// delay is how long an event may wait before its source tells of it: longer
	// than an API server takes to restart.
	delay = 2 * time.Minute
	// nearlyFull is how much of its room in the spool a tenant may use before its
	// sources tell of it, which is before anything is refused.
	nearlyFull = 0.8
	// noticeEvery is how often the same is told again at most. Replicas tell
	// themselves; the newest counts.
	noticeEvery = time.Minute
)

// notice is what a source is to tell beside its totals: when events of it were
// last refused, or waited long, or its fingerprint failed on one. Zero times say
// nothing.
type notice struct{ throttled, delayed, unfingerprinted time.Time }

// lastSeen is when something was last seen of sources that exist.
type lastSeen struct {
	mu  sync.Mutex
	all map[types.NamespacedName]time.Time
}

func newLastSeen() *lastSeen { return &lastSeen{all: map[types.NamespacedName]time.Time{}} }

func (l *lastSeen) see(source types.NamespacedName, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[source] = at
}

// keep forgets the sources that are not to be kept, and returns the others.
func (l *lastSeen) keep(exists func(types.NamespacedName) bool) map[types.NamespacedName]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.all, func(key types.NamespacedName, _ time.Time) bool { return !exists(key) })
	return maps.Clone(l.all)
}

// notices returns what there is to tell that was not told yet.
func (d *Drain) notices() map[types.NamespacedName]notice {
	all := map[types.NamespacedName]notice{}
	for key, at := range d.sources.Throttled() {
		all[key] = notice{throttled: at.Truncate(noticeEvery)}
	}
	exists := func(key types.NamespacedName) bool { _, found := d.sources.Get(key); return found }
	for key, at := range d.failed.keep(exists) {
		n := all[key]
		n.unfingerprinted = at.Truncate(noticeEvery)
		all[key] = n
	}
	now := d.clock.Now()
	for tenant, waits := range d.spool.Queues() {
		late := !waits.Oldest.IsZero() && now.Sub(waits.Oldest) > delay
		if !late && d.spool.Filled(tenant) < nearlyFull {
			continue
		}
		for _, key := range d.ledger.sources(tenant) {
			n := all[key]
			n.delayed = now.Truncate(noticeEvery)
			all[key] = n
		}
	}
	maps.DeleteFunc(all, func(key types.NamespacedName, n notice) bool { return d.told[key] == n })
	maps.DeleteFunc(d.told, func(key types.NamespacedName, _ notice) bool { return !exists(key) })
	return all
}

// addTo writes the notice into a status, and says whether that changed it.
func (n notice) addTo(status *v1alpha1.AlertSourceStatus, before *v1alpha1.AlertSourceStatus) (changed bool) {
	newer := func(at time.Time, than *metav1.Time) *metav1.Time {
		if at.IsZero() || than != nil && !at.After(than.Time) {
			return nil // What the patch leaves out stays as it is.
		}
		changed = true
		return &metav1.Time{Time: at}
	}
	status.ThrottledTime = newer(n.throttled, before.ThrottledTime)
	status.DelayedTime = newer(n.delayed, before.DelayedTime)
	status.FingerprintFailedTime = newer(n.unfingerprinted, before.FingerprintFailedTime)
	return changed
}
