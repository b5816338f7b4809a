package e2e_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/test/environment"
	"github.com/tocsin-dev/tocsin/test/story"
)

// right is one verb on one resource.
type right struct{ verb, group, resource string }

// rights asserts that nothing was refused, and tells which rights the story did
// not need.
func rights(t *testing.T, w *story.World) {
	used := map[right]int{}
	for _, e := range requests(t, auditLog(t, w)) {
		used[rightOf(e)]++
		if e.ResponseStatus != nil && e.ResponseStatus.Code == 403 {
			t.Errorf("refused: %s %s in namespace %q: %s", e.Verb, resource(e), e.ObjectRef.Namespace, e.ResponseStatus.Message)
		}
	}
	if len(used) == 0 {
		t.Fatal("the audit log has none of Tocsin's requests; start the cluster with --audit-tocsin")
	}
	unused := granted(t)
	// The admission policies ask for these when Tocsin creates an alert or a remediation.
	delete(unused, right{"ingest", "tocsin.dev", "alerts"})
	delete(unused, right{"automate", "tocsin.dev", "remediations"})
	for r := range used {
		delete(unused, r)
	}
	for _, r := range slices.SortedFunc(maps.Keys(unused), right.compare) {
		t.Logf("granted, but not needed by this story: %s %s.%s", r.verb, r.resource, r.group)
	}
}

// rightOf is the right that a request needs of Tocsin itself: what it does as
// another needs only the right to do that as another.
func rightOf(e auditv1.Event) right {
	r := right{e.Verb, e.ObjectRef.APIGroup, resource(e)}
	if e.ImpersonatedUser != nil {
		r.verb = "impersonate-on:serviceaccount:" + r.verb
	}
	return r
}

// granted are the rights that the code declares.
func granted(t *testing.T) map[right]bool {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(environment.Root(), "config", "rbac", "role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.Unmarshal(content, &role); err != nil {
		t.Fatal(err)
	}
	found := map[right]bool{}
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					found[right{verb, group, resource}] = true
				}
			}
		}
	}
	return found
}

func (r right) compare(other right) int {
	return slices.Compare([]string{r.group, r.resource, r.verb}, []string{other.group, other.resource, other.verb})
}
