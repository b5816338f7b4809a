package admission_test

import (
	"testing"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

const needsAutomate = `spec.approval: Automatic needs the verb "automate" on remediations.tocsin.dev in namespace ` + namespace + `, which user "`

func TestRequesterIsStamped(t *testing.T) {
	for _, user := range []string{alice, bob, admin, operator, playbook} {
		for name, claimed := range map[string]string{"left out": "", "another": "mallory", "oneself": user} {
			t.Run(user+"/"+name, func(t *testing.T) {
				r := create(t, user, builders.Remediation(namespace, uniqueName("rem"), func(r *v1alpha1.Remediation) {
					r.Spec.RequestedBy = claimed
				}))
				if got := stored(t, r).Spec.RequestedBy; got != user {
					t.Errorf("requestedBy is %q, want %q", got, user)
				}
			})
		}
	}
}

func TestUndoIsStamped(t *testing.T) {
	for _, request := range requests {
		for name, claimed := range map[string]string{"left out": "", "another": "mallory"} {
			t.Run(request.name+"/"+name, func(t *testing.T) {
				before := waiting(t, alice, uniqueName("rem"))
				after := before.DeepCopy()
				after.Spec.Undo = &v1alpha1.UndoRequest{Reason: "false alarm", RequestedBy: claimed}
				wantTaken(t, request.send(t, bob, before, after))
				if got := after.Spec.Undo.RequestedBy; got != bob {
					t.Errorf("undo.requestedBy is %q, want bob", got)
				}
				if got := after.Spec.RequestedBy; got != alice {
					t.Errorf("requestedBy is %q, want alice", got)
				}

				again := after.DeepCopy()
				again.Spec.Undo.RequestedBy = ""
				wantTaken(t, request.send(t, carol, after, again))
				if got := stored(t, again).Spec.Undo.RequestedBy; got != bob {
					t.Errorf("undo.requestedBy is %q after another update, want bob", got)
				}

				stolen := again.DeepCopy()
				stolen.Spec.Undo.RequestedBy = carol
				wantRefused(t, as(t, carol).Update(t.Context(), stolen), "undo cannot be changed or taken back")
			})
		}
	}
}

func TestUndoOnCreationIsStamped(t *testing.T) {
	r := create(t, alice, builders.Remediation(namespace, uniqueName("rem"), func(r *v1alpha1.Remediation) {
		r.Spec.Undo = &v1alpha1.UndoRequest{Reason: "never mind", RequestedBy: "mallory"}
	}))
	if got := r.Spec.Undo.RequestedBy; got != alice {
		t.Errorf("undo.requestedBy is %q, want alice", got)
	}
}

// automaticCases ask for remediations that wait for nobody.
var automaticCases = map[string]struct {
	reason  string
	user    string
	refused string
}{
	"Tocsin":                   {reason: "it holds the verb", user: operator},
	"cluster-admin":            {reason: "holds every verb", user: admin},
	"a responder":              {reason: "does not hold it", user: alice, refused: needsAutomate + alice},
	"an approver":              {reason: "to approve is another right", user: bob, refused: needsAutomate + bob},
	"a playbook's own account": {reason: "a playbook does not lift the gate itself", user: playbook, refused: needsAutomate + playbook},
}

func TestAutomatic(t *testing.T) {
	for name, tc := range automaticCases {
		t.Run(name, func(t *testing.T) {
			r := builders.Remediation(namespace, uniqueName("rem"), automatic)
			err := as(t, tc.user).Create(t.Context(), r)
			if tc.refused != "" {
				wantRefused(t, err, tc.refused)
				return
			}
			wantTaken(t, err)
			if r.Spec.RequestedBy != tc.user {
				t.Errorf("%s: requestedBy is %q, want %q", tc.reason, r.Spec.RequestedBy, tc.user)
			}
		})
	}
}

// The verb in one tenant is worth nothing in another, and a remediation that
// waits is not made automatic later.
func TestAutomaticStaysInItsTenant(t *testing.T) {
	r := builders.Remediation(elsewhere, uniqueName("rem"), automatic)
	wantRefused(t, as(t, operator).Create(t.Context(), r), "remediations.tocsin.dev")

	r = waiting(t, alice, uniqueName("rem"))
	r.Spec.Approval = v1alpha1.ApprovalAutomatic
	wantRefused(t, as(t, operator).Update(t.Context(), r), "approval is immutable")
}

// A generated name is not known yet when the verb is asked for.
func TestAutomaticWithGeneratedName(t *testing.T) {
	for user, refused := range map[string]string{operator: "", alice: needsAutomate} {
		r := builders.Remediation(namespace, "", automatic)
		r.GenerateName = "isolate-"
		if err := as(t, user).Create(t.Context(), r); refused != "" {
			wantRefused(t, err, refused)
		} else {
			wantTaken(t, err)
		}
	}
}
