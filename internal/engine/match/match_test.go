package match

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// shell is the alert that the cases are about.
func shell(change ...func(*model.Alert)) model.Alert {
	a := model.Alert{
		Name: "shell", Source: "falco", Service: "falco", Detection: "syscall", Rule: "Terminal shell in container",
		Title: "A shell was opened", Severity: model.SeverityMedium,
		Tactics: []model.Tactic{model.TacticExecution}, Techniques: []string{"T1059"},
		Entities: []model.Entity{
			{Key: model.Key{Kind: model.KindPod, Name: "staging/web-0"}, Role: model.RoleAttacked, Category: model.CategoryAsset},
			{Key: model.Key{Kind: model.KindNamespace, Name: "staging"}, Role: model.RoleContextual, Category: model.CategoryAsset},
		},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		match Match
		alert model.Alert
		want  bool
	}{
		"source":                   {Match{AlertSources: []string{"audit", "falco"}}, shell(), true},
		"another source":           {Match{AlertSources: []string{"audit"}}, shell(), false},
		"rule":                     {Match{Rules: []string{"Terminal shell in container"}}, shell(), true},
		"another rule":             {Match{Rules: []string{"Terminal shell"}}, shell(), false},
		"both":                     {Match{AlertSources: []string{"falco"}, Rules: []string{"Terminal shell in container"}}, shell(), true},
		"the source, not the rule": {Match{AlertSources: []string{"falco"}, Rules: []string{"Another"}}, shell(), false},
		"service":                  {Match{Expression: "alert.service == 'falco'"}, shell(), true},
		"another service":          {Match{Expression: "alert.service == 'tetragon'"}, shell(), false},
		"detection":                {Match{Expression: "alert.detection == 'syscall'"}, shell(), true},
		"rule by expression":       {Match{Expression: "alert.rule.startsWith('Terminal')"}, shell(), true},
		"source by expression":     {Match{Expression: "alert.alertSource == 'falco'"}, shell(), true},
		"title":                    {Match{Expression: "alert.title.lowerAscii().contains('SHELL'.lowerAscii())"}, shell(), true},
		"severity":                 {Match{Expression: "alert.severity in ['Low', 'Medium']"}, shell(), true},
		"tactic":                   {Match{Expression: "'Execution' in alert.tactics"}, shell(), true},
		"technique":                {Match{Expression: "alert.techniques.exists(t, t.startsWith('T1059'))"}, shell(), true},
		"entity":                   {Match{Expression: "alert.entities.exists(e, e.kind == 'Namespace' && e.name == 'staging')"}, shell(), true},
		"namespace of a pod":       {Match{Expression: "alert.entities.exists(e, e.namespace == 'staging' && e.kind == 'Pod')"}, shell(), true},
		"namespace of itself":      {Match{Expression: "alert.entities.exists(e, e.namespace == 'staging' && e.kind == 'Namespace')"}, shell(), true},
		"another namespace":        {Match{Expression: "alert.entities.exists(e, e.namespace == 'shop')"}, shell(), false},
		"path is no namespace": {Match{Expression: "alert.entities.exists(e, e.namespace == 'staging')"}, model.Alert{
			Entities: []model.Entity{{Key: model.Key{Kind: model.KindFile, Name: "staging/x"}}},
		}, false},
		"another entity":             {Match{Expression: "alert.entities.exists(e, e.kind == 'Namespace' && e.name == 'shop')"}, shell(), false},
		"role and category":          {Match{Expression: "alert.entities.exists(e, e.role == 'Attacked' && e.category == 'ImpactedAsset')"}, shell(), true},
		"expression, another source": {Match{AlertSources: []string{"audit"}, Expression: "alert.service == 'falco'"}, shell(), false},
		"nothing known of the alert": {Match{Expression: "alert.service == '' && alert.entities.all(e, e.name != '') && size(alert.tactics) == 0"}, model.Alert{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := Compile(tc.match)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Matches(tc.alert); err != nil || got != tc.want {
				t.Errorf("got %t, %v, want %t", got, err, tc.want)
			}
		})
	}
}

