// Package drain brings what the gateway acknowledged into the API server,
// exactly once.
//
// Each write carries the position in the spool that it has come to: an Alert
// says from which event it was created and up to which ones its occurrences are
// counted, an AlertSource up to which ones its totals. An event is deleted from
// the spool only when both are written. After a crash events come again; what
// the API server says was counted is not counted twice. It says so by fingerprint:
// where a source is deleted, or its spec.fingerprint changed, between a crash and
// the restart, what was counted but not yet deleted from the spool comes again under
// another fingerprint, and counts there once more.
//
// A notice that a signal is over ends the open alert of its fingerprint. It is no
// alert: it counts as suppressed, also where there is nothing to end. So does
// every event in an alert that a tuning rule hides.
//
// Signals of one fingerprint keep their order; different ones do not wait for
// each other, whatever fails. Tenants take turns: one whose events cannot be
// written, or that sends too many, holds up nobody else.
package drain

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts,verbs=get;list;watch;create;ingest
// +kubebuilder:rbac:groups=tocsin.dev,resources=alertsources,verbs=get
// +kubebuilder:rbac:groups=tocsin.dev,resources=alerts/status;alertsources/status,verbs=patch

// fieldOwner is who writes, in managed fields.
const fieldOwner = client.FieldOwner("tocsin-gateway")

// Watch tells of alerts as they change; the cache of a manager is one.
type Watch interface {
	GetInformer(ctx context.Context, obj client.Object, opts ...cache.InformerGetOption) (cache.Informer, error)
}

// OptOuts tell of a new alert whether it is kept out of the incidents of others.
type OptOuts interface {
	OptedOut(ctx context.Context, tenant string, a model.Alert) (bool, error)
}

// TuningRules tell by which rules the new alerts of a tenant are tuned.
type TuningRules interface {
	Of(ctx context.Context, tenant string) (*tuning.Set, error)
}

// Deps are what the drain needs.
type Deps struct {
	// Client writes, Reader reads past every cache.
	Client  client.Client
	Reader  client.Reader
	Watch   Watch
	Spool   *spool.Spool
	Sources *source.Registry
	// OptOuts are asked when an alert is created; none when nil.
	OptOuts OptOuts
	// Tuning is asked when an alert is created, and while one is hidden; there are
	// no rules when nil.
	Tuning TuningRules
	Clock  clock.WithTicker
	// Policy says when a window ends; dedup.DefaultPolicy where it is zero.
	Policy dedup.Policy
	// Namespaces are the tenants; all when empty.
	Namespaces []string
	// Grace is how long the drain goes on at most once it is told to stop.
	Grace time.Duration
}

// Drain empties one spool. It is a Runnable of controller-runtime.
type Drain struct {
	client   client.Client
	reader   client.Reader
	watch    Watch
	spool    *spool.Spool
	sources  *source.Registry
	optOuts  OptOuts
	tuning   TuningRules
	clock    clock.WithTicker
	policy   dedup.Policy
	tenants  []string
	grace    time.Duration
	stopping atomic.Bool
	view     *view
	inbox    *inbox
	ledger   *ledger
	refusals *refusals
	// failed is when the fingerprint of a source last failed on an event, told the
	// last notice of each source that was written.
	failed   *lastSeen
	told     map[types.NamespacedName]notice
	queue    workqueue.TypedRateLimitingInterface[key]
	fallback map[string]decode.Decoder
	limiters limiters
}

const (
	// workers write at the same time: an API server on two cores takes no more
	// small objects a second from more.
	workers = 8
	// settleEvery is how often totals are written, where they changed; once a
	// second where many events wait for it.
	settleEvery = 5 * time.Second
	// lookEvery is how often the drain looks whether it may end.
	lookEvery = 50 * time.Millisecond
	// firstRetry and lastRetry bound the wait after a failure: soon after a
	// hiccup, and not much later than an API server is back.
	firstRetry, lastRetry = 100 * time.Millisecond, 15 * time.Second
)

// New returns a drain.
func New(deps Deps) *Drain {
	if deps.Policy == (dedup.Policy{}) {
		deps.Policy = dedup.DefaultPolicy()
	}
	return &Drain{
		client: deps.Client, reader: deps.Reader, watch: deps.Watch, spool: deps.Spool, sources: deps.Sources, optOuts: deps.OptOuts,
		tuning: deps.Tuning, clock: deps.Clock, policy: deps.Policy, tenants: deps.Namespaces, grace: deps.Grace,
		view: newView(), inbox: newInbox(), ledger: newLedger(maxHeld), refusals: newRefusals(),
		fallback: map[string]decode.Decoder{}, limiters: limiters{}, failed: newLastSeen(), told: map[types.NamespacedName]notice{},
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[key](firstRetry, lastRetry),
			workqueue.TypedRateLimitingQueueConfig[key]{
				Clock: deps.Clock,
				DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[key]{
					Clock: deps.Clock,
					Queue: workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[key]{Clock: deps.Clock, Queue: newTurns()}),
				}),
			}),
	}
}

// NeedLeaderElection says no: every replica drains its own spool.
func (*Drain) NeedLeaderElection() bool { return false }

