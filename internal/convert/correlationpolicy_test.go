package convert

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

type settings = v1alpha1.CorrelationSettings

// schemaOfSettings is what the API server knows of spec, and of status.inForce.
func schemaOfSettings(t *testing.T) (spec, inForce apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	raw, err := os.ReadFile("../../config/crd/tocsin.dev_correlationpolicies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(raw, &crd); err != nil {
		t.Fatal(err)
	}
	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	return root.Properties["spec"], root.Properties["status"].Properties["inForce"]
}

// The API server's defaults, ours and the engine's are the same.
func TestDefaultsOfTheAPIAreTheEngines(t *testing.T) {
	spec, inForce := schemaOfSettings(t)
	for name, schema := range map[string]apiextensionsv1.JSONSchemaProps{"spec": spec, "inForce": inForce} {
		defaults := map[string]json.RawMessage{}
		for field, s := range schema.Properties {
			if s.Default != nil {
				defaults[field] = s.Default.Raw
			}
		}
		raw, err := json.Marshal(defaults)
		if err != nil {
			t.Fatal(err)
		}
		var said settings
		if err := yaml.UnmarshalStrict(raw, &said); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(CorrelationInForce(0, settings{}).CorrelationSettings, said); diff != "" {
			t.Errorf("%s, ours and the API server's: %s", name, diff)
		}
		if diff := cmp.Diff(correlation.DefaultPolicy(), CorrelationPolicy(said)); diff != "" {
			t.Errorf("%s, the engine's and the API server's: %s", name, diff)
		}
	}
}

func TestDocumentedWeightsAreTheEngines(t *testing.T) {
	spec, _ := schemaOfSettings(t)
	text := strings.Join(strings.Fields(spec.Properties["weights"].Description), " ")
	_, list, found := strings.Cut(text, "built-in weight: ")
	if !found {
		t.Fatal(text)
	}
	documented := map[model.EntityKind]int{}
	for _, group := range regexp.MustCompile(`(\d+) for ([^;.]+)[;.]`).FindAllStringSubmatch(list, -1) {
		for _, kind := range strings.Split(strings.ReplaceAll(group[2], " and ", ", "), ", ") {
			documented[model.EntityKind(kind)], _ = strconv.Atoi(group[1])
		}
	}
	weights := correlation.DefaultPolicy().Weights
	weights[model.KindCluster] = 0
	if diff := cmp.Diff(weights, documented); diff != "" {
		t.Error(diff)
	}
	kinds := spec.Properties["weights"].Items.Schema.Properties["kind"].Enum
	if len(kinds) != len(documented) {
		t.Errorf("%d kinds have a weight, there are %d", len(documented), len(kinds))
	}
}

