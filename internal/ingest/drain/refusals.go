package drain

import (
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// patience is how long a tenant's writes are tried again that its quota
// forbids. Longer would fill the memory and the spool, which all tenants share,
// with the events of one. A right that Tocsin lacks is no tenant's doing, and is
// waited for.
const patience = 10 * time.Minute

// refusals remember since when a quota forbids one kind of write in a tenant.
type refusals struct {
	mu    sync.Mutex
	since map[refusal]time.Time
}

type refusal struct{ tenant, kind string }

func newRefusals() *refusals { return &refusals{since: map[refusal]time.Time{}} }

// last takes the result of a write that ended now, and returns how long such
// writes have been forbidden. One that went through begins anew.
func (r *refusals) last(tenant, kind string, err error, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := refusal{tenant, kind}
	if err == nil {
		delete(r.since, what)
	}
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "exceeded quota") {
		return 0
	}
	if _, known := r.since[what]; !known {
		r.since[what] = now
	}
	return now.Sub(r.since[what])
}

// refused says that a write would fail again, or has been forbidden for too long.
func (d *Drain) refused(tenant, kind string, err error) bool {
	lasting := d.refusals.last(tenant, kind, err, d.clock.Now()) >= patience
	return err != nil && (lasting || hopeless(err))
}
