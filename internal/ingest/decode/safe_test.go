package decode

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// naming names as many entities as the event has bytes.
type naming struct{ Decoder }

func (naming) Decode(event []byte, _ time.Time) (Decoded, error) {
	var list entity.List
	for i := range event {
		list.Evidence(model.RoleSource)(entity.New(model.KindUser, fmt.Sprint("user-", i)))
	}
	return Decoded{Alert: model.Alert{Entities: list.Items()}}, nil
}

func TestEntitiesAreCutAndCounted(t *testing.T) {
	for named, total := range map[int]int{entity.MaxEntities: 0, entity.MaxEntities + 1: entity.MaxEntities + 1, 2 * entity.MaxNamed: entity.MaxNamed} {
		out, err := Safe(naming{}).Decode(make([]byte, named), time.Time{})
		if err != nil || len(out.Alert.Entities) != entity.MaxEntities || out.Alert.EntityTotal != total {
			t.Errorf("%d named: %d kept of %d, %v, want %d of %d", named, len(out.Alert.Entities), out.Alert.EntityTotal, err, entity.MaxEntities, total)
		}
	}
}

// saying names tactics and techniques.
type saying struct {
	Decoder
	model.Alert
}

func (s saying) Decode([]byte, time.Time) (Decoded, error) { return Decoded{Alert: s.Alert}, nil }

func TestTacticsOfTechniques(t *testing.T) {
	for name, tc := range map[string]struct {
		said model.Alert
		want []model.Tactic
	}{
		"none named":   {model.Alert{Techniques: []string{"T1613"}}, []model.Tactic{model.TacticDiscovery}},
		"another":      {model.Alert{Techniques: []string{"T1613"}, Tactics: []model.Tactic{model.TacticImpact}}, []model.Tactic{model.TacticImpact}},
		"of several":   {model.Alert{Techniques: []string{"T1078"}}, []model.Tactic{}},
		"no technique": {model.Alert{}, []model.Tactic{}},
	} {
		out, err := Safe(saying{Alert: tc.said}).Decode(nil, time.Time{})
		if diff := cmp.Diff(tc.want, out.Alert.Tactics); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}
