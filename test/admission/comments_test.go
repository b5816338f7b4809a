package admission_test

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// commented is a kind that has comments.
type commented struct {
	kind, field string
	build       func(comments ...v1alpha1.Comment) client.Object
	comments    func(client.Object) []v1alpha1.Comment
	set         func(client.Object, []v1alpha1.Comment)
	// touch changes something else that people may change.
	touch func(client.Object)
}

var commentedKinds = []commented{
	{
		kind: "Incident", field: "spec.comments",
		build: func(comments ...v1alpha1.Comment) client.Object {
			return builders.Incident(namespace, uniqueName("inc"), func(i *v1alpha1.Incident) { i.Spec.Comments = comments })
		},
		comments: func(o client.Object) []v1alpha1.Comment { return o.(*v1alpha1.Incident).Spec.Comments },
		set:      func(o client.Object, comments []v1alpha1.Comment) { o.(*v1alpha1.Incident).Spec.Comments = comments },
		touch:    func(o client.Object) { o.(*v1alpha1.Incident).Spec.Title = "changed" },
	},
	{
		kind: "Alert", field: "spec.triage.comments",
		build: func(comments ...v1alpha1.Comment) client.Object {
			return builders.Alert(namespace, uniqueName("alert"), func(a *v1alpha1.Alert) {
				if len(comments) > 0 {
					a.Spec.Triage = &v1alpha1.AlertTriage{Comments: comments}
				}
			})
		},
		comments: func(o client.Object) []v1alpha1.Comment {
			if triage := o.(*v1alpha1.Alert).Spec.Triage; triage != nil {
				return triage.Comments
			}
			return nil
		},
		set: func(o client.Object, comments []v1alpha1.Comment) {
			a := o.(*v1alpha1.Alert)
			if a.Spec.Triage == nil {
				a.Spec.Triage = &v1alpha1.AlertTriage{}
			}
			a.Spec.Triage.Comments = comments
		},
		touch: func(o client.Object) {
			a := o.(*v1alpha1.Alert)
			if a.Spec.Triage == nil {
				a.Spec.Triage = &v1alpha1.AlertTriage{}
			}
			a.Spec.Triage.AssignedTo = "bob"
		},
	},
}

const onlyAdded = ": comments can only be added, after the 3 that are there; none may be edited, removed or moved. " +
	"Read the object again and append to the list"

// historyCases change a list of three comments: "one", "two" and "three".
var historyCases = map[string]struct {
	reason  string
	change  func([]v1alpha1.Comment) []v1alpha1.Comment
	refused string
}{
	"append": {
		reason: "that is what the list is for",
		change: func(c []v1alpha1.Comment) []v1alpha1.Comment { return append(c, v1alpha1.Comment{Text: "four"}) },
	},
	"append two": {
		reason: "one request may add several",
		change: func(c []v1alpha1.Comment) []v1alpha1.Comment {
			return append(c, v1alpha1.Comment{Text: "four"}, v1alpha1.Comment{Text: "five"})
		},
	},
	"append the same text": {
		reason: "people may repeat themselves",
		change: func(c []v1alpha1.Comment) []v1alpha1.Comment { return append(c, v1alpha1.Comment{Text: "three"}) },
	},
	"nothing": {
		reason: "an update of anything else leaves the list alone",
		change: func(c []v1alpha1.Comment) []v1alpha1.Comment { return c },
	},
	"edit a text": {
		reason:  "what was said stays",
		change:  func(c []v1alpha1.Comment) []v1alpha1.Comment { c[1].Text = "TWO"; return c },
		refused: onlyAdded,
	},
	"edit an author": {
		reason:  "who said it stays",
		change:  func(c []v1alpha1.Comment) []v1alpha1.Comment { c[1].Author = "mallory"; return c },
		refused: onlyAdded,
	},
	"edit a time": {
		reason:  "when it was said stays",
		change:  func(c []v1alpha1.Comment) []v1alpha1.Comment { c[1].Time = moment(1); return c },
		refused: onlyAdded,
	},
	"edit while appending": {
		reason: "a new comment does not cover an edit of an old one",
		change: func(c []v1alpha1.Comment) []v1alpha1.Comment {
			c[0].Text = "ONE"
			return append(c, v1alpha1.Comment{Text: "four"})
		},
		refused: onlyAdded,
	},
	"remove the first": {reason: "nothing is forgotten", change: remove(0), refused: onlyAdded},
	"remove the last":  {reason: "not even what was said last", change: remove(2), refused: onlyAdded},
	"remove all":       {reason: "nor everything", change: func([]v1alpha1.Comment) []v1alpha1.Comment { return nil }, refused: onlyAdded},
	"replace the last": {reason: "the length alone proves nothing", change: func(c []v1alpha1.Comment) []v1alpha1.Comment { return append(c[:2], v1alpha1.Comment{Text: "four"}) }, refused: onlyAdded},
	"insert at the front": {reason: "the order is the history", change: func(c []v1alpha1.Comment) []v1alpha1.Comment {
		return slices.Insert(c, 0, v1alpha1.Comment{Text: "zero"})
	}, refused: onlyAdded},
	"reorder": {reason: "the order is the history", change: func(c []v1alpha1.Comment) []v1alpha1.Comment { c[0], c[1] = c[1], c[0]; return c }, refused: onlyAdded},
}

