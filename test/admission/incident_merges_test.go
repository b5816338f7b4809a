package admission_test

import (
	"testing"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

func mergeInto(name v1alpha1.LocalName, reason, by string) func(*v1alpha1.Incident) {
	return func(i *v1alpha1.Incident) {
		i.Spec.MergeInto = &v1alpha1.IncidentMerge{Name: name, Reason: reason, RequestedBy: by}
	}
}

const mergedAlready = "spec.mergeInto: the incident was merged into survivor already, and a merge is final; " +
	"mergeInto cannot be changed any more. To merge further, set it on that incident"

// mergeCases change an incident that alice asked to be merged into other,
// because it is the same.
var mergeCases = map[string]struct {
	reason string
	// merged says that it was merged into survivor meanwhile; unasked that nobody
	// had asked for it.
	merged, unasked bool
	change          func(*v1alpha1.Incident)
	// by is who asks for the merge afterwards, empty where nobody does.
	by      string
	refused string
}{
	"first asked for":       {reason: "who asks is stamped", unasked: true, change: mergeInto("other", "same", ""), by: bob},
	"in another's name":     {reason: "what the client says is overwritten", unasked: true, change: mergeInto("other", "same", "mallory"), by: bob},
	"into another one":      {reason: "another wish, of another person", change: mergeInto("third", "same", alice), by: bob},
	"for another reason":    {reason: "another wish, of another person", change: mergeInto("other", "alike", ""), by: bob},
	"the stamp left out":    {reason: "the same wish", change: mergeInto("other", "same", ""), by: alice},
	"the stamp changed":     {reason: "nobody asks in another's name", change: mergeInto("other", "same", bob), refused: `spec.mergeInto.requestedBy: is set by the API server and must be "alice"`},
	"taken back":            {reason: "it is not done yet", change: func(i *v1alpha1.Incident) { i.Spec.MergeInto = nil }},
	"something else":        {reason: "leaves the wish alone", change: func(i *v1alpha1.Incident) { i.Spec.AssignedTo = bob }, by: alice},
	"merged, another one":   {reason: "a merge is final", merged: true, change: mergeInto("third", "same", ""), refused: mergedAlready},
	"merged, another why":   {reason: "so is its reason", merged: true, change: mergeInto("other", "alike", ""), refused: mergedAlready},
	"merged, taken back":    {reason: "so is that it was asked for", merged: true, change: func(i *v1alpha1.Incident) { i.Spec.MergeInto = nil }, refused: mergedAlready},
	"merged, asked for":     {reason: "it was merged by correlation", merged: true, unasked: true, change: mergeInto("third", "same", ""), refused: mergedAlready},
	"merged, something":     {reason: "people may still comment on it", merged: true, change: func(i *v1alpha1.Incident) { i.Spec.Tags = []string{"old"} }, by: alice},
	"merged, no stamp":      {reason: "the same wish, applied again from a file", merged: true, change: mergeInto("other", "same", ""), by: alice},
	"merged, never a wish":  {reason: "there is nothing to guard", merged: true, unasked: true, change: func(i *v1alpha1.Incident) { i.Spec.Tags = []string{"old"} }},
	"merged, another stamp": {reason: "who asked is final too", merged: true, change: mergeInto("other", "same", bob), refused: mergedAlready},
}

func TestMerges(t *testing.T) {
	for name, tc := range mergeCases {
		for _, request := range requests {
			if request.name == "server-side apply" && (name == "taken back" || name == "merged, taken back") {
				continue // who does not own a field does not remove it
			}
			t.Run(name+"/"+request.name, func(t *testing.T) {
				before := builders.Incident(namespace, uniqueName("inc"))
				if !tc.unasked {
					mergeInto("other", "same", "")(before)
				}
				create(t, alice, before)
				if tc.merged {
					before.Status.RedirectedTo = "survivor"
					wantTaken(t, as(t, operator).Status().Update(t.Context(), before))
				}
				after := before.DeepCopy()
				tc.change(after)
				err := request.send(t, bob, before, after)
				if tc.refused != "" {
					wantRefused(t, err, tc.refused)
					return
				}
				wantTaken(t, err)
				asked := stored(t, after).Spec.MergeInto
				if by := tc.by; (asked == nil) != (by == "") || asked != nil && asked.RequestedBy != by {
					t.Errorf("%s: it is asked for by %+v, want %q", tc.reason, asked, by)
				}
			})
		}
	}
}

func TestAMergeIsStampedOnCreation(t *testing.T) {
	for _, user := range []string{alice, admin} {
		i := create(t, user, builders.Incident(namespace, uniqueName("inc"), mergeInto("other", "same", "mallory")))
		if got := stored(t, i).Spec.MergeInto.RequestedBy; got != user {
			t.Errorf("it is asked for by %q, want %q", got, user)
		}
	}
}
