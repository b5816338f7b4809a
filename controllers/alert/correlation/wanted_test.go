package correlation_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// indexes are those of the cache, of a fake client.
type indexes struct{ *fake.ClientBuilder }

func (i indexes) IndexField(_ context.Context, obj client.Object, field string, of client.IndexerFunc) error {
	i.WithIndex(obj, field, of)
	return nil
}

// TestAMoveIsTriedAgain when the incident that a person named changes.
func TestAMoveIsTriedAgain(t *testing.T) {
	in := func(name string) func(*v1alpha1.Alert) {
		return func(a *v1alpha1.Alert) { a.Status.IncidentName = v1alpha1.LocalName(name) }
	}
	wanted := func(name string) func(*v1alpha1.Alert) {
		return func(a *v1alpha1.Alert) { a.Spec.Triage = &v1alpha1.AlertTriage{IncidentName: v1alpha1.LocalName(name)} }
	}
	builder := fake.NewClientBuilder().WithScheme(operator.Scheme()).WithObjects(
		builders.Alert("security", "member", in("named")),
		builders.Alert("security", "refused", in("own"), wanted("named")),
		builders.Alert("security", "stranger", in("own"), wanted("own")),
		builders.Alert("elsewhere", "namesake", in("own"), wanted("named")),
	)
	if err := kube.AddIndexes(t.Context(), indexes{builder}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range correlation.New(correlation.Deps{Client: builder.Build()}).Concerned(t.Context(), builders.Incident("security", "named")) {
		got = append(got, r.String())
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"security/member", "security/refused"}, got); diff != "" {
		t.Error(diff)
	}
}
