package crd_test

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

func ingestion() *v1alpha1.AlertIngestion {
	return &v1alpha1.AlertIngestion{SpoolPosition: v1alpha1.SpoolPosition{Spool: "gateway-0", Position: ptr(int64(7))}}
}

func tuning() *v1alpha1.AlertTuning {
	return &v1alpha1.AlertTuning{RuleName: "debugging", Action: v1alpha1.TuningHide, Monitored: []v1alpha1.LocalName{"nights"}}
}

func rollUp() *v1alpha1.AlertRollUp {
	return &v1alpha1.AlertRollUp{
		Level: v1alpha1.RollUpPlace, Place: &v1alpha1.EntityKey{Kind: "Pod", Name: "shop/web-*"}, FirstFingerprint: "f",
	}
}

func fullAlert() client.Object {
	return builders.Alert(namespace, "", func(a *v1alpha1.Alert) {
		a.Spec.Source.Detection = "syscall"
		a.Spec.Description = "A shell was spawned by nginx"
		a.Spec.RecommendedActions = "Look at the pod"
		a.Spec.Tactics = []v1alpha1.Tactic{"Execution"}
		a.Spec.Techniques = []v1alpha1.Technique{"T1059"}
		a.Spec.LastActivityTime = metav1.NewMicroTime(builders.Time.Add(1))
		a.Spec.EntityTotal = ptr(int32(70))
		a.Spec.Ingestion = ingestion()
		a.Spec.Tuning = tuning()
		a.Spec.RollUp = rollUp()
	})
}

func bareAlert() client.Object {
	return builders.Alert(namespace, "", func(a *v1alpha1.Alert) { a.Spec.Entities = nil })
}

func alertFacts() []ruleCase {
	triaged := alert(func(a *v1alpha1.Alert) {
		a.Spec.Triage = &v1alpha1.AlertTriage{State: v1alpha1.AlertInProgress, AssignedTo: "alice"}
	})
	const presence = "description, recommendedActions, tactics, techniques, entities, entityTotal, ingestion, tuning and rollUp can be neither added nor removed"
	cases := []ruleCase{
		{kind: "Alert", rule: presence, name: presence + "/kept", object: fullAlert(), change: triaged},
		{kind: "Alert", rule: presence, name: presence + "/still absent", object: bareAlert(), change: triaged},
	}
	fact := func(rule string, edits map[string]func(*v1alpha1.Alert), added func(*v1alpha1.Alert)) {
		changes := map[string]func(client.Object){}
		for name, edit := range edits {
			if name == "removed" {
				cases = append(cases, ruleCase{kind: "Alert", rule: presence, name: rule + "/removed", object: fullAlert(), change: alert(edit), refused: true})
				continue
			}
			changes[name] = alert(edit)
		}
		if added != nil {
			cases = append(cases, ruleCase{kind: "Alert", rule: presence, name: rule + "/added", object: bareAlert(), change: alert(added), refused: true})
		}
		cases = append(cases, immutable("Alert", rule, fullAlert, bareAlert, triaged, changes, nil)...)
	}
	fact("source is immutable", map[string]func(*v1alpha1.Alert){
		"service":      func(a *v1alpha1.Alert) { a.Spec.Source.Service = "tetragon" },
		"rule":         func(a *v1alpha1.Alert) { a.Spec.Source.Rule = "Another" },
		"detection":    func(a *v1alpha1.Alert) { a.Spec.Source.Detection = "" },
		"alert source": func(a *v1alpha1.Alert) { a.Spec.Source.AlertSource = "another" },
		"incident":     func(a *v1alpha1.Alert) { a.Spec.Source.IncidentID = "42" },
	}, nil)
	fact("title is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Title = "Nothing happened" },
	}, nil)
	fact("description is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Description = "Nothing" },
		"removed": func(a *v1alpha1.Alert) { a.Spec.Description = "" },
	}, func(a *v1alpha1.Alert) { a.Spec.Description = "Late" })
	fact("recommendedActions is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.RecommendedActions = "Do nothing" },
		"removed": func(a *v1alpha1.Alert) { a.Spec.RecommendedActions = "" },
	}, func(a *v1alpha1.Alert) { a.Spec.RecommendedActions = "Late" })
	fact("severity is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Severity = v1alpha1.SeverityLow },
	}, nil)
	fact("tactics is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Tactics = []v1alpha1.Tactic{"Impact"} },
		"longer":  func(a *v1alpha1.Alert) { a.Spec.Tactics = append(a.Spec.Tactics, "Impact") },
		"removed": func(a *v1alpha1.Alert) { a.Spec.Tactics = nil },
	}, func(a *v1alpha1.Alert) { a.Spec.Tactics = []v1alpha1.Tactic{"Impact"} })
	fact("techniques is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Techniques = []v1alpha1.Technique{"T1611"} },
		"removed": func(a *v1alpha1.Alert) { a.Spec.Techniques = nil },
	}, func(a *v1alpha1.Alert) { a.Spec.Techniques = []v1alpha1.Technique{"T1611"} })
	fact("firstActivityTime is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) {
			a.Spec.FirstActivityTime = metav1.NewMicroTime(builders.Time.AddDate(0, 0, -1))
		},
	}, nil)
	fact("lastActivityTime is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.LastActivityTime = metav1.NewMicroTime(builders.Time.AddDate(0, 0, 1)) },
	}, nil)
	fact("fingerprint is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Fingerprint = "another" },
	}, nil)
	fact("entities is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Entities[0].Name = "web/web-1" },
		"role":    func(a *v1alpha1.Alert) { a.Spec.Entities[0].Role = "Attacker" },
		"removed": func(a *v1alpha1.Alert) { a.Spec.Entities = nil },
	}, func(a *v1alpha1.Alert) { a.Spec.Entities = []v1alpha1.Entity{builders.PodEntity()} })
	fact("entityTotal is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.EntityTotal = ptr(int32(71)) },
		"removed": func(a *v1alpha1.Alert) { a.Spec.EntityTotal = nil },
	}, func(a *v1alpha1.Alert) { a.Spec.EntityTotal = ptr(int32(70)) })
	fact("correlation is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Correlation = v1alpha1.CorrelationDisabled },
	}, nil)
	fact("ingestion is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.Ingestion.Position = ptr(int64(8)) },
		"removed": func(a *v1alpha1.Alert) { a.Spec.Ingestion = nil },
	}, func(a *v1alpha1.Alert) {
		a.Spec.Ingestion = ingestion()
	})
	fact("tuning is immutable", map[string]func(*v1alpha1.Alert){
		"rule":      func(a *v1alpha1.Alert) { a.Spec.Tuning.RuleName = "another" },
		"action":    func(a *v1alpha1.Alert) { a.Spec.Tuning.Action = v1alpha1.TuningResolve },
		"monitored": func(a *v1alpha1.Alert) { a.Spec.Tuning.Monitored = nil },
		"removed":   func(a *v1alpha1.Alert) { a.Spec.Tuning = nil },
	}, func(a *v1alpha1.Alert) { a.Spec.Tuning = tuning() })
	fact("rollUp is immutable", map[string]func(*v1alpha1.Alert){
		"changed": func(a *v1alpha1.Alert) { a.Spec.RollUp.Place.Name = "shop/db-*" },
		"removed": func(a *v1alpha1.Alert) { a.Spec.RollUp = nil },
	}, func(a *v1alpha1.Alert) { a.Spec.RollUp = rollUp() })
	return cases
}

