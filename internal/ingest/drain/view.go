package drain

import (
	"maps"
	"sync"
	"time"

	toolscache "k8s.io/client-go/tools/cache"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

const second = time.Second

// key is one fingerprint of one tenant.
type key struct{ tenant, fingerprint string }

// view is what is in the API server: the alerts of every fingerprint. It is
// filled by a list at the start, then by the watch and by our own writes,
// whichever is newer.
type view struct {
	mu     sync.Mutex
	alerts map[key]map[string]known
	// beats say how far apart we write to the alerts of a fingerprint.
	beats map[key]beat
}

func newView() *view {
	return &view{alerts: map[key]map[string]known{}, beats: map[key]beat{}}
}

// observe takes over a revision of an alert. One that was made by hand does not
// take part.
func (v *view) observe(a *v1alpha1.Alert) {
	if a.Spec.Ingestion == nil {
		return
	}
	k, next := key{a.Namespace, a.Spec.Fingerprint}, newKnown(a)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.alerts[k] == nil {
		v.alerts[k] = map[string]known{}
	}
	if before, ok := v.alerts[k][a.Name]; !ok || next.newerThan(before) {
		v.alerts[k][a.Name] = next
	}
}

func (v *view) forget(k key, name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.alerts[k], name)
	if len(v.alerts[k]) == 0 {
		delete(v.alerts, k)
		delete(v.beats, k)
	}
}

// of returns the alerts of a fingerprint.
func (v *view) of(k key) map[string]known {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.alerts[k])
}

// OnAdd is called by the watch.
func (v *view) OnAdd(obj any, _ bool) {
	if a, ok := obj.(*v1alpha1.Alert); ok {
		v.observe(a)
	}
}

// OnUpdate is called by the watch.
func (v *view) OnUpdate(_, obj any) { v.OnAdd(obj, false) }

// OnDelete is called by the watch.
func (v *view) OnDelete(obj any) {
	if gone, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	if a, ok := obj.(*v1alpha1.Alert); ok {
		v.forget(key{a.Namespace, a.Spec.Fingerprint}, a.Name)
	}
}
