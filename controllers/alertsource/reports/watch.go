package reports

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
)

// watch is what is known of the reports of one source.
type watch struct {
	uid        types.UID
	generation int64
	kinds      []*kind
	// pending is what was told and does not show yet, by fingerprint.
	pending map[string]pending
}

// newWatch follows nothing yet. The spec of a source never changes during a watch.
func newWatch(ctx context.Context, from *v1alpha1.AlertSource, reader dynamic.Interface, clk clock.Clock, changed func()) *watch {
	w := &watch{uid: from.UID, generation: from.Generation, pending: map[string]pending{}}
	ctx = context.WithoutCancel(ctx) // It outlives the reconciliation that begins it.
	for _, of := range kindsOf(from.Spec.Type) {
		if !of.Namespaced && from.Spec.Watch.Namespaces != nil {
			continue
		}
		w.kinds = append(w.kinds, &kind{
			Kind: of, ctx: ctx, namespaces: namespaces(from.Spec.Watch), reader: reader, clock: clk, changed: changed, board: findings.NewBoard(),
		})
	}
	return w
}

// namespaces are those to look into; "" stands for all.
func namespaces(w *v1alpha1.AlertSourceWatch) []string {
	if w.Namespaces == nil {
		return []string{""}
	}
	var out []string
	for _, name := range w.Namespaces {
		out = append(out, string(name))
	}
	return out
}

func (w *watch) stop() {
	for _, k := range w.kinds {
		k.serve("")
	}
}

// kind is what is known of the reports of one kind.
type kind struct {
	findings.Kind
	ctx        context.Context // of the followers, which come and go with the kind
	namespaces []string
	reader     dynamic.Interface
	clock      clock.Clock
	changed    func()

	// version is that which is followed; "" while none is.
	version string
	end     func()

	mu     sync.Mutex
	board  *findings.Board
	places map[string]place
}

// place is how far the reports of one namespace are known.
type place struct {
	// complete is since when all are known; zero while that is not so.
	complete time.Time
	// err is why not, where that is known.
	err error
}

// serve follows the kind in the version that is served, or in none. What the
// reports said stays on the board.
func (k *kind) serve(version string) {
	if k.version == version {
		return
	}
	if k.end != nil {
		k.end()
		k.end = nil
	}
	k.version = version
	k.mu.Lock()
	k.places = map[string]place{}
	k.mu.Unlock()
	if version == "" {
		return
	}
	ctx, cancel := context.WithCancel(k.ctx)
	var followers sync.WaitGroup
	for _, namespace := range k.namespaces {
		resource := k.reader.Resource(schema.GroupVersionResource{Group: k.Group, Version: version, Resource: k.Resource})
		f := &follower{kind: k, namespace: namespace, reports: resource}
		if namespace != "" {
			f.reports = resource.Namespace(namespace)
		}
		followers.Go(func() { f.run(ctx) })
	}
	k.end = func() { cancel(); followers.Wait() }
}

// complete is since when all reports are known, if they are.
func (k *kind) complete() (since time.Time, ok bool) {
	if k.version == "" {
		return time.Time{}, false
	}
	for _, namespace := range k.namespaces {
		at := k.places[namespace]
		if at.complete.IsZero() {
			return time.Time{}, false
		}
		if at.complete.After(since) {
			since = at.complete
		}
	}
	return since, true
}

func (k *kind) know(namespace string, p place) {
	k.mu.Lock()
	k.places[namespace] = p
	k.mu.Unlock()
	k.changed()
}
