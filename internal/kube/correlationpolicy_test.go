package kube_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// policy was made that many minutes after the first; a generation of 0 was never valid.
func policy(namespace, name string, minutes int, generation int64) *v1alpha1.CorrelationPolicy {
	return builders.CorrelationPolicy(namespace, name, func(p *v1alpha1.CorrelationPolicy) {
		p.UID = types.UID(namespace + "/" + name)
		p.CreationTimestamp = metav1.NewTime(builders.Time.Add(time.Duration(minutes) * time.Minute))
		p.Spec.JoinBits = ptr.To[int32](1)
		if generation > 0 {
			p.Status.InForce = &v1alpha1.CorrelationPolicyInForce{
				Generation: &generation, CorrelationSettings: v1alpha1.CorrelationSettings{JoinBits: ptr.To[int32](7)},
			}
		}
	})
}

func TestCorrelationOf(t *testing.T) {
	for name, tc := range map[string]struct {
		reason   string
		policies []*v1alpha1.CorrelationPolicy
		want     string
	}{
		"none":               {"the defaults hold", nil, ""},
		"never valid":        {"it was not accepted", []*v1alpha1.CorrelationPolicy{policy("soc", "a", 0, 0)}, ""},
		"one":                {"it was accepted", []*v1alpha1.CorrelationPolicy{policy("soc", "a", 0, 3)}, "a"},
		"two":                {"the older counts", []*v1alpha1.CorrelationPolicy{policy("soc", "a", 1, 3), policy("soc", "b", 0, 1)}, "b"},
		"two of one second":  {"the first by name", []*v1alpha1.CorrelationPolicy{policy("soc", "b", 0, 3), policy("soc", "a", 0, 1)}, "a"},
		"older, never valid": {"only what was ever valid counts", []*v1alpha1.CorrelationPolicy{policy("soc", "a", 0, 0), policy("soc", "b", 1, 1)}, "b"},
		"another namespace":  {"a namespace is a tenant", []*v1alpha1.CorrelationPolicy{policy("other", "a", 0, 1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // in either order
				slices.Reverse(tc.policies)
				scheme := runtime.NewScheme()
				if err := v1alpha1.AddToScheme(scheme); err != nil {
					t.Fatal(err)
				}
				builder := fake.NewClientBuilder().WithScheme(scheme)
				var items []v1alpha1.CorrelationPolicy
				var want kube.CorrelationInForce
				for _, p := range tc.policies {
					builder.WithObjects(client.Object(p.DeepCopy()))
					items = append(items, *p)
					if p.Name == tc.want {
						version := kube.CorrelationVersion{UID: p.UID, Generation: *p.Status.InForce.Generation}
						want = kube.CorrelationInForce{CorrelationVersion: version, Settings: p.Status.InForce.CorrelationSettings}
					}
				}
				got, err := kube.CorrelationOf(t.Context(), builder.Build(), "soc")
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s: %v %s", tc.reason, err, diff)
				}
				if tc.want != "" && kube.CorrelationPolicyInUse(items).Name != tc.want {
					t.Errorf("%s: got %s", tc.reason, kube.CorrelationPolicyInUse(items).Name)
				}
			}
		})
	}
}
