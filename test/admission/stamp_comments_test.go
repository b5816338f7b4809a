package admission_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// forged is a comment of somebody else, from long ago.
func forged(text string) v1alpha1.Comment {
	return v1alpha1.Comment{Text: text, Author: "mallory", Time: moment(0)}
}

// wantStamped fails the test unless the comment is by the user, and of now.
func wantStamped(t *testing.T, c v1alpha1.Comment, user string, since time.Time) {
	t.Helper()
	if c.Author != user {
		t.Errorf("%q is by %q, want %q", c.Text, c.Author, user)
	}
	wantNow(t, c.Time, since)
}

// wantNow fails the test unless the time lies between since and now, in seconds.
func wantNow(t *testing.T, at *metav1.Time, since time.Time) {
	t.Helper()
	if at == nil {
		t.Error("there is no time")
	} else if at.Before(&metav1.Time{Time: since.Truncate(time.Second)}) || at.After(time.Now()) {
		t.Errorf("the time is %v, want one between %v and now", at, since)
	}
}

func TestCommentsAreStampedOnCreation(t *testing.T) {
	for _, kind := range commentedKinds {
		for _, user := range []string{alice, admin, operator, playbook} {
			t.Run(kind.kind+"/"+user, func(t *testing.T) {
				since := time.Now()
				object := create(t, user, kind.build(forged("one"), v1alpha1.Comment{Text: "two"}))
				for _, c := range kind.comments(object) {
					wantStamped(t, c, user, since)
				}
			})
		}
	}
}

func TestCommentsAreStampedWhenAdded(t *testing.T) {
	for _, kind := range commentedKinds {
		for _, request := range requests {
			for name, added := range map[string][]v1alpha1.Comment{
				"one":                      {{Text: "two"}},
				"two":                      {{Text: "two"}, {Text: "three"}},
				"in another's name":        {forged("two")},
				"one plain and one forged": {{Text: "two"}, forged("three")},
			} {
				for _, user := range []string{bob, operator} {
					t.Run(strings.Join([]string{kind.kind, request.name, name, user}, "/"), func(t *testing.T) {
						before := create(t, alice, kind.build(v1alpha1.Comment{Text: "one"}))
						after := before.DeepCopyObject().(client.Object)
						kind.set(after, append(kind.comments(after), added...))
						since := time.Now()
						wantTaken(t, request.send(t, user, before, after))
						comments := kind.comments(after)
						if !equalComments(comments[:1], kind.comments(before)) {
							t.Errorf("the old comment changed: %v, was %v", comments[0], kind.comments(before)[0])
						}
						for _, c := range comments[1:] {
							wantStamped(t, c, user, since)
						}
					})
				}
			}
		}
	}
}

// The first comment may come long after the object. By then Tocsin has applied
// a status, and the API server keeps managedFields.
func TestFirstComment(t *testing.T) {
	for _, kind := range commentedKinds {
		for _, request := range requests {
			t.Run(kind.kind+"/"+request.name, func(t *testing.T) {
				before := create(t, operator, kind.build())
				applyState(t, before, "InProgress")
				before = stored(t, before)
				after := before.DeepCopyObject().(client.Object)
				kind.set(after, []v1alpha1.Comment{forged("one")})
				since := time.Now()
				wantTaken(t, request.send(t, bob, before, after))
				wantStamped(t, kind.comments(after)[0], bob, since)
			})
		}
	}
}

// The API server keeps no managedFields of an object that was created with
// nothing in it, until somebody applies something: a comment that comes before
// has its author, and no time.
func TestFirstCommentOnAnEmptyIncident(t *testing.T) {
	incident := create(t, operator, builders.Incident(namespace, uniqueName("inc")))
	if len(incident.ManagedFields) != 0 {
		t.Fatal("this API server keeps managedFields of empty objects: every comment could have its time")
	}
	incident.Spec.Comments = []v1alpha1.Comment{forged("one")}
	wantTaken(t, as(t, bob).Update(t.Context(), incident))
	if got := incident.Spec.Comments[0]; got.Author != bob || got.Time != nil {
		t.Errorf("the comment is by %q of %v, want bob and no time", got.Author, got.Time)
	}
}