func TestCorrelationPolicy(t *testing.T) {
	got := CorrelationPolicy(settings{
		JoinBits: ptr.To[int32](7), MergeBits: ptr.To[int32](9), RoutineBits: ptr.To[int32](0), Merge: v1alpha1.MergeDisabled,
		WindowSeconds: ptr.To[int32](120), ProximateWindowSeconds: ptr.To[int32](0),
		HubIncidents: ptr.To[int32](2), MaxAlerts: ptr.To[int32](3), MaxEntities: ptr.To[int32](4),
		Weights: []v1alpha1.EntityWeight{{Kind: "Pod", Bits: ptr.To[int32](0)}, {Kind: "Cluster", Bits: ptr.To[int32](32)}},
	})
	want := correlation.DefaultPolicy()
	want.Weights[model.KindPod], want.Weights[model.KindCluster] = 0, 32
	want.JoinBits, want.MergeBits, want.RoutineBits, want.Merge = 7, 9, 0, false
	want.Window, want.ProximateWindow = 2*time.Minute, 0
	want.HubIncidents, want.MaxAlerts, want.MaxEntities = 2, 3, 4
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// nothing is every kind of entity, worth nothing.
func nothing() []v1alpha1.EntityWeight {
	out := []v1alpha1.EntityWeight{{Kind: "Cluster", Bits: ptr.To[int32](0)}}
	for kind := range correlation.DefaultPolicy().Weights {
		out = append(out, v1alpha1.EntityWeight{Kind: v1alpha1.EntityKind(kind), Bits: ptr.To[int32](0)})
	}
	return out
}

func TestCorrelationProblems(t *testing.T) {
	n := ptr.To[int32]
	weight := func(kind string, bits *int32) settings {
		return settings{Weights: []v1alpha1.EntityWeight{{Kind: v1alpha1.EntityKind(kind), Bits: bits}}}
	}
	optOut := func(o v1alpha1.CorrelationOptOut) settings {
		o.Name = "staging"
		return settings{OptOuts: []v1alpha1.CorrelationOptOut{o}}
	}
	for name, tc := range map[string]struct {
		settings settings
		want     string
	}{
		"nothing said":                 {settings{}, ""},
		"join by time alone":           {settings{Weights: nothing()}, ""},
		"opt-outs":                     {optOut(v1alpha1.CorrelationOptOut{AlertSources: []v1alpha1.LocalName{"falco"}, Rules: []string{"r"}, Match: "alert.title == 'x'"}), ""},
		"nothing can join":             {settings{Weights: nothing(), ProximateWindowSeconds: n(0)}, "weights: all are 0 and proximateWindowSeconds is 0, so that nothing could ever join an incident"},
		"joinBits":                     {settings{JoinBits: n(0)}, "joinBits: must be between 1 and 32, is 0"},
		"mergeBits":                    {settings{MergeBits: n(5)}, "mergeBits: must be between joinBits (6) and 64, is 5"},
		"routineBits":                  {settings{RoutineBits: n(7)}, "routineBits: must be between 0 and joinBits (6), is 7"},
		"merge":                        {settings{Merge: "disabled"}, `merge: must be Enabled or Disabled, is "disabled"`},
		"windowSeconds":                {settings{WindowSeconds: n(59)}, "windowSeconds: must be between 60 and 2592000, is 59"},
		"proximateWindowSeconds":       {settings{WindowSeconds: n(60)}, "proximateWindowSeconds: must be between 0 and windowSeconds (60), and at most 86400, is 180"},
		"hubIncidents":                 {settings{HubIncidents: n(1)}, "hubIncidents: must be between 2 and 1024, is 1"},
		"maxAlerts":                    {settings{MaxAlerts: n(10_001)}, "maxAlerts: must be between 2 and 10000, is 10001"},
		"maxEntities":                  {settings{MaxEntities: n(65)}, "maxEntities: must be between 1 and 64, is 65"},
		"weight too high":              {weight("Pod", n(33)), "weights[Pod]: must be between 0 and 32, is 33"},
		"weight missing":               {weight("Pod", nil), "weights[Pod].bits: is missing"},
		"kind unknown":                 {weight("pod", n(1)), "weights[pod].kind: there is no such kind of entity"},
		"kind twice":                   {settings{Weights: []v1alpha1.EntityWeight{{Kind: "Pod", Bits: n(1)}, {Kind: "Pod", Bits: n(2)}}}, "weights[Pod].kind: is used twice"},
		"opt-out of everything":        {optOut(v1alpha1.CorrelationOptOut{}), "optOuts[staging].match: give at least one of alertSources, rules and match: every alert would be meant"},
		"opt-out by a constant":        {optOut(v1alpha1.CorrelationOptOut{Match: "true"}), "optOuts[staging].match: comes out the same whatever the alert is: name a field of alert, such as alert.service == 'falco'"},
		"opt-out that does not parse":  {optOut(v1alpha1.CorrelationOptOut{Match: "alert.sevice == 'x'"}), "optOuts[staging].match: line 1, column 6: undefined field 'sevice'"},
		"two problems in one go":       {settings{Merge: "No", JoinBits: n(33)}, "merge: must be Enabled or Disabled, is \"No\"\njoinBits: must be between 1 and 32, is 33"},
		"all limits at their far ends": {settings{JoinBits: n(32), MergeBits: n(64), RoutineBits: n(32), WindowSeconds: n(2592000), ProximateWindowSeconds: n(86400), HubIncidents: n(1024), MaxAlerts: n(10_000), MaxEntities: n(64)}, ""},
		"all limits at their near end": {settings{JoinBits: n(1), MergeBits: n(1), RoutineBits: n(0), WindowSeconds: n(60), ProximateWindowSeconds: n(0), HubIncidents: n(2), MaxAlerts: n(2), MaxEntities: n(1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := CorrelationProblems(tc.settings); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOptOuts(t *testing.T) {
	set, err := OptOuts(settings{OptOuts: []v1alpha1.CorrelationOptOut{
		{Name: "by-both", AlertSources: []v1alpha1.LocalName{"audit"}, Rules: []string{"pod-exec"}},
		{Name: "by-expression", Match: "alert.severity == 'Low'"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]model.Alert{
		"by-both":       {Source: "audit", Rule: "pod-exec"},
		"by-expression": {Source: "audit", Rule: "other", Severity: model.SeverityLow},
		"":              {Source: "audit", Rule: "other", Severity: model.SeverityHigh},
	} {
		if got, _, err := set.Find(a); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

// What is in force says everything, and means the same as the spec.
func TestCorrelationInForce(t *testing.T) {
	said := settings{
		JoinBits: ptr.To[int32](7),
		Weights:  []v1alpha1.EntityWeight{{Kind: "User", Bits: ptr.To[int32](1)}, {Kind: "Pod", Bits: ptr.To[int32](2)}},
		OptOuts:  []v1alpha1.CorrelationOptOut{{Name: "b", Rules: []string{"2", "1"}}},
	}
	before := said.DeepCopy()
	got := CorrelationInForce(3, said)
	if diff := cmp.Diff(before, &said); diff != "" {
		t.Errorf("the spec is changed: %s", diff)
	}
	want := said.DeepCopy()
	n := ptr.To[int32]
	want.MergeBits, want.RoutineBits, want.Merge, want.WindowSeconds = n(8), n(3), v1alpha1.MergeEnabled, n(86400)
	want.ProximateWindowSeconds, want.HubIncidents, want.MaxAlerts, want.MaxEntities = n(180), n(32), n(1000), n(64)
	if diff := cmp.Diff(&v1alpha1.CorrelationPolicyInForce{Generation: ptr.To[int64](3), CorrelationSettings: *want}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(CorrelationPolicy(said), CorrelationPolicy(got.CorrelationSettings)); diff != "" {
		t.Errorf("it means something else: %s", diff)
	}
}
