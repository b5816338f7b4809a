package drain

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestEntityTotalIsTold(t *testing.T) {
	for total, want := range map[int]*int32{0: nil, 200: ptr.To[int32](200)} {
		s := signal{alert: model.Alert{EntityTotal: total}}
		got := newAlert(key{}, "shell", "spool", s, dedup.State{}).Spec.EntityTotal
		if ptr.Deref(got, -1) != ptr.Deref(want, -1) {
			t.Errorf("%d named: entityTotal is %v", total, got)
		}
	}
}