// What would mean every alert, or none, is a mistake: it would turn off what the
// match is to make an exception of.
func TestRefused(t *testing.T) {
	t.Parallel()
	const same = "^match: comes out the same whatever the alert is"
	expression := func(s string) Match { return Match{Expression: s} }
	for name, tc := range map[string]struct {
		match Match
		want  string
	}{
		"nothing":                  {Match{}, "^match: give at least one of alertSources, rules and match"},
		"empty source":             {Match{AlertSources: []string{"falco", ""}}, `^alertSources\[1\]: must not be empty`},
		"empty rule":               {Match{Rules: []string{""}}, `^rules\[0\]: must not be empty`},
		"true":                     {expression("true"), same},
		"false":                    {expression("false"), same},
		"a sum":                    {expression("1 + 1 == 2"), same},
		"division by zero":         {expression("1 / 0 == 1"), same},
		"true all the same":        {expression("alert.service == 'falco' || true"), same},
		"false all the same":       {expression("false && alert.service == 'falco'"), same},
		"true for one source":      {Match{AlertSources: []string{"falco"}, Expression: "true"}, same},
		"expensive and constant":   {expression("[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a+b+c+d+e > 0)))))"), same},
		"misspelt field":           {expression("alert.servce == 'falco'"), "^match: line 1, column 6: undefined field 'servce'$"},
		"misspelt field of entity": {expression("alert.entities.exists(e, e.knd == 'Pod')"), "^match: line 1, column [0-9]+: undefined field 'knd'$"},
		"on the second line":       {expression("alert.service == 'falco'\n && event.x"), `^match: line 2, column 5: undeclared reference to 'event'`},
		"not a truth value":        {expression("alert.service"), "^match: must be true or false, not string$"},
		"another type":             {expression("alert.severity > 2"), "^match: line 1, column 16: found no matching overload"},
		"syntax":                   {expression("alert."), "^match: line 1, column 7: Syntax error"},
		"under another name":       {Match{Expression: "true", Field: "expression"}, "^expression: comes out the same"},
		"nothing, other name":      {Match{Field: "expression"}, "^expression: give at least one of alertSources, rules and expression"},
		"blank":                    {expression("  "), "^match: line 1, column 3: Syntax error"},
		"too long":                 {expression("alert.service == '" + strings.Repeat("x", 1024) + "'"), "^match: must be at most 1024 characters long$"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Compile(tc.match)
			if err == nil || !regexp.MustCompile(tc.want).MatchString(err.Error()) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// An alert cannot make an expression match, or run for long, by what it makes it
// fail on.
func TestFailingExpressionDoesNotMatch(t *testing.T) {
	t.Parallel()
	crowd := shell(func(a *model.Alert) {
		a.Entities = nil
		for i := range 64 {
			a.Entities = append(a.Entities, model.Entity{Key: model.Key{Kind: model.KindFile, Name: strings.Repeat("x", 500) + fmt.Sprint(i)}})
		}
	})
	for name, tc := range map[string]struct {
		expression string
		alert      model.Alert
		want       string
	}{
		"index beyond the list":  {"alert.entities[0].kind == 'Pod'", model.Alert{}, "index out of bounds"},
		"pattern from the alert": {"'x'.matches(alert.title)", shell(func(a *model.Alert) { a.Title = "(((" }), "missing closing"},
		"takes too long":         {"alert.entities.all(a, alert.entities.all(b, alert.entities.all(c, a.name + b.name != c.name)))", crowd, "cost limit exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := Compile(Match{Expression: tc.expression})
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Matches(tc.alert)
			if got || err == nil || !strings.HasPrefix(err.Error(), "match: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %t, %v, want %s", got, err, tc.want)
			}
		})
	}
	t.Run("every pair of the largest alert", func(t *testing.T) {
		m, err := Compile(Match{Expression: "alert.entities.exists(a, alert.entities.exists(b, a.kind == 'Pod' && b.name == 'x'))"})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.Matches(crowd); got || err != nil {
			t.Errorf("got %t, %v", got, err)
		}
	})
}

func TestSet(t *testing.T) {
	t.Parallel()
	set, err := CompileAll("optOuts", []Named{
		{"fails", Match{Expression: "alert.entities[9].kind == 'Pod'"}},
		{"audit", Match{AlertSources: []string{"audit"}}},
		{"staging", Match{Expression: "alert.entities.exists(e, e.name == 'staging')"}},
		{"shells", Match{Rules: []string{"Terminal shell in container"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var parallel sync.WaitGroup
	for range 8 {
		parallel.Go(func() {
			name, found, err := set.Find(shell())
			if name != "staging" || !found || err == nil || !strings.HasPrefix(err.Error(), "fails: match: ") {
				t.Errorf("got %q, %t, %v", name, found, err)
			}
		})
	}
	parallel.Wait()
	if name, found, _ := set.Find(model.Alert{Source: "other"}); found {
		t.Errorf("%s means an alert of another source", name)
	}
	if _, found, err := (*Set)(nil).Find(shell()); found || err != nil {
		t.Errorf("no set means %t, %v", found, err)
	}
}

func TestSetNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := CompileAll("optOuts", []Named{
		{"one", Match{Expression: "true"}},
		{"two", Match{Rules: []string{"ok"}}},
		{"two", Match{Rules: []string{""}}},
	})
	for _, want := range []string{
		"optOuts[one].match: comes out the same", "optOuts[two].name: is used twice", "optOuts[two].rules[0]: must not be empty",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// Whatever people write and senders send, compiling and matching end without a
// panic, and the same way each time.
func FuzzMatch(f *testing.F) {
	for _, expression := range []string{
		"alert.service == 'falco'", "alert.entities.exists(e, e.kind == 'Pod')", "'x'.matches(alert.title)",
		"alert.title.split(',').size() > 1", "alert.entities[0].name == alert.entities[1].name", "true", "alert.title.format(['x']) == ''",
	} {
		f.Add(expression, "title %s", "staging/web-0")
	}
	f.Fuzz(func(t *testing.T, expression, title, name string) {
		m, err := Compile(Match{Expression: expression})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		a := shell(func(a *model.Alert) { a.Title, a.Entities[0].Name = title, name })
		got, err := m.Matches(a)
		again, errAgain := m.Matches(a)
		if got != again || (err == nil) != (errAgain == nil) || got && err != nil {
			t.Errorf("got %t, %v and then %t, %v", got, err, again, errAgain)
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	m, err := Compile(Match{Expression: "alert.entities.exists(e, e.kind == 'Namespace' && e.name == 'staging')"})
	if err != nil {
		b.Fatal(err)
	}
	a := shell()
	for b.Loop() {
		if ok, _ := m.Matches(a); !ok {
			b.Fatal("does not match")
		}
	}
}
