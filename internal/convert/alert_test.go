package convert

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// TestMembershipSurvivesAWrite: what an engine decided is what the next engine
// is told, with the precision that the status keeps.
func TestMembershipSurvivesAWrite(t *testing.T) {
	decision := correlation.Decision{
		Incident: "shell", Surprise: 7.25, Routine: true,
		Links: []correlation.Link{
			{Reason: correlation.LinkSameAsset, Entity: model.Key{Kind: model.KindPod, Name: "shop/web"}, Peer: "shell", Weight: 8.5},
			{Reason: correlation.LinkProximateTime, Peer: "shell", Weight: 1.25},
		},
		Similar: []correlation.Similar{{Incident: "old", Reason: correlation.SimilarResolved, Message: "shares Pod/shop/web, and is resolved"}},
	}
	alert := &v1alpha1.Alert{Status: v1alpha1.AlertStatus{
		IncidentName: "shell", Links: Links(decision.Links), SurpriseMillibits: Surprise(decision), Routine: ptr.To(decision.Routine),
		Similar: Similar(decision.Similar),
	}}
	if diff := cmp.Diff(decision, Membership(alert)); diff != "" {
		t.Error(diff)
	}
}

func TestLinksAreBounded(t *testing.T) {
	if got := Links(make([]correlation.Link, 100)); len(got) != maxLinks {
		t.Errorf("kept %d links, want the %d heaviest", len(got), maxLinks)
	}
}

func TestAlertCountsWhatIsKnownSinceCreation(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	alert := &v1alpha1.Alert{Spec: v1alpha1.AlertSpec{FirstActivityTime: metav1.NewMicroTime(at), LastActivityTime: metav1.NewMicroTime(at)}}
	if got := Alert(alert); got.Occurrences != 1 || got.Last != at {
		t.Errorf("a new alert occurred once, at its own time; got %d at %s", got.Occurrences, got.Last)
	}
	alert.Status.Occurrences, alert.Status.LastActivityTime = ptr.To(int64(7)), ptr.To(metav1.NewMicroTime(at.Add(time.Hour)))
	if got := Alert(alert); got.Occurrences != 7 || got.Last != at.Add(time.Hour) {
		t.Errorf("want what the status counts; got %d at %s", got.Occurrences, got.Last)
	}
	alert.Status.LastActivityTime = ptr.To(metav1.NewMicroTime(at.Add(-time.Hour)))
	if got := Alert(alert); got.Last != at {
		t.Errorf("time does not run back; got %s", got.Last)
	}
}

func TestEntitiesGetTheirDefaults(t *testing.T) {
	got := Entities([]v1alpha1.Entity{{EntityKey: v1alpha1.EntityKey{Kind: "Pod", Name: "shop/web"}}})
	want := []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: "shop/web"}, Role: model.RoleUnknown, Category: model.CategoryEvidence}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestReportedIsWithoutTheCluster: what the cluster adds counts for correlation,
// after what the detector named, and not for investigations.
func TestReportedIsWithoutTheCluster(t *testing.T) {
	entity := func(name string, role v1alpha1.EntityRole) v1alpha1.Entity {
		return v1alpha1.Entity{EntityKey: v1alpha1.EntityKey{Kind: "Pod", Name: name}, Role: role, Category: v1alpha1.EntityImpactedAsset}
	}
	a := &v1alpha1.Alert{}
	a.Spec.Entities = []v1alpha1.Entity{entity("shop/a", "Attacked")}
	a.Status.Entities = []v1alpha1.Entity{entity("shop/b", "Contextual"), entity("shop/a", "Contextual")}
	names := func(alert model.Alert) (out []string) {
		for _, e := range alert.Entities {
			out = append(out, e.Name+" "+string(e.Role))
		}
		return out
	}
	if diff := cmp.Diff([]string{"shop/a Attacked", "shop/b Contextual"}, names(Alert(a))); diff != "" {
		t.Error(diff)
	}
	for _, reported := range []model.Alert{Reported(a), Candidate(a).Alert} {
		if diff := cmp.Diff([]string{"shop/a Attacked"}, names(reported)); diff != "" {
			t.Error(diff)
		}
	}
}

// What the cluster adds comes after what the detector named, each entity once;
// every change of it is told from what was before.
func TestEnrichment(t *testing.T) {
	pod := func(name string) v1alpha1.Entity {
		return v1alpha1.Entity{EntityKey: v1alpha1.EntityKey{Kind: "Pod", Name: name}}
	}
	alert := &v1alpha1.Alert{Spec: v1alpha1.AlertSpec{Entities: []v1alpha1.Entity{pod("named")}}}
	if got := Enrichment(alert); got != "" {
		t.Errorf("nothing was added; got %q", got)
	}
	digests := map[string]bool{"": true}
	for _, added := range [][]v1alpha1.Entity{{pod("x")}, {pod("y")}, {pod("x"), pod("y")}, {pod("y"), pod("x")}, {pod("named"), pod("x")}} {
		alert.Status.Entities = added
		digest := Enrichment(alert)
		if digests[digest] || len(digest) > 32 {
			t.Errorf("%v has the digest %q", added, digest)
		}
		digests[digest] = true
	}
	var names []string
	for _, e := range Alert(alert).Entities {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"named", "x"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestIncidentOfTheSource(t *testing.T) {
	a := &v1alpha1.Alert{Spec: v1alpha1.AlertSpec{Source: v1alpha1.AlertOrigin{AlertSource: "defender", IncidentID: "42"}}}
	if got := Alert(a); got.Source != "defender" || got.ProviderIncident != "42" {
		t.Errorf("%q of %q", got.ProviderIncident, got.Source)
	}
}
