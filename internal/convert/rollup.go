package convert

import (
	"encoding/base64"
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
)

// RollUpLimits are the limits of an AlertSource; the defaults hold where it says
// nothing.
func RollUpLimits(l v1alpha1.RollUpLimits) rollup.Limits {
	out := rollup.DefaultLimits()
	out.Distinct = int(ptr.Deref(l.AlertsPerRule, int32(out.Distinct)))
	out.PerHour = int(ptr.Deref(l.Alerts, int32(out.PerHour)))
	for _, own := range l.Rules {
		if out.Rules == nil {
			out.Rules = map[string]int{}
		}
		out.Rules[own.Rule] = int(ptr.Deref(own.Alerts, int32(out.Distinct)))
	}
	return out
}

var rollUpLevels = map[rollup.Level]v1alpha1.RollUpLevel{
	rollup.Place: v1alpha1.RollUpPlace, rollup.Rule: v1alpha1.RollUpRule, rollup.Source: v1alpha1.RollUpAlertSource,
}

// RollUp is what an Alert says that it rolls up: an event of these entities and
// of this fingerprint was the first. It is nil for an alert of its own.
func RollUp(level rollup.Level, entities []model.Entity, fingerprint string) *v1alpha1.AlertRollUp {
	if level == rollup.Single {
		return nil
	}
	out := &v1alpha1.AlertRollUp{Level: rollUpLevels[level], FirstFingerprint: fingerprint}
	if level == rollup.Place {
		place := rollup.PlaceOf(entities)
		out.Place = &v1alpha1.EntityKey{Kind: v1alpha1.EntityKind(place.Kind), Name: place.Name}
	}
	return out
}

// Level is what an Alert rolls up, as the engine names it.
func Level(r *v1alpha1.AlertRollUp) rollup.Level {
	if r == nil {
		return rollup.Single
	}
	for level, name := range rollUpLevels {
		if name == r.Level {
			return level
		}
	}
	return rollup.Single
}

// Summary is what went into a rolled-up Alert so far: at least its first event.
func Summary(a *v1alpha1.Alert) (rollup.Summary, error) {
	if a.Spec.RollUp == nil {
		return rollup.Summary{}, nil
	}
	kept := a.Status.RollUp
	if kept == nil {
		return rollup.Summary{}.Add(a.Spec.RollUp.FirstFingerprint, Entities(a.Spec.Entities)), nil
	}
	var out rollup.Summary
	var err error
	if out.Alerts, err = distinct(kept.AlertHashes); err != nil {
		return out, fmt.Errorf("status.rollUp.alertHashes: %w", err)
	}
	if out.Entities, err = distinct(kept.EntityHashes); err != nil {
		return out, fmt.Errorf("status.rollUp.entityHashes: %w", err)
	}
	for _, e := range kept.Entities {
		out.Heaviest = append(out.Heaviest, rollup.Weight{
			Key: Key(e.EntityKey), Events: ptr.Deref(e.Events, 0), Over: ptr.Deref(e.Uncertainty, 0),
		})
	}
	return out, nil
}

func distinct(hashes string) (rollup.Distinct, error) {
	data, err := base64.StdEncoding.DecodeString(hashes)
	if err != nil {
		return rollup.Distinct{}, err
	}
	return rollup.ParseDistinct(data)
}

// RolledUp is what a rolled-up Alert's status keeps of a summary.
func RolledUp(s rollup.Summary) *v1alpha1.RolledUp {
	out := &v1alpha1.RolledUp{
		Alerts: ptr.To(s.Alerts.Count()), EntityTotal: ptr.To(s.Entities.Count()),
		AlertHashes:  base64.StdEncoding.EncodeToString(s.Alerts.Bytes()),
		EntityHashes: base64.StdEncoding.EncodeToString(s.Entities.Bytes()),
	}
	for _, w := range s.Heaviest {
		e := v1alpha1.RolledUpEntity{
			EntityKey: v1alpha1.EntityKey{Kind: v1alpha1.EntityKind(w.Kind), Name: w.Name}, Events: ptr.To(w.Events),
		}
		if w.Over > 0 {
			e.Uncertainty = ptr.To(w.Over)
		}
		out.Entities = append(out.Entities, e)
	}
	return out
}
