package drain

import (
	"maps"
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
// last refused, or waited long. Zero times say nothing.
type notice struct{ throttled, delayed time.Time }

// notices returns what there is to tell that was not told yet.
func (d *Drain) notices() map[types.NamespacedName]notice {
	all := map[types.NamespacedName]notice{}
	for key, at := range d.sources.Throttled() {
		all[key] = notice{throttled: at.Truncate(noticeEvery)}
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
	maps.DeleteFunc(d.told, func(key types.NamespacedName, _ notice) bool { _, exists := d.sources.Get(key); return !exists })
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
	return changed
}
