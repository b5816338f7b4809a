package kube_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// redirected is a client that knows incidents with the redirects given.
func redirected(t *testing.T, redirects map[string]string) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).
		WithIndex(&v1alpha1.Incident{}, kube.IndexIncidentRedirectedTo, func(obj client.Object) []string {
			inc, _ := obj.(*v1alpha1.Incident)
			return []string{string(inc.Status.RedirectedTo)}
		})
	for name, to := range redirects {
		builder.WithObjects(builders.Incident("security", name, func(i *v1alpha1.Incident) { i.Status.RedirectedTo = v1alpha1.LocalName(to) }))
	}
	return builder.Build()
}

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "security", Name: name}
}

func TestMerges(t *testing.T) {
	crowd := map[string]string{"hub": ""}
	for i := range 300 {
		crowd[fmt.Sprint("spoke-", i)] = "hub"
	}
	cases := map[string]struct {
		redirects map[string]string
		of        string
		merged    int
		survivor  string
	}{
		"alone":                          {map[string]string{"a": ""}, "a", 1, "a"},
		"not there yet":                  {nil, "a", 1, "a"},
		"the survivor of a chain":        {map[string]string{"a": "b", "b": "c", "c": ""}, "c", 3, "c"},
		"the first of a chain":           {map[string]string{"a": "b", "b": "c", "c": ""}, "a", 1, "c"},
		"several at once":                {map[string]string{"a": "c", "b": "c", "c": ""}, "c", 3, "c"},
		"a circle that must not be":      {map[string]string{"a": "b", "b": "a"}, "a", 2, "a"},
		"the same from elsewhere":        {map[string]string{"a": "b", "b": "a"}, "b", 2, "a"},
		"what leads into a circle":       {map[string]string{"a": "c", "b": "c", "c": "d", "d": "b"}, "a", 1, "b"},
		"more than can be looked at":     {crowd, "hub", 256, "hub"},
		"into one that does not exist":   {map[string]string{"a": "b"}, "a", 1, "b"},
		"another incident is left alone": {map[string]string{"a": "", "x": "y", "y": ""}, "a", 1, "a"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := redirected(t, tc.redirects)
			names, err := kube.WithMerged(t.Context(), c, key(tc.of))
			if err != nil || len(names) != tc.merged || names[0] != tc.of {
				t.Errorf("got %v (%v), want %d, itself first", names, err, tc.merged)
			}
			if unique := slices.Compact(slices.Sorted(slices.Values(names))); len(unique) != len(names) {
				t.Errorf("some are named twice: %v", names)
			}
			survivor, err := kube.Survivor(t.Context(), c, key(tc.of))
			if diff := cmp.Diff(key(tc.survivor), survivor); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}
