package admission_test

import (
	"context"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// unstampedCases are requests while the stamping policies are missing. The
// checks do not rely on them: a name that is not true is refused.
var unstampedCases = map[string]struct {
	send    func(*testing.T) error
	refused string
}{
	"a comment in another's name": {
		send: func(t *testing.T) error {
			return as(t, alice).Create(t.Context(), builders.Incident(namespace, uniqueName("inc"), func(i *v1alpha1.Incident) {
				i.Spec.Comments = []v1alpha1.Comment{forged("one")}
			}))
		},
		refused: `spec.comments: the author of a new comment is set by the API server and must be "alice". ` +
			"Leave author out; if that does not help, the policy stamp-comments.tocsin.dev is missing",
	},
	"a comment in nobody's name": {
		send: func(t *testing.T) error {
			return as(t, alice).Create(t.Context(), builders.Alert(namespace, uniqueName("alert"), func(a *v1alpha1.Alert) {
				a.Spec.Triage = &v1alpha1.AlertTriage{Comments: []v1alpha1.Comment{{Text: "one"}}}
			}))
		},
		refused: `spec.triage.comments: the author of a new comment is set by the API server and must be "alice"`,
	},
	"a remediation in another's name": {
		send: func(t *testing.T) error {
			return as(t, alice).Create(t.Context(), builders.Remediation(namespace, uniqueName("rem"), func(r *v1alpha1.Remediation) {
				r.Spec.RequestedBy = bob
			}))
		},
		refused: `spec.requestedBy: is set by the API server and must be "alice". ` +
			"Leave it out; if that does not help, the policy stamp-remediations.tocsin.dev is missing",
	},
	"a remediation in nobody's name": {
		send: func(t *testing.T) error {
			return as(t, alice).Create(t.Context(), builders.Remediation(namespace, uniqueName("rem")))
		},
		refused: `spec.requestedBy: is set by the API server and must be "alice"`,
	},
	"an undo in another's name": {
		send: func(t *testing.T) error {
			r := create(t, alice, builders.Remediation(namespace, uniqueName("rem"), requestedBy(alice)))
			r.Spec.Undo = &v1alpha1.UndoRequest{Reason: "false alarm", RequestedBy: alice}
			return as(t, bob).Update(t.Context(), r)
		},
		refused: `spec.undo.requestedBy: is set by the API server and must be "bob". ` +
			"Leave it out; if that does not help, the policy stamp-remediations.tocsin.dev is missing",
	},
	"a merge in another's name": {
		send: func(t *testing.T) error {
			return as(t, alice).Create(t.Context(), builders.Incident(namespace, uniqueName("inc"), mergeInto("other", "same", bob)))
		},
		refused: `spec.mergeInto.requestedBy: is set by the API server and must be "alice". ` +
			"Leave it out; if that does not help, the policy stamp-incident-merges.tocsin.dev is missing",
	},
	"a merge that becomes another's": {
		send: func(t *testing.T) error {
			i := create(t, alice, builders.Incident(namespace, uniqueName("inc"), mergeInto("other", "same", alice)))
			i.Spec.MergeInto.RequestedBy = bob
			return as(t, bob).Update(t.Context(), i)
		},
		refused: `spec.mergeInto.requestedBy: is set by the API server and must be "alice"`,
	},
	"a merge in one's own name": {
		send: func(t *testing.T) error {
			return as(t, alice).Create(t.Context(), builders.Incident(namespace, uniqueName("inc"), mergeInto("other", "same", alice)))
		},
	},
	"an approval in another's name": {
		send: func(t *testing.T) error {
			r := waiting(t, alice, uniqueName("rem"), requestedBy(alice))
			add(v1alpha1.Approval{Decision: approve, Digest: builders.Digest, Approver: carol})(r)
			return as(t, bob).Update(t.Context(), r)
		},
		refused: `spec.approvals: approver and groups of a new decision are set by the API server; the approver must be "bob". ` +
			"Leave both out; if that does not help, the policy stamp-remediations.tocsin.dev is missing",
	},
	"an approval in groups of one's own": {
		send: func(t *testing.T) error {
			r := waiting(t, alice, uniqueName("rem"), requestedBy(alice))
			add(v1alpha1.Approval{Decision: approve, Digest: builders.Digest, Approver: bob, Groups: []string{"system:masters"}})(r)
			return as(t, bob).Update(t.Context(), r)
		},
		refused: "spec.approvals: approver and groups of a new decision are set by the API server",
	},
	"true names": {
		send: func(t *testing.T) error {
			return as(t, alice).Create(t.Context(), builders.Remediation(namespace, uniqueName("rem"), requestedBy(alice)))
		},
	},
}

func requestedBy(user string) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) { r.Spec.RequestedBy = user }
}

