package release

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// A rule is asked once about each alert, until one of both is another.
func TestSeen(t *testing.T) {
	ends := builders.Time.Add(time.Hour)
	rule := builders.TuningRule("shop", "noise", func(r *v1alpha1.TuningRule) {
		r.UID, r.Generation = "1", 1
		r.Spec.Match.Expression = "alert.title == 'Meant'"
		r.Spec.ExpiresAt = ptr.To(metav1.NewTime(ends))
	})
	alert := builders.Alert("shop", "a", func(a *v1alpha1.Alert) { a.UID, a.Spec.Title = "a", "Meant" })
	other := builders.Alert("shop", "b", func(a *v1alpha1.Alert) { a.UID, a.Spec.Title = "b", "Other" })
	c := New(Deps{})
	exposed := func(now time.Time, alerts ...*v1alpha1.Alert) int {
		t.Helper()
		s, err := c.seenOf(rule)
		if err != nil {
			t.Fatal(err)
		}
		got := len(s.exposed(alerts, now))
		if len(s.hidden) > len(alerts) {
			t.Errorf("it keeps %d alerts of %d", len(s.hidden), len(alerts))
		}
		return got
	}
	want := func(step string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d alerts are exposed, want %d", step, got, want)
		}
	}
	want("at first", exposed(builders.Time, alert, other), 1)
	alert.Spec.Title = "Other" // No API server allows that; it shows who is asked.
	want("again", exposed(builders.Time, alert), 0)
	want("when it has expired", exposed(ends, alert), 1)
	want("without the alert", exposed(builders.Time), 0)
	want("when the alert was away", exposed(builders.Time, alert), 1)
	alert.Spec.Title = "Meant"
	want("once more", exposed(builders.Time, alert), 0)
	rule.Generation, rule.Spec.Match.Expression = 2, "alert.title == 'Nothing'"
	want("when the rule was changed", exposed(builders.Time, alert), 1)
}
