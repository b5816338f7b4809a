package invariant

import (
	"fmt"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// redirects: a merge is final, and no merges lead in a circle.
func redirects() Invariant {
	return Invariant{Name: "I3 redirects", Revision: func(before history.View, r history.Revision) error {
		incident, ok := r.Object.(*v1alpha1.Incident)
		if !ok || r.Event == watch.Deleted {
			return nil
		}
		to := incident.Status.RedirectedTo
		if old, _ := before.Before(r.Object).(*v1alpha1.Incident); old != nil && old.Status.RedirectedTo != "" && old.Status.RedirectedTo != to {
			return fmt.Errorf("was merged into %q, and now into %q", old.Status.RedirectedTo, to)
		}
		if to != "" && (to == v1alpha1.LocalName(incident.Name) || follows(before, to, v1alpha1.LocalName(incident.Name))) {
			return fmt.Errorf("merged into %s, which was merged into it", to)
		}
		return nil
	}}
}
