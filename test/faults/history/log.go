package history

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Revision is one change of one object. The object must not be modified.
type Revision struct {
	// Version is the place in the order of all writes of the cluster.
	Version uint64
	Event   watch.EventType
	Object  client.Object
}

// String names the revision: "MODIFIED Alert/x at 17".
func (r Revision) String() string {
	return fmt.Sprintf("%s %s/%s at %d", r.Event, kindOf(r.Object), r.Object.GetName(), r.Version)
}

func kindOf(o client.Object) string { return reflect.TypeOf(o).Elem().Name() }

// versionOf is the object's place in the order of writes, or 0.
func versionOf(o client.Object) uint64 {
	version, _ := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	return version
}

type key struct{ kind, name string }

func keyOf(o client.Object) key { return key{kindOf(o), o.GetName()} }

// Log holds the revisions of one namespace.
type Log struct {
	mu        sync.Mutex
	revisions []Revision
	live      map[key]client.Object
	changed   chan struct{} // closed at the next revision
}

// Revisions returns all revisions in the order in which they were written.
func (l *Log) Revisions() []Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.revisions)
	// Etcd counts the writes of all kinds together, so this is their true order.
	slices.SortStableFunc(all, func(a, b Revision) int { return cmp.Compare(a.Version, b.Version) })
	return all
}

// View returns what exists now, as far as it was seen.
func (l *Log) View() View {
	l.mu.Lock()
	defer l.mu.Unlock()
	return View{objects: maps.Clone(l.live)}
}

// Await waits until the condition holds, and tells why it does not when the
// context ends first.
func (l *Log) Await(ctx context.Context, condition func(View) error) error {
	for {
		l.mu.Lock()
		view, changed := View{objects: maps.Clone(l.live)}, l.changed
		l.mu.Unlock()
		err := condition(view)
		if err == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return err
		}
	}
}

func (l *Log) add(event watch.EventType, o client.Object) error {
	version := versionOf(o)
	if version == 0 {
		return fmt.Errorf("%s/%s has the resource version %q", kindOf(o), o.GetName(), o.GetResourceVersion())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revisions = append(l.revisions, Revision{Version: version, Event: event, Object: o})
	if event == watch.Deleted {
		delete(l.live, keyOf(o))
	} else {
		l.live[keyOf(o)] = o
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

// View is what exists in a namespace at one moment. Its objects must not be modified.
type View struct{ objects map[key]client.Object }

// List returns the objects of a kind, by name.
func List[T client.Object](v View) []T {
	var all []T
	for _, o := range v.objects {
		if object, ok := o.(T); ok {
			all = append(all, object)
		}
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return all
}

// Get returns the object of a kind with that name.
func Get[T client.Object](v View, name string) (T, bool) {
	for _, o := range List[T](v) {
		if o.GetName() == name {
			return o, true
		}
	}
	var none T
	return none, false
}

// Before returns the object as it was, or nil where it is new: another object
// of the same name is not the same object.
func (v View) Before(o client.Object) client.Object {
	if old := v.objects[keyOf(o)]; old != nil && old.GetUID() == o.GetUID() {
		return old
	}
	return nil
}

// All returns every object.
func (v View) All() []client.Object { return List[client.Object](v) }

// Replay visits the revisions in their order, each with what existed just
// before it, and returns what exists in the end.
func Replay(revisions []Revision, visit func(before View, r Revision)) View {
	view := View{objects: map[key]client.Object{}}
	for _, r := range revisions {
		visit(view, r)
		if r.Event == watch.Deleted {
			delete(view.objects, keyOf(r.Object))
		} else {
			view.objects[keyOf(r.Object)] = r.Object
		}
	}
	return view
}

// same tells what the view lacks of the wanted resource versions.
func (v View) same(want map[key]uint64) error {
	for k, version := range want {
		if o := v.objects[k]; o == nil || versionOf(o) < version {
			return fmt.Errorf("not yet recorded: %s/%s at %d", k.kind, k.name, version)
		}
	}
	for k := range v.objects {
		if _, ok := want[k]; !ok {
			return fmt.Errorf("not yet recorded: deletion of %s/%s", k.kind, k.name)
		}
	}
	return nil
}
