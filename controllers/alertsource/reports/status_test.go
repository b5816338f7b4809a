package reports

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// What an API server says where a right is missing, and what to give then.
func TestExplain(t *testing.T) {
	for name, tc := range map[string]struct {
		said       string
		namespaces []v1alpha1.LocalName
		want       string
	}{
		"Tocsin's rights end at the tenant": {
			`User "tocsin" cannot impersonate-on:serviceaccount:list resource "vulnerabilityreports" in API group "aquasecurity.github.io" in the namespace "shop"`,
			[]v1alpha1.LocalName{"shop", "till"},
			"the verbs impersonate-on:serviceaccount:list and impersonate-on:serviceaccount:watch on them in namespaces shop, till.",
		},
		"also where all namespaces are watched": {
			`User "tocsin" cannot impersonate-on:serviceaccount:watch resource "vulnerabilityreports" in API group "aquasecurity.github.io" at the cluster scope`,
			nil, "on them in all namespaces.",
		},
		"Tocsin may not act as the account": {
			`User "tocsin" cannot impersonate:serviceaccount resource "serviceaccounts" in API group "authentication.k8s.io" in the namespace "demo"`,
			nil, "a Role in namespace demo with the verb impersonate:serviceaccount on serviceaccounts.authentication.k8s.io of this name.",
		},
		"the account may not read": {
			`User "system:serviceaccount:demo:scanner" cannot list resource "vulnerabilityreports" in API group "aquasecurity.github.io" at the cluster scope`,
			nil, "Service account scanner may not list and watch vulnerabilityreports.aquasecurity.github.io.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := builders.AlertSource("demo", "scans", func(s *v1alpha1.AlertSource) {
				s.Spec.Type = v1alpha1.AlertSourceTrivyOperator
				s.Spec.Watch = &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner", Namespaces: tc.namespaces}
			})
			w := newWatch(t.Context(), from, nil, clock.RealClock{}, nil)
			err := apierrors.NewForbidden(schema.GroupResource{Group: w.kinds[0].Group, Resource: w.kinds[0].Resource}, "", errors.New(tc.said))
			reason, message := w.explain(from, w.kinds[0], err)
			if reason != "ReportsForbidden" || !strings.Contains(message, tc.want) {
				t.Errorf("%s: %s", reason, message)
			}
		})
	}
}