// applyState writes a status as Tocsin does: with server-side apply.
func applyState(t *testing.T, object client.Object, state string) {
	t.Helper()
	u := asApplied(t, object)
	delete(u.Object, "spec")
	u.Object["status"] = map[string]any{"state": state}
	err := as(t, operator).Status().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("tocsin"))
	if err != nil {
		t.Fatal(err)
	}
}

// Server-side apply takes away what its owner no longer applies; not comments.
func TestApplierCannotForgetComments(t *testing.T) {
	for _, kind := range commentedKinds {
		t.Run(kind.kind, func(t *testing.T) {
			apply := requests[2]
			object := kind.build(v1alpha1.Comment{Text: "one"})
			wantTaken(t, apply.send(t, bob, nil, object))
			forgetful := object.DeepCopyObject().(client.Object)
			kind.set(forgetful, nil)
			kind.touch(forgetful)
			wantRefused(t, apply.send(t, bob, nil, forgetful), kind.field+": comments can only be added")
			wantTaken(t, apply.send(t, alice, nil, forgetful)) // she never applied any
			if got := kind.comments(stored(t, object)); len(got) != 1 {
				t.Errorf("%d comments, want 1", len(got))
			}
		})
	}
}

// Who applies a list from a file leaves the stamps out; they are put back, and
// applying it once more writes nothing.
func TestStampsLeftOutArePutBack(t *testing.T) {
	for _, kind := range commentedKinds {
		for _, request := range requests {
			t.Run(kind.kind+"/"+request.name, func(t *testing.T) {
				before := create(t, alice, kind.build(v1alpha1.Comment{Text: "one"}))
				since := time.Now()
				after := before.DeepCopyObject().(client.Object)
				kind.set(after, []v1alpha1.Comment{{Text: "one"}, {Text: "two"}})
				wantTaken(t, request.send(t, bob, before, after))
				if !equalComments(kind.comments(after)[:1], kind.comments(before)) {
					t.Errorf("the old comment changed: %v, was %v", kind.comments(after)[0], kind.comments(before)[0])
				}
				wantStamped(t, kind.comments(after)[1], bob, since)

				again := after.DeepCopyObject().(client.Object)
				kind.set(again, []v1alpha1.Comment{{Text: "one"}, {Text: "two"}})
				wantTaken(t, request.send(t, bob, after, again))
				if got := stored(t, again).GetResourceVersion(); got != after.GetResourceVersion() {
					t.Errorf("applying the same list again wrote revision %s after %s", got, after.GetResourceVersion())
				}
			})
		}
	}
}

