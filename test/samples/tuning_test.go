package samples_test

import (
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
)

// What only Tocsin itself can tell of the tuning rules is right as well.
func TestTuningRulesMakeSense(t *testing.T) {
	seen := map[v1alpha1.TuningAction]bool{}
	for _, object := range objects(t, filepath.Join(folder(), "tuningrule.yaml")) {
		var r v1alpha1.TuningRule
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &r); err != nil {
			t.Fatal(err)
		}
		if err := convert.TuningRuleProblems(r.Spec); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		seen[r.Spec.Action] = true
	}
	if len(seen) != 3 {
		t.Errorf("the sample shows the actions %v, want all three", seen)
	}
}
