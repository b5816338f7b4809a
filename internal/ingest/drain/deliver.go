package drain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/alertname"
)

// deliver brings the waiting signals of one fingerprint into the API server, in
// order. It returns how long to wait before it is to be called again, 0 for not
// at all. Called again after any failure it comes to the same result: a signal
// counts where the alert does not say that it was counted.
func (d *Drain) deliver(ctx context.Context, k key) (time.Duration, error) {
	for {
		if wait := d.lookedAgo(k); wait > 0 {
			return wait, nil
		}
		waiting := d.skipCounted(k)
		if len(waiting) == 0 {
			return 0, nil
		}
		newest, _ := end(k.fingerprint, d.view.of(k))
		rules, err := d.rulesWhileTuned(ctx, k, newest)
		if err != nil {
			return 0, err
		}
		if n := d.leadingIgnored(rules, newest, waiting); n > 0 {
			d.finish(k, waiting[:n], suppressed)
			continue
		}
		state, does := d.place(rules, newest, newest.state, waiting[0])
		if does == opens {
			if pause := d.refusals.pause(k.tenant, "create", d.clock.Now()); pause > 0 {
				return pause, nil
			}
			if err := d.create(ctx, k, newest.name, waiting[0], state); err != nil {
				return 0, err
			}
			continue
		}
		raised := d.raisedBy(newest, waiting, rules)
		if wait := d.rest(k, newest, raised, len(waiting)); wait > 0 {
			return wait, nil
		}
		if err := d.raise(ctx, k, newest, raised); err != nil {
			return 0, err
		}
	}
}

// skipCounted settles the signals that an alert says were counted: those that
// come again after a restart or an answer that was lost.
func (d *Drain) skipCounted(k key) []signal {
	waiting, alerts := d.inbox.waiting(k), d.view.of(k)
	n := 0
	for n < len(waiting) {
		o, counted := d.counted(alerts, waiting[n])
		if !counted {
			break
		}
		d.ledger.settle(waiting[n].entry, o)
		n++
	}
	d.inbox.done(k, n)
	return waiting[n:]
}

// counted says what became of a signal that an alert says was counted.
func (d *Drain) counted(alerts map[string]known, s signal) (o outcome, counted bool) {
	in, counted := holder(alerts, d.spool.ID(), s.position)
	switch {
	case s.resolved || in.tuned.Action == tuning.Hide:
		return suppressed, counted
	case in.createdFrom(d.spool.ID(), s.position):
		return accepted, counted
	case s.level != rollup.Single:
		return rolledUp, counted
	}
	return deduplicated, counted
}

// finish settles the first n signals.
func (d *Drain) finish(k key, signals []signal, o outcome) {
	for _, s := range signals {
		d.ledger.settle(s.entry, o)
	}
	d.inbox.done(k, len(signals))
}

// maxTaken bounds the names that are tried for one alert.
const maxTaken = 16

var errNamesTaken = errors.New("the names that the alert would have are taken by alerts that Tocsin did not make; delete those")

// create opens a new alert, under the next name in the chain. A name that
// somebody else took counts as one more in it. One who takes many means to keep
// the signal out: the last name that is tried depends on the event.
func (d *Drain) create(ctx context.Context, k key, predecessor string, s signal, state dedup.State) error {
	disabled, err := d.optedOut(ctx, k, s)
	if err != nil {
		return err
	}
	s.alert.CorrelationDisabled = disabled
	if s.tuning, err = d.tune(ctx, k, s); err != nil {
		return err
	}
	for name, i := predecessor, 1; i <= maxTaken; i++ {
		if i == maxTaken {
			name = fmt.Sprintf("%s/%d", d.spool.ID(), s.position)
		}
		name = alertname.Next(s.alert.Rule, k.fingerprint, name)
		if taken, err := d.createNamed(ctx, k, name, s, state); err != nil || !taken {
			return err
		}
	}
	d.reject(ctx, k, s, errNamesTaken)
	return nil
}

// createNamed opens a new alert, unless the name is taken. Where the alert exists
// already it was opened by us, in an attempt whose answer was lost, or by another
// replica: the loop goes on with it.
func (d *Drain) createNamed(ctx context.Context, k key, name string, s signal, state dedup.State) (taken bool, err error) {
	alert := newAlert(k, name, d.spool.ID(), s, state)
	err = d.client.Create(ctx, alert, fieldOwner)
	countWrite("create", err)
	refused := d.refused(k.tenant, "create", err)
	switch {
	case err == nil:
		d.view.wrote(k, d.clock.Now(), false)
		d.view.observe(alert)
		return false, nil // The loop finds it counted.
	case apierrors.IsAlreadyExists(err):
		return d.reread(ctx, k, alert.Name)
	case refused:
		d.reject(ctx, k, s, err)
		return false, nil
	}
	return false, fmt.Errorf("creating alert %s/%s: %w", k.tenant, alert.Name, err)
}

