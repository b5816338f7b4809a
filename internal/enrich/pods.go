// Package enrich finds out what the cluster knows of the pods that an alert
// names: their workloads, nodes, service accounts and images.
//
// An alert can name any pod of the cluster, and whoever sends it reads what is
// added. So pods are looked up as a service account of the tenant, and what that
// one may not see is not added.
package enrich

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Who looks up is the tenant's service account; Tocsin needs no right but to
// act as it.
//
// +kubebuilder:rbac:groups="",resources=pods,verbs="impersonate-on:serviceaccount:get"
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs="impersonate-on:serviceaccount:get"

const (
	// maxPods is how many pods of an alert are looked up; detectors name one.
	maxPods = 4
	// maxEntities is how many entities the API takes.
	maxEntities = 32
	// maxKnown bounds the answers that are remembered, a KiB or so each.
	maxKnown = 4096
	// validFor is how long an answer is good: a pod that is replaced by another
	// of its name runs elsewhere, and an alert seldom comes alone.
	validFor = time.Minute
	// perSecond and burst bound the look-ups of a tenant. Each is one request,
	// two for a Job's pod, and correlation waits for it.
	perSecond, burst = 10, 20
	// maxTenants bounds the tenants whose pace is remembered.
	maxTenants = 1024
	// timeout is how long correlation waits for the pods of an alert.
	timeout = 500 * time.Millisecond
	// pause is how long nothing is looked up for a tenant after a failure.
	pause = 10 * time.Second
)

// Identities give clients that act as service accounts, past every cache.
type Identities interface {
	As(namespace, name string) (client.Client, error)
}

// Pods looks up pods. It is safe for use by many.
type Pods struct {
	identities Identities
	clock      clock.PassiveClock

	mu      sync.Mutex
	known   *lru.Cache // of answer, by question
	tenants *lru.Cache // of *pace, by namespace
}

type question struct {
	tenant, account string
	pod             model.Key
}

type answer struct {
	entities []model.Entity
	until    time.Time
}

// pace bounds what is looked up for a tenant.
type pace struct {
	limiter flowcontrol.PassiveRateLimiter
	resume  time.Time
}

// New makes a Pods.
func New(identities Identities, clk clock.PassiveClock) *Pods {
	return &Pods{identities: identities, clock: clk, known: lru.New(maxKnown), tenants: lru.New(maxTenants)}
}

// Of returns what the cluster adds to an alert of a tenant, as its service
// account sees it. It is not complete where a pod could not be asked for now:
// nothing is returned then, and it may be tried again later.
func (p *Pods) Of(ctx context.Context, tenant, account string, a model.Alert) (added []model.Entity, complete bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, pod := range podsOf(a) {
		more, ok := p.entities(ctx, question{tenant, account, pod})
		if !ok {
			return nil, false
		}
		for _, e := range more {
			if !has(a.Entities, e.Key) && !has(added, e.Key) && len(added) < maxEntities {
				added = append(added, e)
			}
		}
	}
	return added, true
}

func podsOf(a model.Alert) []model.Key {
	var out []model.Key
	for _, e := range a.Entities {
		if e.Kind == model.KindPod && canBe(e.Name) && !slices.Contains(out, e.Key) && len(out) < maxPods {
			out = append(out, e.Key)
		}
	}
	return out
}

// canBe says whether there can be a pod of that namespace and name: to ask for
// what cannot be fails, and a failure stops all look-ups for a while.
func canBe(pod string) bool {
	namespace, name, _ := strings.Cut(pod, "/")
	return len(validation.IsDNS1123Label(namespace)) == 0 && len(validation.IsDNS1123Subdomain(name)) == 0
}

func has(entities []model.Entity, key model.Key) bool {
	return slices.ContainsFunc(entities, func(e model.Entity) bool { return e.Key == key })
}

// entities answers a question, by asking the API server where that is not
// remembered and not too much.
func (p *Pods) entities(ctx context.Context, q question) ([]model.Entity, bool) {
	if known, ok := p.remembered(q); ok {
		return known.entities, true
	}
	if !p.accept(q.tenant) {
		lookups.WithLabelValues(resultLimited).Inc()
		return nil, false
	}
	found, result, err := p.look(ctx, q)
	lookups.WithLabelValues(result).Inc()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		logf.FromContext(ctx).V(1).Info("A pod could not be looked up", "namespace", q.tenant, "reason", err.Error())
		p.paceOf(q.tenant).resume = p.clock.Now().Add(pause)
		return nil, false
	}
	p.known.Add(q, answer{found, p.clock.Now().Add(validFor)})
	return found, true
}

func (p *Pods) remembered(q question) (answer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	value, ok := p.known.Get(q)
	known, _ := value.(answer)
	return known, ok && p.clock.Now().Before(known.until)
}

func (p *Pods) accept(tenant string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.paceOf(tenant)
	return !p.clock.Now().Before(own.resume) && own.limiter.TryAccept()
}

func (p *Pods) paceOf(tenant string) *pace {
	if known, ok := p.tenants.Get(tenant); ok {
		return known.(*pace)
	}
	fresh := &pace{limiter: flowcontrol.NewTokenBucketPassiveRateLimiterWithClock(perSecond, burst, p.clock)}
	p.tenants.Add(tenant, fresh)
	return fresh
}

// look asks the API server. That a pod is gone, or not to be seen, is an answer.
func (p *Pods) look(ctx context.Context, q question) (found []model.Entity, result string, err error) {
	as, err := p.identities.As(q.tenant, q.account)
	if err != nil {
		return nil, resultFailed, err
	}
	namespace, name, _ := strings.Cut(q.pod.Name, "/")
	pod := &corev1.Pod{}
	switch err := as.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, pod); {
	case apierrors.IsNotFound(err):
		return nil, resultGone, nil
	case apierrors.IsForbidden(err):
		return nil, resultForbidden, nil
	case err != nil:
		return nil, resultFailed, err
	}
	job, err := jobOf(ctx, as, pod)
	if err != nil {
		return nil, resultFailed, err
	}
	return entitiesOf(pod, job), resultFound, nil
}

// jobOf reads the Job that owns a pod, as a CronJob may own that.
func jobOf(ctx context.Context, as client.Reader, pod *corev1.Pod) (*metav1.PartialObjectMetadata, error) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "Job" || owner.APIVersion != batchv1.SchemeGroupVersion.String() {
		return nil, nil
	}
	job := &metav1.PartialObjectMetadata{}
	job.SetGroupVersionKind(batchv1.SchemeGroupVersion.WithKind("Job"))
	err := as.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: owner.Name}, job)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || err == nil && job.UID != owner.UID {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return job, nil
}
