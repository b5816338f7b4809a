package match

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Alert is what an expression sees as "alert": an alert in which nothing is
// missing, so that an expression need not ask before it looks.
type Alert struct {
	Service     string   `cel:"service"`
	Detection   string   `cel:"detection"`
	Rule        string   `cel:"rule"`
	AlertSource string   `cel:"alertSource"`
	Title       string   `cel:"title"`
	Severity    string   `cel:"severity"`
	Tactics     []string `cel:"tactics"`
	Techniques  []string `cel:"techniques"`
	Entities    []Entity `cel:"entities"`
}

// Entity is one of an alert's entities.
type Entity struct {
	Kind string `cel:"kind"`
	Name string `cel:"name"`
	// Namespace is where it lives, empty for what lives in none; a namespace lives
	// in itself.
	Namespace string `cel:"namespace"`
	Role      string `cel:"role"`
	Category  string `cel:"category"`
}

// View is what an expression sees of an alert.
func View(a model.Alert) Alert {
	out := Alert{
		Service: a.Service, Detection: a.Detection, Rule: a.Rule, AlertSource: a.Source,
		Title: a.Title, Severity: a.Severity.String(), Techniques: a.Techniques,
	}
	for _, t := range a.Tactics {
		out.Tactics = append(out.Tactics, string(t))
	}
	for _, e := range a.Entities {
		out.Entities = append(out.Entities, Entity{
			Kind: string(e.Kind), Name: e.Name, Namespace: namespace(e.Key), Role: string(e.Role), Category: string(e.Category),
		})
	}
	return out
}

// namespace is the first part of the name of what is namespaced.
func namespace(k model.Key) string {
	switch k.Kind {
	case model.KindPod, model.KindWorkload, model.KindServiceAccount, model.KindSecret, model.KindNamespace:
		first, _, _ := strings.Cut(k.Name, "/")
		return first
	}
	return ""
}