// Start drains until ctx ends, and then until the spool is empty, for as long as
// the grace lasts. What was not written by then comes again, if the disk stays.
func (d *Drain) Start(ctx context.Context) error {
	defer d.queue.ShutDown()
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, working := errgroup.WithContext(working)
	group.Go(func() error { d.outlast(ctx, working); stop(); return nil })
	group.Go(func() error { return d.run(working) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("draining the spool: %w", err)
	}
	return nil
}

// outlast returns when the work is to end: where ctx has ended, with the grace
// or with the last event.
func (d *Drain) outlast(ctx, working context.Context) {
	select {
	case <-ctx.Done():
	case <-working.Done():
		return
	}
	d.stopping.Store(true)
	for end := d.clock.Now().Add(d.grace); d.clock.Now().Before(end) && working.Err() == nil; {
		if d.spool.Usage().Bytes == 0 {
			return
		}
		d.sleep(working, lookEvery)
	}
}

// run drains until ctx ends.
func (d *Drain) run(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error { return d.work(ctx) })
	}
	group.Go(func() error { return d.feed(ctx) })
	group.Go(func() error { return d.settleRegularly(ctx) })
	group.Go(func() error { <-ctx.Done(); d.queue.ShutDown(); return nil })
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// prepare waits until the sources are known and looks at all alerts that there
// are. The list is read past every cache: after a crash it must show what was
// written just before, also by other replicas.
func (d *Drain) prepare(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.sources.Ready():
	}
	if d.watch != nil {
		informer, err := d.watch.GetInformer(ctx, &v1alpha1.Alert{})
		if err != nil {
			return fmt.Errorf("watching alerts: %w", err)
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandler(d.view)); err != nil {
			return fmt.Errorf("watching alerts: %w", err)
		}
		if _, err := d.watch.GetInformer(ctx, &v1alpha1.CorrelationPolicy{}); err != nil { // for the opt-outs
			return fmt.Errorf("watching correlation policies: %w", err)
		}
		if _, err := d.watch.GetInformer(ctx, &v1alpha1.TuningRule{}); err != nil {
			return fmt.Errorf("watching tuning rules: %w", err)
		}
	}
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		err := d.seed(ctx)
		if err == nil {
			return nil
		}
		logf.FromContext(ctx).Error(err, "Reading the alerts that there are failed; trying again")
		d.sleep(ctx, wait)
	}
	return nil
}

// seedPage is how many alerts are read at once: about a megabyte.
const seedPage = 500

// seed lists the alerts of each tenant, as it may not be allowed to list all.
func (d *Drain) seed(ctx context.Context) error {
	tenants, recent := d.tenants, []existing{}
	if len(tenants) == 0 {
		tenants = []string{metav1.NamespaceAll}
	}
	for _, tenant := range tenants {
		more, err := d.seedFrom(ctx, tenant)
		if err != nil {
			return err
		}
		recent = append(recent, more...)
	}
	d.restore(recent)
	return nil
}

// seedFrom returns the alerts that were active of late.
func (d *Drain) seedFrom(ctx context.Context, tenant string) (recent []existing, err error) {
	list, now := &v1alpha1.AlertList{}, d.clock.Now()
	for {
		err := d.reader.List(ctx, list, client.InNamespace(tenant), client.Limit(seedPage), client.Continue(list.Continue))
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			d.view.observe(&list.Items[i])
			if a, ok := newExisting(&list.Items[i], now); ok {
				recent = append(recent, a)
			}
		}
		if list.Continue == "" {
			return recent, nil
		}
	}
}

func (d *Drain) sleep(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-d.clock.After(wait):
	}
}

func (d *Drain) work(ctx context.Context) error {
	for {
		k, shutdown := d.queue.Get()
		if shutdown {
			return nil
		}
		d.workOn(ctx, k)
		d.queue.Done(k)
	}
}

func (d *Drain) workOn(ctx context.Context, k key) {
	wait, err := d.deliver(ctx, k)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			logf.FromContext(ctx).V(1).Info("Writing an alert failed; trying again", "namespace", k.tenant, "reason", err.Error())
		}
		d.queue.AddRateLimited(k)
	case wait > 0:
		d.queue.AddAfter(k, wait)
	default:
		d.queue.Forget(k)
	}
}

func (d *Drain) settleRegularly(ctx context.Context) error {
	ticker := d.clock.NewTicker(second)
	defer ticker.Stop()
	last := d.clock.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		d.report()
		d.ledger.offerRoom()
		if !d.stopping.Load() && d.clock.Since(last) < settleEvery && !d.ledger.crowded() {
			continue
		}
		last = d.clock.Now()
		if err := d.settle(ctx); err != nil && ctx.Err() == nil {
			logf.FromContext(ctx).V(1).Info("Writing totals failed; trying again", "reason", err.Error())
		}
	}
}

func (d *Drain) report() {
	used, age := d.spool.Usage(), time.Duration(0)
	waitingBytes.Set(float64(used.Bytes))
	fillRatio.Set(d.mostFilled())
	if !used.Oldest.IsZero() {
		age = d.clock.Since(used.Oldest)
	}
	waitingSeconds.Set(age.Seconds())
}
