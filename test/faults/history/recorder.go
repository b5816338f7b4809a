package history

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Recorder watches the chosen kinds in all namespaces.
type Recorder struct {
	client client.WithWatch
	kinds  []client.ObjectList

	mu   sync.Mutex
	logs map[string]*Log
	err  error
}

// Record starts a recorder, which ends with the context.
func Record(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, kinds ...client.ObjectList) (*Recorder, error) {
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	r := &Recorder{client: c, kinds: kinds, logs: map[string]*Log{}}
	for _, kind := range kinds {
		if err := r.follow(ctx, kind); err != nil {
			return nil, fmt.Errorf("watching %T: %w", kind, err)
		}
	}
	return r, nil
}

// Log returns the log of a namespace.
func (r *Recorder) Log(namespace string) *Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logs[namespace] == nil {
		r.logs[namespace] = &Log{live: map[key]client.Object{}, changed: make(chan struct{})}
	}
	return r.logs[namespace]
}

// Forget drops what is known of a namespace.
func (r *Recorder) Forget(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.logs, namespace)
}

// Err tells why revisions may be missing.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *Recorder) follow(ctx context.Context, kind client.ObjectList) error {
	kind = kind.DeepCopyObject().(client.ObjectList)
	if err := r.client.List(ctx, kind); err != nil {
		return err
	}
	err := meta.EachListItem(kind, func(object runtime.Object) error {
		return r.add(watch.Added, object)
	})
	if err != nil {
		return err
	}
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, kind.GetResourceVersion(), &listWatch{client: r.client, kind: kind})
	if err != nil {
		return err
	}
	go func() {
		defer watcher.Stop()
		for event := range watcher.ResultChan() {
			if err := r.add(event.Type, event.Object); err != nil {
				r.mu.Lock()
				r.err = fmt.Errorf("watching %T: %w", kind, err)
				r.mu.Unlock()
				return
			}
		}
	}()
	return nil
}

func (r *Recorder) add(event watch.EventType, object runtime.Object) error {
	o, ok := object.(client.Object)
	if !ok || event == watch.Error {
		return fmt.Errorf("revisions were missed: %s %v", event, object)
	}
	if event == watch.Bookmark {
		return nil
	}
	return r.Log(o.GetNamespace()).add(event, o)
}

// listWatch adapts the typed client to what a retrying watch needs.
type listWatch struct {
	client client.WithWatch
	kind   client.ObjectList
}

func (l *listWatch) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	list := l.kind.DeepCopyObject().(client.ObjectList)
	return l.client.Watch(ctx, list, &client.ListOptions{Raw: &options})
}

// catchUpInterval is how often CatchUp looks again.
const catchUpInterval = 50 * time.Millisecond

// CatchUp waits until the log holds what the namespace has.
func (r *Recorder) CatchUp(ctx context.Context, namespace string) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, catchUpInterval, true, func(ctx context.Context) (bool, error) {
		has, err := r.list(ctx, namespace)
		if err == nil {
			err = r.Err()
		}
		if err != nil {
			return false, err
		}
		last = r.Log(namespace).View().same(has)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("the log does not catch up: %w", errors.Join(err, last))
	}
	return nil
}

// list returns the versions of what the namespace has.
func (r *Recorder) list(ctx context.Context, namespace string) (map[key]uint64, error) {
	has := map[key]uint64{}
	for _, kind := range r.kinds {
		list := kind.DeepCopyObject().(client.ObjectList)
		if err := r.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		err := meta.EachListItem(list, func(object runtime.Object) error {
			o := object.(client.Object)
			has[keyOf(o)] = versionOf(o)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return has, nil
}
