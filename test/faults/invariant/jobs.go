package invariant

import (
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// attempt is what may have one Job at a time.
type attempt struct {
	investigation types.UID
	labels        string
}

// attemptOf reads from a Job what it is an attempt at.
func attemptOf(job *batchv1.Job) (attempt, bool) {
	owner := metav1.GetControllerOf(job)
	if owner == nil || owner.Kind != "Investigation" {
		return attempt{}, false
	}
	return attempt{owner.UID, fmt.Sprintf("step %s attempt %s", labelled(job.Labels, "step"), labelled(job.Labels, "attempt"))}, true
}

// labelled returns the value of our label of that name.
func labelled(labels map[string]string, name string) string {
	for label, value := range labels {
		if strings.HasSuffix(label, "tocsin.dev/"+name) {
			return value
		}
	}
	return ""
}

func finished(job *batchv1.Job) bool {
	for _, condition := range job.Status.Conditions {
		if (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) && condition.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// oneJobAnAttempt: a step is not run twice at once.
func oneJobAnAttempt() Invariant {
	return Invariant{Name: "I4 one Job an attempt", Revision: func(before history.View, r history.Revision) error {
		job, ok := r.Object.(*batchv1.Job)
		if !ok || r.Event != watch.Added {
			return nil
		}
		this, ok := attemptOf(job)
		if !ok {
			return nil
		}
		for _, other := range history.List[*batchv1.Job](before) {
			if its, ok := attemptOf(other); ok && its == this && !finished(other) {
				return fmt.Errorf("%s is live already: %s", other.Name, this.labels)
			}
		}
		return nil
	}}
}