// A client may send managedFields of its own. The time of its comment is either
// true or absent, whatever it sends.
func TestTimeCannotBeForged(t *testing.T) {
	const version = "tocsin.dev/v1alpha1"
	const list, title = `{"f:spec":{"f:comments":{}}}`, `{"f:spec":{"f:title":{}}}`
	past, future := builders.Time, builders.Time.AddDate(90, 0, 0)
	entry := func(manager string, operation metav1.ManagedFieldsOperationType, version, subresource, owned string, at time.Time) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Operation: operation, APIVersion: version, Subresource: subresource,
			Time: &metav1.Time{Time: at}, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(owned),
		}
	}
	// More entries of updates than the API server keeps: it folds the oldest.
	crowd := func(owned string, at time.Time) []metav1.ManagedFieldsEntry {
		entries := make([]metav1.ManagedFieldsEntry, 14)
		for i := range entries {
			entries[i] = entry(fmt.Sprintf("m%02d", i), "Update", version, "", owned, at)
		}
		return entries
	}
	for name, tc := range map[string]struct {
		fields []metav1.ManagedFieldsEntry
		absent bool
		former bool
	}{
		"untouched":                 {fields: nil},
		"owned by another update":   {fields: []metav1.ManagedFieldsEntry{entry("x", "Update", version, "", list, past)}},
		"owned by an apply":         {fields: []metav1.ManagedFieldsEntry{entry("x", "Apply", version, "", list, future)}},
		"owned under the own name":  {fields: []metav1.ManagedFieldsEntry{entry("admission.test", "Update", version, "", list, future)}},
		"owned under an inner name": {fields: []metav1.ManagedFieldsEntry{entry("current-operation", "Update", version, "", list, future)}},
		"owned through status":      {fields: []metav1.ManagedFieldsEntry{entry("x", "Update", version, "status", list, past)}},
		"items owned":               {fields: []metav1.ManagedFieldsEntry{entry("x", "Update", version, "", `{"f:spec":{"f:comments":{"i:0":{},"i:1":{}}}}`, past)}},
		"fields of the list owned":  {fields: []metav1.ManagedFieldsEntry{entry("x", "Update", version, "", `{"f:spec":{"f:comments":{".":{},"f:text":{}}}}`, past)}},
		"not a set of fields":       {fields: []metav1.ManagedFieldsEntry{entry("x", "Update", version, "", `{"f:spec":{"f:comments":7}}`, past)}},
		"not an operation":          {fields: []metav1.ManagedFieldsEntry{entry("x", "Replace", version, "", list, past)}},
		"a crowd from the past":     {fields: crowd(title, past)},
		"all own it, in the future": {fields: crowd(list, future)},
		"the folded entry":          {fields: []metav1.ManagedFieldsEntry{entry("ancient-changes", "Update", version, "", list, past)}},
		// The API server cannot follow these, and leaves its own entries as they were.
		"owned in an unknown version": {fields: []metav1.ManagedFieldsEntry{entry("x", "Update", "tocsin.dev/v9", "", list, past)}, former: true},
		"owned in another group":      {fields: []metav1.ManagedFieldsEntry{entry("x", "Update", "apps/v1", "", list, past)}, former: true},
		// The API server folds the request's own entry into the crowd.
		"a crowd from the future": {fields: crowd(title, future), absent: true},
		// The API server stops keeping managedFields.
		"cleared": {fields: []metav1.ManagedFieldsEntry{{}}, absent: true},
	} {
		t.Run(name, func(t *testing.T) {
			since := time.Now()
			incident := create(t, alice, builders.Incident(namespace, uniqueName("inc"), func(i *v1alpha1.Incident) {
				i.Spec.Title = "Shell in web-0"
				i.Spec.Comments = []v1alpha1.Comment{{Text: "one"}}
			}))
			incident.ManagedFields = tc.fields
			incident.Spec.Comments = append(incident.Spec.Comments, forged("two"))
			if !tc.former { // Else it is when the list was last written before.
				since = time.Now()
			}
			wantTaken(t, as(t, alice).Update(t.Context(), incident))
			added := incident.Spec.Comments[1]
			if !tc.absent {
				wantStamped(t, added, alice, since)
				return
			}
			if added.Author != alice || added.Time != nil {
				t.Errorf("the comment is by %q of %v, want alice and no time", added.Author, added.Time)
			}
		})
	}
}

// Alerts and incidents without comments pass as they are.
func TestNothingToStamp(t *testing.T) {
	for _, kind := range commentedKinds {
		t.Run(kind.kind, func(t *testing.T) {
			object := create(t, operator, kind.build())
			kind.touch(object)
			wantTaken(t, as(t, alice).Update(t.Context(), object))
			if got := kind.comments(object); len(got) != 0 {
				t.Errorf("comments appeared: %v", got)
			}
		})
	}
}

// Each of two people who append at once is kept, with their own name.
func TestParallelComments(t *testing.T) {
	for _, kind := range commentedKinds {
		t.Run(kind.kind, func(t *testing.T) {
			object := create(t, operator, kind.build(v1alpha1.Comment{Text: "one"}))
			path := "/" + strings.ReplaceAll(kind.field, ".", "/") + "/-"
			failures := make(chan error, 20)
			for i := range cap(failures) {
				user := []string{alice, bob}[i%2]
				c, target := as(t, user), object.DeepCopyObject().(client.Object)
				go func() {
					failures <- c.Patch(t.Context(), target,
						jsonPatch(fmt.Sprintf(`[{"op":"add","path":%q,"value":{"text":"by %s","author":"mallory"}}]`, path, user)))
				}()
			}
			for range cap(failures) {
				wantTaken(t, <-failures)
			}
			comments := kind.comments(stored(t, object))
			if len(comments) != 1+cap(failures) {
				t.Fatalf("%d comments, want %d", len(comments), 1+cap(failures))
			}
			for _, c := range comments[1:] {
				if c.Text != "by "+c.Author || c.Time == nil {
					t.Errorf("%q is by %q of %v", c.Text, c.Author, c.Time)
				}
			}
		})
	}
}