func remove(i int) func([]v1alpha1.Comment) []v1alpha1.Comment {
	return func(c []v1alpha1.Comment) []v1alpha1.Comment { return slices.Delete(c, i, i+1) }
}

// TestCommentsAreOnlyAdded tries every change in every way as a person, as
// cluster-admin and as Tocsin itself.
func TestCommentsAreOnlyAdded(t *testing.T) {
	for _, kind := range commentedKinds {
		for name, tc := range historyCases {
			for _, user := range []string{alice, admin, operator} {
				for _, request := range requests {
					if name == "remove all" && request.name == "server-side apply" {
						continue // to leave out what one does not own says nothing
					}
					t.Run(strings.Join([]string{kind.kind, name, user, request.name}, "/"), func(t *testing.T) {
						before := create(t, bob, kind.build(
							v1alpha1.Comment{Text: "one"}, v1alpha1.Comment{Text: "two"}, v1alpha1.Comment{Text: "three"}))
						after := before.DeepCopyObject().(client.Object)
						kind.set(after, tc.change(slices.Clone(kind.comments(after))))
						kind.touch(after)
						err := request.send(t, user, before, after)
						if tc.refused != "" {
							wantRefused(t, err, kind.field+tc.refused)
							return
						}
						wantTaken(t, err)
						if got := kind.comments(stored(t, after))[:3]; !equalComments(got, kind.comments(before)) {
							t.Errorf("%s: the old comments changed:\n got %v\nwant %v", tc.reason, got, kind.comments(before))
						}
					})
				}
			}
		}
	}
}

// TestCommentsGoWithNothing removes what holds the list.
func TestCommentsGoWithNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		kind  commented
		patch string
		field string
	}{
		"the list of an incident": {commentedKinds[0], `{"spec":{"comments":null}}`, "spec.comments"},
		"the spec of an incident": {commentedKinds[0], `{"spec":null}`, "spec.comments"},
		"the list of an alert":    {commentedKinds[1], `{"spec":{"triage":{"comments":null}}}`, "spec.triage.comments"},
		"the triage of an alert":  {commentedKinds[1], `{"spec":{"triage":null}}`, "spec.triage.comments"},
	} {
		t.Run(name, func(t *testing.T) {
			object := create(t, bob, tc.kind.build(v1alpha1.Comment{Text: "one"}))
			err := as(t, alice).Patch(t.Context(), object, mergePatch(tc.patch))
			wantRefused(t, err, tc.field+": comments can only be added, after the 1 that are there")
		})
	}
}

// TestCommentsWithinBudget adds the last comment that fits to the longest
// history that the API takes: the policies must not run out of their budget.
func TestCommentsWithinBudget(t *testing.T) {
	for _, kind := range commentedKinds {
		t.Run(kind.kind, func(t *testing.T) {
			comments := make([]v1alpha1.Comment, 100)
			for i := range comments {
				comments[i].Text = strings.Repeat("x", 16384/len(comments))
			}
			before := create(t, bob, kind.build(comments[:99]...))
			after := before.DeepCopyObject().(client.Object)
			kind.set(after, append(kind.comments(after), comments[99]))
			wantTaken(t, as(t, alice).Update(t.Context(), after))
			if last := kind.comments(after)[99]; last.Author != alice {
				t.Errorf("the last comment is by %q, want alice", last.Author)
			}
			kind.set(after, comments)
			wantTaken(t, as(t, alice).Update(t.Context(), after)) // without any stamp
			for i, c := range kind.comments(after) {
				if c.Author == "" || c.Time == nil {
					t.Fatalf("comment %d lost its stamps: %v", i, c)
				}
			}
		})
	}
}

func equalComments(a, b []v1alpha1.Comment) bool {
	return slices.EqualFunc(a, b, func(x, y v1alpha1.Comment) bool {
		return x.Text == y.Text && x.Author == y.Author && x.Time.Equal(y.Time)
	})
}
