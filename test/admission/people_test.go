package admission_test

import (
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

var allKinds = []string{"alerts", "alertsources", "correlationpolicies", "incidents", "investigations", "playbooks", "remediations", "tuningrules"}

// rightsOf says, for each role, which verbs it has on which kinds beside get,
// list and watch.
var rightsOf = map[string]map[string][]string{
	victor: {},
	alice: {
		"alerts": {"create", "update", "patch"}, "incidents": {"create", "update", "patch"},
		"investigations": {"create", "update", "patch"}, "remediations": {"create", "update", "patch"},
	},
	carol: {"remediations": {"update", "patch", "approve"}},
	erin: {
		"alertsources":        {"create", "update", "patch", "delete", "deletecollection"},
		"correlationpolicies": {"create", "update", "patch", "delete", "deletecollection"},
		"playbooks":           {"create", "update", "patch", "delete", "deletecollection"},
		"tuningrules":         {"create", "update", "patch", "delete", "deletecollection"},
	},
}

func TestRolesOfPeople(t *testing.T) {
	verbs := []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "approve", "automate", "ingest"}
	for user, rights := range rightsOf {
		for _, kind := range allKinds {
			for _, verb := range verbs {
				want := slices.Contains(rights[kind], verb)
				if verb == "get" || verb == "list" || verb == "watch" {
					want = user != erin || rights[kind] != nil
				}
				if got := may(t, user, namespace, verb, kind, ""); got != want {
					t.Errorf("%s may %s %s: %v, want %v", user, verb, kind, got, want)
				}
				if may(t, user, elsewhere, verb, kind, "") {
					t.Errorf("%s may %s %s in another tenant", user, verb, kind)
				}
			}
			if may(t, user, namespace, "update", kind, "status") || may(t, user, namespace, "patch", kind, "status") {
				t.Errorf("%s may write the status of %s", user, kind)
			}
		}
	}
}

// The roles say by their labels which of the cluster's own roles they are part
// of: whoever holds view sees, edit works and declares, admin decides.
func TestRolesAreAggregated(t *testing.T) {
	want := map[string]string{
		"tocsin-viewer": "view", "tocsin-responder": "edit", "tocsin-editor": "edit", "tocsin-approver": "admin",
	}
	roles := &rbacv1.ClusterRoleList{}
	if err := as(t, admin).List(t.Context(), roles); err != nil {
		t.Fatal(err)
	}
	const label = "rbac.authorization.k8s.io/aggregate-to-"
	seen := 0
	for _, role := range roles.Items {
		into, ours := want[role.Name]
		if !ours {
			continue
		}
		seen++
		for key, value := range role.Labels {
			if strings.HasPrefix(key, label) && (key != label+into || value != "true") {
				t.Errorf("%s has the label %s=%s, want %s", role.Name, key, value, into)
			}
		}
		if role.Labels[label+into] != "true" {
			t.Errorf("%s is not part of %s", role.Name, into)
		}
		for _, rule := range role.Rules {
			if slices.Contains(rule.Verbs, "*") || slices.Contains(rule.Resources, "*") || slices.Contains(rule.APIGroups, "*") {
				t.Errorf("%s has a wildcard: %v", role.Name, rule)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d roles exist", seen, len(want))
	}
}

func may(t *testing.T, user, in, verb, kind, subresource string) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: in, Verb: verb, Group: v1alpha1.GroupVersion.Group, Resource: kind, Subresource: subresource,
		},
	}}
	c := as(t, admin)
	if err := c.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}
