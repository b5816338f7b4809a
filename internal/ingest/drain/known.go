package drain

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/alertname"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// known is what the drain remembers of an alert in the API server.
type known struct {
	name            string
	rule            string
	resourceVersion string
	// creator is the event that the alert was created from.
	creator  v1alpha1.SpoolPosition
	ingested []v1alpha1.SpoolPosition
	state    dedup.State
	// tuned is what a tuning rule made of the alert, as far as it holds.
	tuned tuning.Decision
	// firstTime and lastTime are when the activity began and what is newest of it.
	firstTime time.Time
	lastTime  metav1.MicroTime
	// rollsUp says that it is a rolled-up alert, summary what went into it.
	rollsUp bool
	summary rollup.Summary
}

func newKnown(a *v1alpha1.Alert) known {
	last := a.Spec.LastActivityTime
	if newer := a.Status.LastActivityTime; newer != nil && newer.After(last.Time) {
		last = *newer
	}
	rate := a.Spec.Ingestion.AlertRate
	if a.Status.Rate != nil {
		rate = *a.Status.Rate
	}
	summary, err := convert.Summary(a)
	if err != nil { // Somebody else wrote it: what goes in is told from here on.
		summary = rollup.Summary{}
	}
	return known{
		rollsUp: a.Spec.RollUp != nil, summary: summary,
		name:            a.Name,
		rule:            a.Spec.Source.Rule,
		resourceVersion: a.ResourceVersion,
		creator:         a.Spec.Ingestion.SpoolPosition,
		ingested:        a.Status.Ingested,
		firstTime:       a.Spec.FirstActivityTime.Time,
		lastTime:        last,
		tuned:           convert.Tuned(a),
		state:           newState(a, last, rate),
	}
}

// newState rebuilds the state of the window from what the alert keeps of it.
func newState(a *v1alpha1.Alert, last metav1.MicroTime, rate v1alpha1.AlertRate) dedup.State {
	state := dedup.State{
		Opened:    a.Spec.LastActivityTime.UTC().Truncate(second),
		Last:      last.UTC().Truncate(second),
		Count:     max(1, ptr.Deref(a.Status.Occurrences, 1)),
		Surge:     ptr.Deref(rate.Surge, false),
		BinCount:  ptr.Deref(rate.MinuteEvents, 0),
		BaseMilli: ptr.Deref(rate.BaseMilliEvents, 0),
	}
	state.BinStart = state.Opened
	if rate.MinuteTime != nil {
		state.BinStart = rate.MinuteTime.UTC()
	}
	if a.Status.EndedTime != nil {
		state.Ended = a.Status.EndedTime.UTC()
	}
	return state
}

func newRate(s dedup.State) v1alpha1.AlertRate {
	rate := v1alpha1.AlertRate{MinuteTime: ptr.To(metav1.NewTime(s.BinStart)), MinuteEvents: &s.BinCount}
	if s.Surge {
		rate.Surge = &s.Surge
	}
	if s.BaseMilli > 0 {
		rate.BaseMilliEvents = &s.BaseMilli
	}
	return rate
}

// counted is the newest event of a spool that counts in the alert.
func (k known) counted(spoolID string) spool.Position {
	newest := int64(0)
	for _, p := range append([]v1alpha1.SpoolPosition{k.creator}, k.ingested...) {
		if p.Spool == spoolID {
			newest = max(newest, ptr.Deref(p.Position, 0))
		}
	}
	return spool.Position(newest)
}

func (k known) createdFrom(spoolID string, p spool.Position) bool {
	return k.creator.Spool == spoolID && ptr.Deref(k.creator.Position, 0) == int64(p)
}

// holder is the alert, of those of one fingerprint, in which an event of a spool
// counts: the first whose positions have come that far, as a spool fills one
// alert after the other.
func holder(alerts map[string]known, spoolID string, p spool.Position) (in known, found bool) {
	through := spool.Position(0)
	for _, a := range alerts {
		if a.createdFrom(spoolID, p) {
			return a, true
		}
		if came := a.counted(spoolID); came >= p && (!found || came < through) {
			in, found, through = a, true, came
		}
	}
	return in, found
}

// newerThan compares revisions of one alert: the watch may lag behind our own
// writes. What cannot be compared is taken.
func (k known) newerThan(other known) bool {
	order, err := resourceversion.CompareResourceVersion(k.resourceVersion, other.resourceVersion)
	return err != nil || order > 0
}

// maxIngested bounds the positions that an alert keeps. Each replica has one
// spool; what was written longest ago belongs to a replica that is gone.
const maxIngested = 32

// withPosition returns the positions with that of one spool moved on, and to
// the end: the list is in the order of the last writes.
func withPosition(ingested []v1alpha1.SpoolPosition, spoolID string, p spool.Position) []v1alpha1.SpoolPosition {
	out := slices.DeleteFunc(slices.Clone(ingested), func(i v1alpha1.SpoolPosition) bool { return i.Spool == spoolID })
	out = append(out, v1alpha1.SpoolPosition{Spool: spoolID, Position: ptr.To(int64(p))})
	return out[max(0, len(out)-maxIngested):]
}

// end returns the newest of the alerts of one fingerprint: the end of the chain
// of names. Alerts that were deleted from the chain do not matter.
func end(fingerprint string, alerts map[string]known) (known, bool) {
	var found known
	ok := false
	for _, k := range alerts {
		if _, followed := alerts[alertname.Next(k.rule, fingerprint, k.name)]; followed {
			continue
		}
		// Two ends come only from deletions by hand; take the one that was active last.
		if !ok || cmp.Or(k.state.Last.Compare(found.state.Last), cmp.Compare(k.name, found.name)) > 0 {
			found, ok = k, true
		}
	}
	return found, ok
}
