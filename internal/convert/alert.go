// Package convert turns API types into the values of the engine, and back. One
// file a kind.
package convert

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Alert is the engine's view of an Alert: what the detector named comes before
// what the cluster adds.
func Alert(a *v1alpha1.Alert) model.Alert {
	out := Reported(a)
	for _, e := range Entities(a.Status.Entities) {
		if !slices.ContainsFunc(out.Entities, func(named model.Entity) bool { return named.Key == e.Key }) {
			out.Entities = append(out.Entities, e)
		}
	}
	return out
}

// Reported is an Alert as the detector reported it. Investigations hold no more
// than that against anybody: that a pod belongs to a service account does not say
// that this one did something.
func Reported(a *v1alpha1.Alert) model.Alert {
	out := model.Alert{
		Name: a.Name, Source: string(a.Spec.Source.AlertSource),
		Service: a.Spec.Source.Service, Detection: a.Spec.Source.Detection, Rule: a.Spec.Source.Rule,
		ProviderIncident: a.Spec.Source.IncidentID,
		Title:            a.Spec.Title, Description: a.Spec.Description, RecommendedActions: a.Spec.RecommendedActions,
		Severity: model.ParseSeverity(string(a.Spec.Severity)),
		First:    a.Spec.FirstActivityTime.UTC(), Last: a.Spec.LastActivityTime.UTC(),
		Fingerprint: a.Spec.Fingerprint, Occurrences: max(ptr.Deref(a.Status.Occurrences, 1), 1),
		CorrelationDisabled: a.Spec.Correlation == v1alpha1.CorrelationDisabled,
		Entities:            Entities(a.Spec.Entities),
	}
	if newest := a.Status.LastActivityTime; newest != nil && newest.UTC().After(out.Last) {
		out.Last = newest.UTC()
	}
	for _, t := range a.Spec.Tactics {
		out.Tactics = append(out.Tactics, model.Tactic(t))
	}
	for _, t := range a.Spec.Techniques {
		out.Techniques = append(out.Techniques, string(t))
	}
	return out
}

// Entities is the engine's view of a list of entities.
func Entities(in []v1alpha1.Entity) []model.Entity {
	out := make([]model.Entity, 0, len(in))
	for _, e := range in {
		out = append(out, model.Entity{
			Key:      Key(e.EntityKey),
			Role:     model.Role(cmp.Or(e.Role, v1alpha1.EntityRole(model.RoleUnknown))),
			Category: model.Category(cmp.Or(e.Category, v1alpha1.EntityRelatedEvidence)),
		})
	}
	return out
}

// Enrichment is a digest of what the cluster adds to an Alert's entities; empty
// where that is nothing.
func Enrichment(a *v1alpha1.Alert) string {
	if len(a.Status.Entities) == 0 {
		return ""
	}
	h := fnv.New64a()
	for _, e := range a.Status.Entities {
		fmt.Fprintf(h, "%q %q %q %q\n", e.Kind, e.Name, e.Role, e.Category)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Key is the engine's view of an entity's key.
func Key(k v1alpha1.EntityKey) model.Key {
	return model.Key{Kind: model.EntityKind(k.Kind), Name: k.Name}
}

// maxLinks is how many links an alert keeps; the heaviest come first.
const maxLinks = 8

// Links are the links of a decision, as an Alert keeps them.
func Links(links []correlation.Link) []v1alpha1.AlertLink {
	var out []v1alpha1.AlertLink
	for _, l := range links[:min(len(links), maxLinks)] {
		link := v1alpha1.AlertLink{
			Reason: l.Reason, PeerName: v1alpha1.LocalName(l.Peer), WeightMillibits: millibits(l.Weight),
		}
		if l.Entity != (model.Key{}) {
			link.Entity = l.Entity.String()
		}
		out = append(out, link)
	}
	return out
}

// Similar are the incidents that resemble another one, as a status keeps them.
func Similar(similar []correlation.Similar) []v1alpha1.SimilarIncident {
	var out []v1alpha1.SimilarIncident
	for _, s := range similar {
		out = append(out, v1alpha1.SimilarIncident{Name: v1alpha1.LocalName(s.Incident), Reason: s.Reason, Message: s.Message})
	}
	return out
}

// Membership is the decision that an Alert's status keeps, for an engine that
// starts anew.
func Membership(a *v1alpha1.Alert) correlation.Decision {
	d := correlation.Decision{
		Incident: string(a.Status.IncidentName),
		Surprise: bits(a.Status.SurpriseMillibits),
		Routine:  ptr.Deref(a.Status.Routine, false),
	}
	for _, l := range a.Status.Links {
		kind, name, _ := strings.Cut(l.Entity, "/")
		d.Links = append(d.Links, correlation.Link{
			Reason: l.Reason, Peer: string(l.PeerName), Weight: bits(l.WeightMillibits),
			Entity: model.Key{Kind: model.EntityKind(kind), Name: name},
		})
	}
	for _, s := range a.Status.Similar {
		d.Similar = append(d.Similar, correlation.Similar{Incident: string(s.Name), Reason: s.Reason, Message: s.Message})
	}
	return d
}

// Surprise is the surprise of a decision, as an Alert keeps it.
func Surprise(d correlation.Decision) *int32 { return millibits(d.Surprise) }

func millibits(bits float64) *int32 {
	return ptr.To(int32(math.Round(min(max(bits, 0), 1e6) * 1000)))
}

func bits(millibits *int32) float64 { return float64(ptr.Deref(millibits, 0)) / 1000 }
