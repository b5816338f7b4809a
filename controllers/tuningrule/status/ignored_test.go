package status

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// Of too many rules the newest are ignored.
func TestIgnored(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	var rules []*v1alpha1.TuningRule
	for i := range tuning.MaxRules + 1 {
		rules = append(rules, builders.TuningRule("soc", fmt.Sprint("r", i), func(r *v1alpha1.TuningRule) {
			r.UID, r.CreationTimestamp = types.UID(r.Name), metav1.NewTime(builders.Time.Add(time.Duration(i)*time.Second))
		}))
		builder.WithObjects(rules[i])
	}
	ctl := New(Deps{Client: builder.Build()})
	for i, want := range map[int]bool{0: false, tuning.MaxRules - 1: false, tuning.MaxRules: true} {
		if got, err := ctl.ignored(t.Context(), rules[i]); got != want || err != nil {
			t.Errorf("rule %d is ignored: %t, %v", i, got, err)
		}
	}
	if got, err := ctl.ignored(t.Context(), builders.TuningRule("elsewhere", "r")); got || err != nil {
		t.Errorf("a rule of another namespace is ignored: %t, %v", got, err)
	}
}
