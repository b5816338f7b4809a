package status

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// delayed is a queue that notes what is added, and how much later.
type delayed struct {
	queue
	names []string
	after time.Duration
}

func (d *delayed) AddAfter(r reconcile.Request, after time.Duration) {
	d.names, d.after = append(d.names, r.String()), after
}

// Alerts have their rules counted again, later; only where that gives something
// else.
func TestMatched(t *testing.T) {
	tuned := func(change ...func(*v1alpha1.Alert)) *v1alpha1.Alert {
		a := builders.Alert("soc", "a", change...)
		a.Spec.Tuning = &v1alpha1.AlertTuning{
			RuleName: "noise", Action: v1alpha1.TuningHide, Monitored: []v1alpha1.LocalName{"nights", "tests"},
		}
		return a
	}
	all := []string{"soc/nights", "soc/noise", "soc/tests"}
	later := ptr.To(metav1.NewMicroTime(builders.Time.Add(time.Second)))
	update := func(after *v1alpha1.Alert) func(*delayed) {
		return func(q *delayed) {
			matched.Update(t.Context(), event.UpdateEvent{ObjectOld: tuned(), ObjectNew: after}, q)
		}
	}
	for name, tc := range map[string]struct {
		happens func(*delayed)
		want    []string
	}{
		"created":  {func(q *delayed) { matched.Create(t.Context(), event.CreateEvent{Object: tuned()}, q) }, all},
		"deleted":  {func(q *delayed) { matched.Delete(t.Context(), event.DeleteEvent{Object: tuned()}, q) }, all},
		"raised":   {update(tuned(func(a *v1alpha1.Alert) { a.Status.Occurrences = ptr.To[int64](2) })), all},
		"later":    {update(tuned(func(a *v1alpha1.Alert) { a.Status.LastActivityTime = later })), all},
		"released": {update(tuned(func(a *v1alpha1.Alert) { a.Status.ReleasedTime = later })), all},
		"another":  {update(tuned(func(a *v1alpha1.Alert) { a.Status.IncidentName = "i" })), nil},
		"not tuned": {func(q *delayed) {
			matched.Create(t.Context(), event.CreateEvent{Object: builders.Alert("soc", "a")}, q)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			q := &delayed{}
			tc.happens(q)
			slices.Sort(q.names)
			if diff := cmp.Diff(tc.want, q.names); diff != "" {
				t.Error(diff)
			}
			if tc.want != nil && q.after != gathering {
				t.Errorf("after %v, want %v", q.after, gathering)
			}
		})
	}
}
