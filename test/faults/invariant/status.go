package invariant

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// maxBytes is the largest that an object may become: a sixth of what etcd takes.
const maxBytes = 256 << 10

// common is what the status of all our kinds has.
type common struct {
	observed   *int64
	conditions []metav1.Condition
}

func statusOf(o client.Object) (common, bool) {
	switch o := o.(type) {
	case *v1alpha1.Alert:
		return common{conditions: o.Status.Conditions}, true
	case *v1alpha1.AlertSource:
		return common{o.Status.ObservedGeneration, o.Status.Conditions}, true
	case *v1alpha1.Incident:
		return common{o.Status.ObservedGeneration, o.Status.Conditions}, true
	case *v1alpha1.Investigation:
		return common{o.Status.ObservedGeneration, o.Status.Conditions}, true
	case *v1alpha1.Playbook:
		return common{o.Status.ObservedGeneration, o.Status.Conditions}, true
	case *v1alpha1.Remediation:
		return common{o.Status.ObservedGeneration, o.Status.Conditions}, true
	case *v1alpha1.CorrelationPolicy:
		return common{o.Status.ObservedGeneration, o.Status.Conditions}, true
	case *v1alpha1.TuningRule:
		return common{o.Status.ObservedGeneration, o.Status.Conditions}, true
	default:
		return common{}, false
	}
}

func observedGeneration() Invariant {
	return Invariant{Name: "I9 observedGeneration", Revision: func(before history.View, r history.Revision) error {
		now, ok := statusOf(r.Object)
		if !ok || r.Event == watch.Deleted {
			return nil
		}
		if ptr.Deref(now.observed, 0) > r.Object.GetGeneration() {
			return fmt.Errorf("%d is in the future of generation %d", *now.observed, r.Object.GetGeneration())
		}
		if old := before.Before(r.Object); old != nil {
			was, _ := statusOf(old)
			if ptr.Deref(now.observed, 0) < ptr.Deref(was.observed, 0) {
				return fmt.Errorf("fell from %d to %d", *was.observed, ptr.Deref(now.observed, 0))
			}
		}
		return nil
	}}
}

func transitionTimes() Invariant {
	return Invariant{Name: "I9 lastTransitionTime", Revision: func(before history.View, r history.Revision) error {
		old := before.Before(r.Object)
		now, ok := statusOf(r.Object)
		if !ok || old == nil || r.Event == watch.Deleted {
			return nil
		}
		was, _ := statusOf(old)
		for _, condition := range was.conditions {
			next := meta.FindStatusCondition(now.conditions, condition.Type)
			if next == nil {
				continue
			}
			moved := !next.LastTransitionTime.Equal(&condition.LastTransitionTime)
			if moved && next.Status == condition.Status {
				return fmt.Errorf("condition %s moved from %s to %s and stayed %s",
					condition.Type, condition.LastTransitionTime, next.LastTransitionTime, next.Status)
			}
		}
		return nil
	}}
}

func size() Invariant {
	return Invariant{Name: "I12 size", Revision: func(_ history.View, r history.Revision) error {
		data, err := json.Marshal(r.Object)
		if err != nil {
			return err
		}
		if len(data) > maxBytes {
			return fmt.Errorf("%d bytes", len(data))
		}
		return nil
	}}
}
