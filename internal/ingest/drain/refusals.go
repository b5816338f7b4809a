package drain

import (
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// patience is how long a tenant's writes are tried again that its quota
// forbids. Longer would keep the tenant's part of the memory and of the spool
// full, and its new events out. A right that Tocsin lacks is no tenant's doing,
// and is waited for.
const patience = 10 * time.Minute

// refusals remember since when a quota forbids one kind of write in a tenant.
type refusals struct {
	mu  sync.Mutex
	all map[refusal]period
}

type refusal struct{ tenant, kind string }

// period is when such a write was forbidden first and last.
type period struct{ since, until time.Time }

func newRefusals() *refusals { return &refusals{all: map[refusal]period{}} }

// last takes the result of a write that ended now, and returns how long such
// writes have been forbidden. One that went through begins anew.
func (r *refusals) last(tenant, kind string, err error, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := refusal{tenant, kind}
	if err == nil {
		delete(r.all, what)
	}
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "exceeded quota") {
		return 0
	}
	p, known := r.all[what]
	if !known {
		p.since = now
	}
	p.until = now
	r.all[what] = p
	return now.Sub(p.since)
}

// pause says how long to leave such writes alone: all of a tenant's would be
// forbidden, and the API server has others to serve. It grows with the time that
// they have been forbidden, and ends where they are given up.
func (r *refusals) pause(tenant, kind string, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, forbidden := r.all[refusal{tenant, kind}]
	if !forbidden || now.Sub(p.since) >= patience {
		return 0
	}
	next := p.until.Add(min(max(p.until.Sub(p.since), firstRetry), lastRetry))
	return next.Sub(now)
}

// refused says that a write would fail again, or has been forbidden for too long.
func (d *Drain) refused(tenant, kind string, err error) bool {
	lasting := d.refusals.last(tenant, kind, err, d.clock.Now()) >= patience
	return err != nil && (lasting || hopeless(err))
}