func TestMissingStamps(t *testing.T) {
	withoutBindings(t, stampBindings(), func() {
		for name, tc := range unstampedCases {
			t.Run(name, func(t *testing.T) {
				if err := tc.send(t); tc.refused != "" {
					wantRefused(t, err, tc.refused)
				} else {
					wantTaken(t, err)
				}
			})
		}
	})
}

// withoutPolicies runs a function while no policy is in force.
func withoutPolicies(t *testing.T, do func()) {
	t.Helper()
	bindings := stampBindings()
	for _, name := range []string{"comments", "incident-merges", "remediation-requests", "remediation-approvals"} {
		b := &admissionv1.ValidatingAdmissionPolicyBinding{}
		b.Name = name + ".tocsin.dev"
		bindings = append(bindings, b)
	}
	withoutBindings(t, bindings, do)
}

func stampBindings() []client.Object {
	var bindings []client.Object
	for _, name := range []string{"stamp-comments", "stamp-incident-merges", "stamp-remediations"} {
		b := &admissionv1.MutatingAdmissionPolicyBinding{}
		b.Name = name + ".tocsin.dev"
		bindings = append(bindings, b)
	}
	return bindings
}

// withoutBindings takes bindings away, waits until that shows, runs a function,
// puts them back and waits until they are in force again.
func withoutBindings(t *testing.T, bindings []client.Object, do func()) {
	t.Helper()
	c := as(t, admin)
	for _, b := range bindings {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(b), b); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), b.DeepCopyObject().(client.Object)); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, b := range bindings {
			b.SetResourceVersion("")
			b.SetUID("")
			if err := c.Create(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if err := waitForPolicies(t.Context()); err != nil {
			t.Fatal(err)
		}
	}()
	if err := until(t.Context(), func() bool { return !inForce(t.Context(), c, bindings) }); err != nil {
		t.Fatal("the policies stay in force without their bindings")
	}
	do()
}

// inForce probes whether any of the bindings still shows.
func inForce(ctx context.Context, c client.Client, bindings []client.Object) bool {
	incident := builders.Incident(namespace, "probe-again", func(i *v1alpha1.Incident) {
		i.Spec.Comments = []v1alpha1.Comment{{Text: "probe", Author: "mallory"}}
	})
	merge := builders.Incident(namespace, "probe-again", mergeInto("other", "probe", "mallory"))
	remediation := builders.Remediation(namespace, "probe-again", requestedBy("mallory"))
	incidentError := c.Create(ctx, incident, client.DryRunAll)
	mergeError := c.Create(ctx, merge, client.DryRunAll)
	remediationError := c.Create(ctx, remediation, client.DryRunAll)
	if len(bindings) > len(stampBindings()) { // the checks too
		approved := builders.Remediation(namespace, "probe-again", approvedAtOnce)
		return incidentError != nil || incident.Spec.Comments[0].Author != "mallory" ||
			mergeError != nil || merge.Spec.MergeInto.RequestedBy != "mallory" ||
			remediationError != nil || remediation.Spec.RequestedBy != "mallory" ||
			c.Create(ctx, approved, client.DryRunAll) != nil
	}
	return incidentError == nil || mergeError == nil || remediationError == nil // no longer stamped: refused
}
