package drain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// settle writes the totals of the batches that are done, and then forgets these
// batches: first the counts, then the events, so that a crash in between makes
// events come again that the counts know already. A source whose totals cannot
// be written does not keep those of others back.
func (d *Drain) settle(ctx context.Context) error {
	var errs []error
	notices := d.notices()
	for tenant, done := range d.ledger.settled() {
		errs = append(errs, d.settleTenant(ctx, tenant, done, notices))
	}
	for source := range notices { // of those that have nothing to count
		if err := d.writeTotals(ctx, source, nil, notices); err != nil {
			errs = append(errs, fmt.Errorf("writing what delays alert source %s: %w", source, err))
		}
	}
	return errors.Join(errs...)
}

func (d *Drain) settleTenant(ctx context.Context, tenant string, done []*entry, notices map[types.NamespacedName]notice) error {
	bySource := map[types.NamespacedName][]*entry{}
	for _, e := range done {
		if e.source.Name == "" {
			continue // The batch could not be read.
		}
		bySource[e.source] = append(bySource[e.source], e)
	}
	failed := map[types.NamespacedName]bool{}
	var errs []error
	for source, entries := range bySource {
		err := d.writeTotals(ctx, source, entries, notices)
		if d.refused(source.Namespace, "totals", err) {
			logf.FromContext(ctx).Error(err, "The totals of an alert source cannot be written and are given up", "alertSource", source)
		} else if err != nil {
			failed[source] = true
			errs = append(errs, fmt.Errorf("writing the totals of alert source %s: %w", source, err))
		}
	}
	// What comes before the first batch that is not counted can be forgotten.
	if n := slices.IndexFunc(done, func(e *entry) bool { return failed[e.source] }); n >= 0 {
		done = done[:n]
	}
	return errors.Join(append(errs, d.forget(tenant, done))...)
}

// forget drops the batches at the front.
func (d *Drain) forget(tenant string, done []*entry) error {
	if len(done) == 0 {
		return nil
	}
	if err := d.spool.Delete(tenant, done[len(done)-1].last); err != nil {
		return err
	}
	d.ledger.drop(tenant, len(done))
	return nil
}

// writeTotals adds the batches that the source does not count yet, and tells its
// notice, which is then taken from the others. Totals of a source that is gone
// are gone too.
func (d *Drain) writeTotals(ctx context.Context, key types.NamespacedName, entries []*entry, notices map[types.NamespacedName]notice) (err error) {
	from, status, notice := &v1alpha1.AlertSource{}, v1alpha1.AlertSourceStatus{}, notices[key]
	defer func() {
		if _, given := notices[key]; given && err == nil {
			d.told[key] = notice
		}
		delete(notices, key)
	}()
	if err := d.reader.Get(ctx, key, from); err != nil {
		return client.IgnoreNotFound(err)
	}
	spools, counts := addTotals(from.Status.Spools, d.spool.ID(), entries)
	if counts {
		status.Totals, status.Spools = sum(spools), spools
	}
	if tells := notice.addTo(&status, &from.Status); !counts && !tells {
		return nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": from.ResourceVersion},
		"status":   status,
	})
	if err != nil {
		return err
	}
	err = d.client.Status().Patch(ctx, from, client.RawPatch(types.MergePatchType, patch), fieldOwner)
	countWrite("totals", err)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err // A conflict too: the next round reads again.
}

const (
	// retired holds the sums of spools that are no longer listed.
	retired = "retired"
	// maxSpools are listed besides it: one for each replica, and some of late.
	maxSpools = 16
)

// addTotals adds what is not counted yet to the item of one spool.
func addTotals(spools []v1alpha1.SpoolTotals, spoolID string, entries []*entry) ([]v1alpha1.SpoolTotals, bool) {
	spools = slices.Clone(spools)
	at := slices.IndexFunc(spools, func(s v1alpha1.SpoolTotals) bool { return s.Spool == spoolID })
	if at < 0 {
		spools = append(retire(spools), newSpoolTotals(spoolID, 0, totals{}))
		at = len(spools) - 1
	}
	counted, t := ptr.Deref(spools[at].Position, 0), oldTotals(spools[at])
	through := counted
	for _, e := range entries {
		if int64(e.last) > counted {
			t, through = t.plus(e.totals), int64(e.last)
		}
	}
	spools[at] = newSpoolTotals(spoolID, spool.Position(through), t)
	return spools, through > counted
}

// retire makes room for one more spool: the first in the list is the oldest.
func retire(spools []v1alpha1.SpoolTotals) []v1alpha1.SpoolTotals {
	var kept []v1alpha1.SpoolTotals
	old := totals{}
	excess := len(spools) - maxSpools + 1
	if slices.ContainsFunc(spools, func(s v1alpha1.SpoolTotals) bool { return s.Spool == retired }) {
		excess--
	}
	for _, s := range spools {
		switch {
		case s.Spool == retired:
			old = old.plus(oldTotals(s))
		case excess > 0:
			old = old.plus(oldTotals(s))
			excess--
		default:
			kept = append(kept, s)
		}
	}
	if old == (totals{}) {
		return kept
	}
	return append([]v1alpha1.SpoolTotals{newSpoolTotals(retired, 0, old)}, kept...)
}

func sum(spools []v1alpha1.SpoolTotals) *v1alpha1.AlertSourceTotals {
	all := totals{}
	for _, s := range spools {
		all = all.plus(oldTotals(s))
	}
	return ptr.To(newSpoolTotals("", 0, all).AlertSourceTotals)
}

func oldTotals(s v1alpha1.SpoolTotals) totals {
	return totals{ptr.Deref(s.Received, 0), ptr.Deref(s.Accepted, 0), ptr.Deref(s.Deduplicated, 0), ptr.Deref(s.RolledUp, 0),
		ptr.Deref(s.Suppressed, 0), ptr.Deref(s.Rejected, 0)}
}

func newSpoolTotals(spoolID string, p spool.Position, t totals) v1alpha1.SpoolTotals {
	return v1alpha1.SpoolTotals{
		SpoolPosition: v1alpha1.SpoolPosition{Spool: spoolID, Position: ptr.To(int64(p))},
		AlertSourceTotals: v1alpha1.AlertSourceTotals{
			Received: &t.received, Accepted: &t.accepted, Deduplicated: &t.deduplicated, RolledUp: &t.rolledUp,
			Suppressed: &t.suppressed, Rejected: &t.rejected,
		},
	}
}
