package match

import "github.com/tocsin-dev/tocsin/internal/engine/model"

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
	Kind     string `cel:"kind"`
	Name     string `cel:"name"`
	Role     string `cel:"role"`
	Category string `cel:"category"`
}

func view(a model.Alert) Alert {
	out := Alert{
		Service: a.Service, Detection: a.Detection, Rule: a.Rule, AlertSource: a.Source,
		Title: a.Title, Severity: a.Severity.String(), Techniques: a.Techniques,
	}
	for _, t := range a.Tactics {
		out.Tactics = append(out.Tactics, string(t))
	}
	for _, e := range a.Entities {
		out.Entities = append(out.Entities, Entity{
			Kind: string(e.Kind), Name: e.Name, Role: string(e.Role), Category: string(e.Category),
		})
	}
	return out
}
