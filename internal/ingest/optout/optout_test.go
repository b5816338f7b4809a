package optout

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// policy has the opt-outs in force, and a spec that says something else.
func policy(name string, generation int64, inForce ...v1alpha1.CorrelationOptOut) *v1alpha1.CorrelationPolicy {
	return builders.CorrelationPolicy("soc", name, func(p *v1alpha1.CorrelationPolicy) {
		p.UID, p.CreationTimestamp = types.UID(name), metav1.NewTime(builders.Time)
		p.Spec.OptOuts = []v1alpha1.CorrelationOptOut{{Name: "edited", Match: "alert.severity == 'High'"}}
		for i := range inForce {
			inForce[i].Name = fmt.Sprint("opt-out-", i)
		}
		p.Status.InForce = &v1alpha1.CorrelationPolicyInForce{
			Generation: &generation, CorrelationSettings: v1alpha1.CorrelationSettings{OptOuts: inForce},
		}
	})
}

func reader(t *testing.T, policies ...*v1alpha1.CorrelationPolicy) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for _, p := range policies {
		builder.WithObjects(p)
	}
	return builder.Build()
}

func TestOptedOut(t *testing.T) {
	entities := []model.Entity{{Key: model.Key{Kind: model.KindNamespace, Name: "staging"}}}
	bySource := policy("ours", 1, v1alpha1.CorrelationOptOut{AlertSources: []v1alpha1.LocalName{"scanner"}})
	byRule := policy("ours", 1, v1alpha1.CorrelationOptOut{Rules: []string{"Drift"}})
	byExpression := policy("ours", 1, v1alpha1.CorrelationOptOut{Match: "alert.entities.exists(e, e.kind == 'Namespace' && e.name == 'staging')"})
	failing := policy("ours", 1, v1alpha1.CorrelationOptOut{Match: "alert.entities[0].name == 'staging'"})
	broken := policy("ours", 1, v1alpha1.CorrelationOptOut{Match: "alert.renamed == 'x'"})
	younger := policy("younger", 1, v1alpha1.CorrelationOptOut{Rules: []string{"Shell"}})
	younger.CreationTimestamp = metav1.NewTime(builders.Time.Add(time.Hour))
	for name, tc := range map[string]struct {
		reason   string
		policies []*v1alpha1.CorrelationPolicy
		tenant   string
		alert    model.Alert
		want     bool
	}{
		"no policy":              {"nothing is kept out", nil, "soc", model.Alert{Rule: "Drift"}, false},
		"source":                 {"that source", []*v1alpha1.CorrelationPolicy{bySource}, "soc", model.Alert{Source: "scanner"}, true},
		"another source":         {"not that source", []*v1alpha1.CorrelationPolicy{bySource}, "soc", model.Alert{Source: "falco"}, false},
		"rule":                   {"that rule", []*v1alpha1.CorrelationPolicy{byRule}, "soc", model.Alert{Rule: "Drift"}, true},
		"another rule":           {"not that rule", []*v1alpha1.CorrelationPolicy{byRule}, "soc", model.Alert{Rule: "Shell"}, false},
		"expression":             {"it holds", []*v1alpha1.CorrelationPolicy{byExpression}, "soc", model.Alert{Entities: entities}, true},
		"expression, not so":     {"it does not hold", []*v1alpha1.CorrelationPolicy{byExpression}, "soc", model.Alert{}, false},
		"another tenant":         {"a namespace is a tenant", []*v1alpha1.CorrelationPolicy{byRule}, "other", model.Alert{Rule: "Drift"}, false},
		"edited, not accepted":   {"what is in force counts", []*v1alpha1.CorrelationPolicy{byRule}, "soc", model.Alert{Rule: "Shell", Severity: model.SeverityHigh}, false},
		"of a policy not in use": {"the oldest counts", []*v1alpha1.CorrelationPolicy{byRule, younger}, "soc", model.Alert{Rule: "Shell"}, false},
		"fails on the alert":     {"it does not match", []*v1alpha1.CorrelationPolicy{failing}, "soc", model.Alert{}, false},
		"does not compile":       {"none is applied", []*v1alpha1.CorrelationPolicy{broken}, "soc", model.Alert{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(reader(t, tc.policies...))
			for range 2 {
				got, err := p.OptedOut(t.Context(), tc.tenant, tc.alert)
				if err != nil || got != tc.want {
					t.Errorf("%s: got %t, %v", tc.reason, got, err)
				}
			}
		})
	}
}

// counted is how many failures the metric tells of.
func counted(t *testing.T) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tocsin_drain_opt_out_failures_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("there is no such metric")
	return 0
}

func TestFailuresAreCounted(t *testing.T) {
	before := counted(t)
	p := New(reader(t, policy("ours", 1, v1alpha1.CorrelationOptOut{Match: "alert.entities[0].name == 'x'"}, v1alpha1.CorrelationOptOut{Rules: []string{"Drift"}})))
	if got, err := p.OptedOut(t.Context(), "soc", model.Alert{Rule: "Drift"}); !got || err != nil {
		t.Errorf("the opt-outs after one that fails are not looked at: %t, %v", got, err)
	}
	if got := counted(t) - before; got != 1 {
		t.Errorf("%v failures are counted, want 1", got)
	}
}

// Another version in force is another set; many policies do not fill the memory.
func TestCompiledOnceForEachVersion(t *testing.T) {
	c := reader(t, policy("ours", 1, v1alpha1.CorrelationOptOut{Rules: []string{"Drift"}}))
	p := New(c)
	drift := model.Alert{Rule: "Drift"}
	if got, err := p.OptedOut(t.Context(), "soc", drift); !got || err != nil {
		t.Fatal(got, err)
	}
	var first v1alpha1.CorrelationPolicy
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "soc", Name: "ours"}, &first); err != nil {
		t.Fatal(err)
	}
	first.Status.InForce = policy("ours", 2, v1alpha1.CorrelationOptOut{Rules: []string{"Shell"}}).Status.InForce
	if err := c.Update(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	if got, err := p.OptedOut(t.Context(), "soc", drift); got || err != nil {
		t.Errorf("the version before is still applied: %t, %v", got, err)
	}
	for i := range 3 * maxCompiled {
		first.Status.InForce.Generation = ptr.To(int64(i + 3))
		if err := c.Update(t.Context(), &first); err != nil {
			t.Fatal(err)
		}
		if _, err := p.OptedOut(t.Context(), "soc", drift); err != nil {
			t.Fatal(err)
		}
	}
	if p.compiled.Len() > maxCompiled {
		t.Errorf("%d are kept", p.compiled.Len())
	}
}

func TestPoliciesThatCannotBeRead(t *testing.T) {
	away := errors.New("away")
	p := New(interceptor.NewClient(reader(t), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return away },
	}))
	if _, err := p.OptedOut(t.Context(), "soc", model.Alert{}); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}
