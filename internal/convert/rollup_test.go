package convert

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
)

func TestRollUpLimits(t *testing.T) {
	for name, test := range map[string]struct {
		limits v1alpha1.RollUpLimits
		want   rollup.Limits
	}{
		"defaults": {want: rollup.DefaultLimits()},
		"all": {
			v1alpha1.RollUpLimits{AlertsPerRule: ptr.To[int32](3), Alerts: ptr.To[int32](9), Rules: []v1alpha1.RuleLimit{{Rule: "Shell", Alerts: ptr.To[int32](1)}}},
			rollup.Limits{Distinct: 3, PerHour: 9, Rules: map[string]int{"Shell": 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, RollUpLimits(test.limits)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var rolledUpEntities = []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: "shop/db-0"}, Category: model.CategoryAsset}}

func TestRollUp(t *testing.T) {
	for level, want := range map[rollup.Level]*v1alpha1.AlertRollUp{
		rollup.Single: nil,
		rollup.Place:  {Level: v1alpha1.RollUpPlace, Place: &v1alpha1.EntityKey{Kind: "Pod", Name: "shop/db-*"}, FirstFingerprint: "f"},
		rollup.Rule:   {Level: v1alpha1.RollUpRule, FirstFingerprint: "f"},
		rollup.Source: {Level: v1alpha1.RollUpAlertSource, FirstFingerprint: "f"},
	} {
		got := RollUp(level, rolledUpEntities, "f")
		if diff := cmp.Diff(want, got); diff != "" || Level(got) != level {
			t.Errorf("level %d became %d: %s", level, Level(got), diff)
		}
	}
}

// TestSummary: what is kept of a summary goes on as the summary itself would.
func TestSummary(t *testing.T) {
	a := &v1alpha1.Alert{Spec: v1alpha1.AlertSpec{RollUp: RollUp(rollup.Place, rolledUpEntities, "f")}}
	for _, e := range rolledUpEntities {
		a.Spec.Entities = append(a.Spec.Entities, v1alpha1.Entity{EntityKey: v1alpha1.EntityKey{Kind: "Pod", Name: e.Name}})
	}
	live := rollup.Summary{}.Add("f", rolledUpEntities)
	for i := range 1000 {
		kept, err := Summary(a)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(RolledUp(live), RolledUp(kept)); diff != "" {
			t.Fatalf("after %d events: %s", i, diff)
		}
		next := append([]model.Entity{{Key: model.Key{Kind: model.KindFile, Name: strconv.Itoa(i)}}}, rolledUpEntities...)
		live = live.Add(strconv.Itoa(i), next)
		a.Status.RollUp = RolledUp(kept.Add(strconv.Itoa(i), next))
	}
	if got := a.Status.RollUp; *got.Entities[0].Events != 1001 || len(got.Entities) != rollup.MaxHeaviest || len(got.AlertHashes) > 1368 {
		t.Errorf("%+v", got)
	}
}

func TestSummaryOfAnAlertOfItsOwn(t *testing.T) {
	got, err := Summary(&v1alpha1.Alert{})
	if err != nil || got.Alerts.Count() != 0 {
		t.Error(got.Alerts.Count(), err)
	}
}

func TestUnreadableSummary(t *testing.T) {
	for name, status := range map[string]v1alpha1.RolledUp{
		"alertHashes":  {AlertHashes: "?"},
		"entityHashes": {EntityHashes: "AAAA"},
	} {
		a := &v1alpha1.Alert{Spec: v1alpha1.AlertSpec{RollUp: &v1alpha1.AlertRollUp{}}, Status: v1alpha1.AlertStatus{RollUp: &status}}
		if _, err := Summary(a); err == nil {
			t.Errorf("%s were read", name)
		}
	}
}
