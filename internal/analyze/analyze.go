// Package analyze holds what the built-in analyzers share: what the input says
// of an entity, and how a verdict is told.
package analyze

import (
	"context"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/assess"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// Analyzer examines the entities of an input that it knows about.
type Analyzer interface {
	Analyze(ctx context.Context, in document.Input) (document.Result, error)
}

// Named are the entities of a kind, in the input's order, each once. Their
// names have two parts: a namespace and a name.
func Named(in document.Input, kind model.EntityKind) []model.Key {
	var out []model.Key
	for _, e := range in.Entities {
		key := model.Key{Kind: kind, Name: e.Name}
		if e.Kind == string(kind) && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// Split parts a namespaced name; false when it is none.
func Split(key model.Key) (namespace, name string, ok bool) {
	namespace, name, ok = strings.Cut(key.Name, "/")
	return namespace, name, ok && namespace != "" && name != "" && !strings.Contains(name, "/")
}

// Context is what the input says of an entity.
func Context(in document.Input, key model.Key) assess.Context {
	out := assess.Context{Role: model.RoleUnknown}
	for i, e := range in.Entities {
		if e.Kind != string(key.Kind) || e.Name != key.Name {
			continue
		}
		out = out.Join(assess.Context{Role: model.Role(e.Role), Alerts: alerts(in, i)})
	}
	return out
}

func alerts(in document.Input, place int) []assess.Alert {
	var out []assess.Alert
	for id, a := range in.Alerts {
		if !slices.Contains(a.Entities, place) {
			continue
		}
		alert := assess.Alert{ID: id, Severity: model.ParseSeverity(a.Severity)}
		for _, t := range a.Tactics {
			alert.Tactics = append(alert.Tactics, model.Tactic(t))
		}
		out = append(out, alert)
	}
	return out
}

// Verdict tells an assessment.
func Verdict(key model.Key, uid string, a assess.Assessment) document.Verdict {
	return document.Verdict{Kind: string(key.Kind), Name: key.Name, Verdict: string(a.Verdict), Reason: a.Reason(), UID: uid}
}

// Unknown tells that an entity could not be examined, and why.
func Unknown(key model.Key, why string) document.Verdict {
	return document.Verdict{Kind: string(key.Kind), Name: key.Name, Verdict: string(model.VerdictUnknown), Reason: why}
}