const commentsTooLong = "comments must not exceed 16,384 characters in all"

// comments are n comments of a length each.
func comments(n, length int) []v1alpha1.Comment {
	list := make([]v1alpha1.Comment, n)
	for i := range list {
		list[i].Text = strings.Repeat("é", length)
	}
	return list
}

func alertRules() []ruleCase {
	times := func(last int) client.Object {
		return builders.Alert(namespace, "", func(a *v1alpha1.Alert) {
			a.Spec.LastActivityTime = metav1.NewMicroTime(builders.Time.AddDate(0, 0, last))
		})
	}
	const order = "lastActivityTime must not be before firstActivityTime"
	commented := func(n, length int) client.Object {
		return builders.Alert(namespace, "", func(a *v1alpha1.Alert) {
			a.Spec.Triage = &v1alpha1.AlertTriage{Comments: comments(n, length)}
		})
	}
	const (
		ingested = "rollUp goes with ingestion only: Tocsin sets both"
		placed   = "place goes with level Place, which needs it"
	)
	rolledUp := func(change func(*v1alpha1.AlertSpec)) client.Object {
		return builders.Alert(namespace, "", func(a *v1alpha1.Alert) {
			a.Spec.Ingestion, a.Spec.RollUp = ingestion(), rollUp()
			change(&a.Spec)
		})
	}
	return []ruleCase{
		{kind: "Alert", rule: ingested, name: "rolled up by the gateway", object: rolledUp(func(*v1alpha1.AlertSpec) {})},
		{kind: "Alert", rule: ingested, name: "rolled up by hand", refused: true, object: rolledUp(func(s *v1alpha1.AlertSpec) { s.Ingestion = nil })},
		{kind: "Alert", rule: placed, name: "rolled up by rule", object: rolledUp(func(s *v1alpha1.AlertSpec) {
			s.RollUp.Level, s.RollUp.Place = v1alpha1.RollUpRule, nil
		})},
		{kind: "Alert", rule: placed, name: "rolled up by rule, at a place", refused: true, object: rolledUp(func(s *v1alpha1.AlertSpec) { s.RollUp.Level = v1alpha1.RollUpRule })},
		{kind: "Alert", rule: placed, name: "rolled up at no place", refused: true, object: rolledUp(func(s *v1alpha1.AlertSpec) { s.RollUp.Place = nil })},
		{kind: "Alert", rule: order, name: "times in order", object: times(1)},
		{kind: "Alert", rule: order, name: "times equal", object: times(0)},
		{kind: "Alert", rule: order, name: "times reversed", object: times(-1), refused: true},
		{kind: "Alert", rule: commentsTooLong, name: "comments that just fit", object: commented(2, 8192)},
		{kind: "Alert", rule: commentsTooLong, name: "comments too long", object: commented(3, 5462), refused: true},
	}
}
