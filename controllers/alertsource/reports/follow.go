package reports

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/ptr"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
)

const (
	// pageSize bounds what is in memory at once: a report is up to 1.5 MiB, most
	// are 50 KiB or less.
	pageSize = 20
	// watchSeconds is how long a watch goes on at most: the API server asks only at
	// its beginning whether the service account may watch.
	watchSeconds = 240
	// firstRetry and lastRetry bound the wait after a failure: a right that is given
	// is noticed within the last.
	firstRetry, lastRetry = time.Second, time.Minute
	// restart is the least time between two watches.
	restart = time.Second
)

// follower lists and watches the reports of one kind in one namespace, or in all.
// It keeps what they say, and no report.
type follower struct {
	*kind
	namespace string
	reports   dynamic.ResourceInterface
}

// run follows until ctx ends.
func (f *follower) run(ctx context.Context) {
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		version, err := f.list(ctx)
		if err == nil {
			wait = firstRetry
			f.know(f.namespace, place{complete: f.clock.Now()})
			err = f.watch(ctx, version)
		}
		if ctx.Err() != nil {
			return
		}
		if !expired(err) { // Else it is known, but for a moment.
			f.know(f.namespace, place{err: err})
		}
		f.sleep(ctx, wait)
	}
}

func expired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

// list takes over all reports, page by page.
func (f *follower) list(ctx context.Context) (version string, err error) {
	there := map[string]bool{}
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := f.reports.List(ctx, options)
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			there[keyOf(&page.Items[i])] = true
			f.put(ctx, &page.Items[i])
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.board.Keep(f.namespace, there, f.clock.Now())
			return page.GetResourceVersion(), nil
		}
	}
}

// watch takes over what changes after a version, until that fails.
func (f *follower) watch(ctx context.Context, version string) error {
	for {
		w, err := f.reports.Watch(ctx, metav1.ListOptions{
			ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: ptr.To(int64(watchSeconds)),
		})
		if err != nil {
			return err
		}
		version, err = f.drain(ctx, w, version)
		if err != nil || ctx.Err() != nil {
			return err
		}
		f.sleep(ctx, restart)
	}
}

// drain takes over what one watch says, and returns the version it has come to.
func (f *follower) drain(ctx context.Context, w apiwatch.Interface, version string) (string, error) {
	defer w.Stop()
	for e := range w.ResultChan() {
		report, ok := e.Object.(*unstructured.Unstructured)
		if !ok || e.Type == apiwatch.Error {
			return version, apierrors.FromObject(e.Object)
		}
		switch e.Type {
		case apiwatch.Added, apiwatch.Modified:
			f.put(ctx, report)
		case apiwatch.Deleted:
			f.mu.Lock()
			f.board.Remove(keyOf(report), f.clock.Now())
			f.mu.Unlock()
		}
		version = report.GetResourceVersion()
		if e.Type != apiwatch.Bookmark {
			f.changed()
		}
	}
	return version, nil
}

func keyOf(report *unstructured.Unstructured) string {
	return report.GetNamespace() + "/" + report.GetName()
}

// put takes over what a report says. Of one that cannot be read, what it said
// before stays.
func (f *follower) put(ctx context.Context, report *unstructured.Unstructured) {
	said, err := f.read(report)
	if err != nil {
		logf.FromContext(ctx).Error(err, "A report cannot be read", "kind", f.Name(), "report", keyOf(report))
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.board.Put(keyOf(report), said)
}

// read does not panic, whatever a report holds.
func (f *follower) read(report *unstructured.Unstructured) (said []findings.Finding, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("reading failed: %v", cause)
		}
	}()
	data, err := report.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return f.Read(data, f.clock.Now())
}

func (f *follower) sleep(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-f.clock.After(wait):
	}
}