// optedOut reports whether a new alert is kept out of the incidents of others,
// because of its source or of the policy in use at this moment.
func (d *Drain) optedOut(ctx context.Context, k key, s signal) (bool, error) {
	if s.alert.CorrelationDisabled || d.optOuts == nil {
		return s.alert.CorrelationDisabled, nil
	}
	out, err := d.optOuts.OptedOut(ctx, k.tenant, s.alert)
	if err != nil {
		return false, fmt.Errorf("looking for opt-outs of an alert in %s: %w", k.tenant, err)
	}
	return out, nil
}

// raise counts the signals that fall into the open window, and ends it where one
// of them says so, in one write.
func (d *Drain) raise(ctx context.Context, k key, newest known, raised raised) error {
	alert, err := d.patchRaise(ctx, k, newest, raised)
	countWrite("raise", err)
	refused := d.refused(k.tenant, "raise", err)
	switch {
	case err == nil:
		d.view.wrote(k, d.clock.Now(), raised.state.Ended.IsZero())
		d.view.observe(alert)
		return nil // The loop finds them counted.
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		_, err := d.reread(ctx, k, newest.name)
		return err
	case refused:
		for _, s := range raised.by {
			d.reject(ctx, k, s, err)
		}
		return nil
	}
	return fmt.Errorf("raising alert %s/%s: %w", k.tenant, newest.name, err)
}

// raised is what an alert becomes by some signals.
type raised struct {
	by      []signal
	state   dedup.State
	last    metav1.MicroTime
	summary rollup.Summary
}

// raisedBy takes the signals up to the one that opens a new alert.
func (d *Drain) raisedBy(newest known, waiting []signal, rules *tuning.Set) raised {
	out := raised{state: newest.state, last: newest.lastTime, summary: newest.summary}
	for n, s := range waiting {
		next, does := d.place(rules, newest, out.state, s)
		if does == opens {
			break
		}
		out.state, out.by = next, waiting[:n+1]
		if s.resolved {
			continue
		}
		if s.alert.Last.After(out.last.Time) {
			out.last = metav1.NewMicroTime(s.alert.Last)
		}
		if newest.rollsUp {
			out.summary = out.summary.Add(s.fingerprint, s.alert.Entities)
		}
	}
	return out
}

// patchRaise writes the count and the end together with the position they have
// come to, and only onto the revision that was read.
func (d *Drain) patchRaise(ctx context.Context, k key, newest known, r raised) (*v1alpha1.Alert, error) {
	state, through := r.state, r.by[len(r.by)-1]
	status := v1alpha1.AlertStatus{Ingested: withPosition(newest.ingested, d.spool.ID(), through.position)}
	if state.Count > newest.state.Count {
		status.Occurrences, status.LastActivityTime, status.Rate = &state.Count, &r.last, ptr.To(newRate(state))
		if newest.rollsUp {
			status.RollUp = convert.RolledUp(r.summary)
		}
	}
	if !state.Ended.IsZero() {
		status.EndedTime = ptr.To(metav1.NewMicroTime(state.Ended))
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": newest.resourceVersion},
		"status":   status,
	})
	if err != nil {
		return nil, err
	}
	alert := &v1alpha1.Alert{ObjectMeta: metav1.ObjectMeta{Namespace: k.tenant, Name: newest.name}}
	return alert, d.client.Status().Patch(ctx, alert, client.RawPatch(types.MergePatchType, patch), fieldOwner)
}

// reread looks at an alert itself, past every cache, and says whether its name
// is taken by an alert that is not one of the fingerprint.
func (d *Drain) reread(ctx context.Context, k key, name string) (taken bool, err error) {
	alert := &v1alpha1.Alert{}
	err = d.reader.Get(ctx, client.ObjectKey{Namespace: k.tenant, Name: name}, alert)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("reading alert %s/%s: %w", k.tenant, name, err)
	}
	taken = err == nil && (alert.Spec.Ingestion == nil || alert.Spec.Fingerprint != k.fingerprint)
	if err != nil || taken {
		d.view.forget(k, name)
	} else {
		d.view.observe(alert)
	}
	return taken, nil
}

// reject gives an event up: it would be refused for ever, or was for too long,
// and must not stop those behind it.
func (d *Drain) reject(ctx context.Context, k key, s signal, err error) {
	logf.FromContext(ctx).Error(err, "An event was given up", "namespace", k.tenant, "alertSource", s.alert.Source,
		"position", s.position, "fingerprint", k.fingerprint)
	d.finish(k, []signal{s}, rejected)
}

// hopeless says that the API server would refuse the same again.
func hopeless(err error) bool {
	var status apierrors.APIStatus
	if apierrors.IsNotFound(err) && errors.As(err, &status) {
		details := status.Status().Details // The namespace is gone, not our CRD.
		return details != nil && details.Kind == "namespaces"
	}
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err) ||
		apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

func countWrite(kind string, err error) {
	result := "error"
	switch {
	case err == nil:
		result = "ok"
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		result = "conflict"
	case hopeless(err):
		result = "refused"
	}
	writes.WithLabelValues(kind, result).Inc()
}
