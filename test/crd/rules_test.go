package crd_test

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// ruleCase tries one CEL rule of the types.
type ruleCase struct {
	// kind and rule (its message) say which rule it is about.
	kind, rule string
	name       string
	// object is created; with change it is then changed, its status with status.
	object client.Object
	change func(client.Object)
	// first changes the status beforehand.
	first  func(client.Object)
	status bool
	// refused says that the last request is refused with the rule's message.
	refused bool
}

func TestRules(t *testing.T) {
	for _, tc := range ruleCases() {
		t.Run(tc.kind+"/"+tc.name, func(t *testing.T) {
			tc.object.SetName(uniqueName("rule"))
			err := api.Create(t.Context(), tc.object)
			if tc.change != nil {
				if err != nil {
					t.Fatalf("the base object is refused: %v", err)
				}
				if tc.first != nil {
					tc.first(tc.object)
					if err := api.Status().Update(t.Context(), tc.object); err != nil {
						t.Fatal(err)
					}
				}
				tc.change(tc.object)
				if tc.status {
					err = api.Status().Update(t.Context(), tc.object)
				} else {
					err = api.Update(t.Context(), tc.object)
				}
			}
			wantOutcome(t, err, tc.refused, tc.rule)
		})
	}
}

// Every rule that a type declares has a case that is refused and one that passes.
func TestEveryRuleHasCases(t *testing.T) {
	type pair struct{ passes, refused int }
	counted := map[string]*pair{}
	cases := ruleCases()
	for _, tc := range cases {
		key := tc.kind + ": " + tc.rule
		if counted[key] == nil {
			counted[key] = &pair{}
		}
		if tc.refused {
			counted[key].refused++
		} else {
			counted[key].passes++
		}
	}
	rules := 0
	for _, crd := range definitions(t) {
		walk(schemaOf(crd), "", func(path string, s *apiextensionsv1.JSONSchemaProps) {
			for _, rule := range s.XValidations {
				rules++
				got := counted[crd.Spec.Names.Kind+": "+rule.Message]
				if got == nil || got.passes == 0 || got.refused == 0 {
					t.Errorf("%s%s: %q has the cases %+v, want both kinds", crd.Spec.Names.Kind, path, rule.Message, got)
				}
				if rule.Message == "" {
					t.Errorf("%s%s: %s has no message", crd.Spec.Names.Kind, path, rule.Rule)
				}
			}
		})
	}
	t.Logf("%d rules, %d cases", rules, len(cases))
}

func ruleCases() []ruleCase {
	var cases []ruleCase
	for _, more := range [][]ruleCase{
		alertFacts(), alertRules(), classification(), incidentRules(), investigationRules(),
		remediationFacts(), remediationRules(), remediationStates(), playbookRules(), alertSourceRules(),
		correlationPolicyRules(), tuningRuleRules(), alertTuningRules(),
	} {
		cases = append(cases, more...)
	}
	return cases
}

// alert adapts a change of an alert to one of any object; the others likewise.
func alert(change func(*v1alpha1.Alert)) func(client.Object) {
	return func(o client.Object) { change(o.(*v1alpha1.Alert)) }
}

func incident(change func(*v1alpha1.Incident)) func(client.Object) {
	return func(o client.Object) { change(o.(*v1alpha1.Incident)) }
}

func investigation(change func(*v1alpha1.Investigation)) func(client.Object) {
	return func(o client.Object) { change(o.(*v1alpha1.Investigation)) }
}

func remediation(change func(*v1alpha1.Remediation)) func(client.Object) {
	return func(o client.Object) { change(o.(*v1alpha1.Remediation)) }
}

// immutable are the cases of a field that cannot be changed: edits are refused,
// whether they change, remove or add it; an update of something else passes.
func immutable(kind, rule string, full, bare func() client.Object, touch func(client.Object), edits map[string]func(client.Object), added func(client.Object)) []ruleCase {
	cases := []ruleCase{{kind: kind, rule: rule, name: rule + "/kept", object: full(), change: touch}}
	for name, edit := range edits {
		cases = append(cases, ruleCase{kind: kind, rule: rule, name: rule + "/" + name, object: full(), change: edit, refused: true})
	}
	if added != nil {
		cases = append(cases,
			ruleCase{kind: kind, rule: rule, name: rule + "/added", object: bare(), change: added, refused: true},
			ruleCase{kind: kind, rule: rule, name: rule + "/still absent", object: bare(), change: touch})
	}
	return cases
}

func ptr[T any](v T) *T { return &v }

func wantOutcome(t *testing.T, err error, refused bool, message string) {
	t.Helper()
	switch {
	case !refused && err != nil:
		t.Errorf("refused: %v", err)
	case refused && !apierrors.IsInvalid(err):
		t.Errorf("want Invalid, got %v", err)
	case refused && !strings.Contains(err.Error(), message):
		t.Errorf("refused with another message:\n got %v\nwant %s", err, message)
	}
}
