package tuningrule

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// at is when rules are created, one a second after the other.
var at = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func rule(namespace, name string, age int, expression string) *v1alpha1.TuningRule {
	return &v1alpha1.TuningRule{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(namespace + name), Generation: 1,
			CreationTimestamp: metav1.NewTime(at.Add(-time.Duration(age) * time.Second)),
		},
		Spec: v1alpha1.TuningRuleSpec{Match: v1alpha1.TuningMatch{Expression: expression}, Action: v1alpha1.TuningHide, Reason: "Noise"},
	}
}

func reader(t *testing.T, rules ...*v1alpha1.TuningRule) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for _, r := range rules {
		builder.WithObjects(r)
	}
	return builder.Build()
}

func names(t *testing.T, r *Rules, tenant string) []string {
	t.Helper()
	set, err := r.Of(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, rule := range set.Rules() {
		out = append(out, rule.Name)
	}
	return out
}

const every = "alert.title != ''"

func TestOf(t *testing.T) {
	r := New(reader(t, rule("soc", "b", 1, every), rule("soc", "a", 0, every), rule("soc", "broken", 9, "alert.renamed == 'x'"), rule("other", "c", 0, every)))
	for tenant, want := range map[string][]string{"soc": {"a", "b"}, "other": {"c"}, "none": nil} {
		for range 2 {
			if diff := cmp.Diff(want, names(t, r, tenant)); diff != "" {
				t.Errorf("%s: %s", tenant, diff)
			}
		}
	}
}

// Of too many the oldest hold: who adds one puts none out of force.
func TestTooManyRules(t *testing.T) {
	var rules []*v1alpha1.TuningRule
	for i := range tuning.MaxRules + 2 {
		rules = append(rules, rule("soc", fmt.Sprintf("r%03d", i), i, fmt.Sprintf("alert.title == '%d'", i)))
	}
	got := names(t, New(reader(t, rules...)), "soc")
	if len(got) != tuning.MaxRules || got[0] != "r002" {
		t.Errorf("%d rules hold, the first is %s", len(got), got[0])
	}
}

// A rule that waits for its finalizers to go holds no more: nobody would release
// what it hid after that.
func TestDeletedRule(t *testing.T) {
	held := rule("soc", "a", 1, every)
	held.Finalizers = []string{"tocsin.dev/release-hidden-alerts"}
	c := reader(t, held, rule("soc", "b", 0, every))
	r := New(c)
	names(t, r, "soc")
	if err := c.Delete(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b"}, names(t, r, "soc")); diff != "" {
		t.Error(diff)
	}
}

// A rule is compiled once for each version of it; what is gone is not kept.
func TestCompiledOnceForEachVersion(t *testing.T) {
	c := reader(t, rule("soc", "a", 2, every), rule("soc", "b", 1, every))
	r := New(c)
	names(t, r, "soc")
	kept := func() compiled {
		known, _ := r.compiled.Get("soc")
		return known.(compiled)
	}
	first := kept()
	names(t, r, "soc")
	if again := kept(); again.set != first.set {
		t.Error("the same rules were put together anew")
	}
	changed := &v1alpha1.TuningRule{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "soc", Name: "b"}, changed); err != nil {
		t.Fatal(err)
	}
	changed.Generation, changed.Spec.Match.Expression = 2, "alert.renamed == 'x'"
	if err := c.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, names(t, r, "soc")); diff != "" {
		t.Error(diff)
	}
	second, a := kept(), version{"soca", 1}
	if len(second.ready) != 2 || second.ready[a] == nil || second.ready[a] != first.ready[a] {
		t.Errorf("%v is kept after %v", second.ready, first.ready)
	}
	if err := c.DeleteAllOf(t.Context(), changed, client.InNamespace("soc")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, r, "soc"); got != nil {
		t.Errorf("deleted rules hold: %v", got)
	}
}

// Of more tenants than are kept compiled each has its own rules, also those that
// were dropped, and a rule that changed meanwhile holds as it is.
func TestMoreTenantsThanAreKept(t *testing.T) {
	const tenants = maxTenants + 3
	var rules []*v1alpha1.TuningRule
	for i := range tenants {
		rules = append(rules, rule(fmt.Sprintf("t%03d", i), fmt.Sprintf("r%03d", i), 0, every))
	}
	c := reader(t, rules...)
	r := New(c)
	for range 2 { // In turn: the second time none is kept that is asked for.
		for i := range tenants {
			if diff := cmp.Diff([]string{fmt.Sprintf("r%03d", i)}, names(t, r, fmt.Sprintf("t%03d", i))); diff != "" {
				t.Fatalf("tenant %d: %s", i, diff)
			}
		}
	}
	if n := r.compiled.Len(); n != maxTenants {
		t.Errorf("the rules of %d tenants are kept, want %d", n, maxTenants)
	}
	if _, kept := r.compiled.Get("t000"); kept {
		t.Fatal("the first tenant is kept: none was dropped")
	}
	if err := c.Create(t.Context(), rule("t000", "added", 1, every)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"added", "r000"}, names(t, r, "t000")); diff != "" {
		t.Errorf("after a change: %s", diff)
	}
}

func TestRulesThatCannotBeRead(t *testing.T) {
	away := errors.New("away")
	r := New(interceptor.NewClient(reader(t), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return away },
	}))
	if _, err := r.Of(t.Context(), "soc"); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}
