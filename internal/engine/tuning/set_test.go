package tuning

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// shell is the alert that the cases are about.
func shell() model.Alert {
	return model.Alert{
		Name: "shell", Source: "falco", Rule: "Shell", Severity: model.SeverityMedium,
		Entities: []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: "staging/web-0"}}},
	}
}

// rule is one that matches shell.
func rule(name string, action Action, change ...func(*Rule)) Rule {
	r := Rule{Name: name, Action: action, Match: match.Match{Rules: []string{"Shell"}}}
	if action == Rescore {
		r.Severity = model.SeverityLow
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func monitor(r *Rule)   { r.Monitor = true }
func suspended(r *Rule) { r.Suspended = true }

func expires(at time.Time) func(*Rule) { return func(r *Rule) { r.Expires = at } }

func expression(e string) func(*Rule) { return func(r *Rule) { r.Match = match.Match{Expression: e} } }

func compiled(t testing.TB, rules ...Rule) *Set {
	t.Helper()
	var ready []*Ready
	for _, r := range rules {
		compiled, err := Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, compiled)
	}
	return NewSet(ready)
}

func TestDecide(t *testing.T) {
	staging := expression("alert.entities.exists(e, e.namespace == 'staging')")
	fails := expression("alert.entities[7].name == 'x'")
	untouched := Decision{Severity: model.SeverityMedium}
	hidden := Decision{Rule: "a", Action: Hide, Severity: model.SeverityMedium}
	var many []Rule
	var firstEight []string
	for i := range 12 {
		many = append(many, rule(fmt.Sprintf("m%02d", 11-i), Hide, monitor))
		if i < 8 {
			firstEight = append(firstEight, fmt.Sprintf("m%02d", i))
		}
	}
	for name, tc := range map[string]struct {
		reason string
		rules  []Rule
		want   Decision
		failed string
	}{
		"none":           {"nothing was said", nil, untouched, ""},
		"hide":           {"it matches", []Rule{rule("a", Hide)}, hidden, ""},
		"resolve":        {"it matches", []Rule{rule("a", Resolve)}, Decision{Rule: "a", Action: Resolve, Severity: model.SeverityMedium}, ""},
		"rescore":        {"the alert gets that severity", []Rule{rule("a", Rescore)}, Decision{Rule: "a", Action: Rescore, Severity: model.SeverityLow}, ""},
		"another rule":   {"not that one", []Rule{rule("a", Hide, func(r *Rule) { r.Match.Rules = []string{"Drift"} })}, untouched, ""},
		"expression":     {"it holds", []Rule{rule("a", Hide, staging)}, hidden, ""},
		"strongest":      {"hiding goes before all", []Rule{rule("0", Rescore), rule("1", Resolve), rule("a", Hide)}, hidden, ""},
		"stronger":       {"resolving goes before rescoring", []Rule{rule("0", Rescore), rule("1", Resolve)}, Decision{Rule: "1", Action: Resolve, Severity: model.SeverityMedium}, ""},
		"by name":        {"the first by name among the same", []Rule{rule("c", Hide), rule("a", Hide), rule("b", Hide)}, hidden, ""},
		"suspended":      {"it is out of force", []Rule{rule("a", Hide, suspended)}, untouched, ""},
		"not yet over":   {"it ends later", []Rule{rule("a", Hide, expires(now.Add(time.Nanosecond)))}, hidden, ""},
		"just over":      {"it has ended", []Rule{rule("a", Hide, expires(now))}, untouched, ""},
		"monitor":        {"it only counts", []Rule{rule("a", Hide, monitor)}, Decision{Severity: model.SeverityMedium, Monitored: []string{"a"}}, ""},
		"monitored too":  {"both are told", []Rule{rule("a", Hide), rule("z", Rescore, monitor), rule("b", Resolve, monitor)}, Decision{Rule: "a", Action: Hide, Severity: model.SeverityMedium, Monitored: []string{"b", "z"}}, ""},
		"many":           {"the first 8 by name", many, Decision{Severity: model.SeverityMedium, Monitored: firstEight}, ""},
		"fails":          {"it does not match", []Rule{rule("a", Hide, fails)}, untouched, "a: match.expression: "},
		"fails, another": {"the others are looked at", []Rule{rule("0", Hide, fails), rule("a", Hide)}, hidden, "0: match.expression: "},
		"severity told":  {"rules see what the detector said", []Rule{rule("a", Rescore), rule("b", Rescore, expression("alert.severity == 'Low'"))}, Decision{Rule: "a", Action: Rescore, Severity: model.SeverityLow}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compiled(t, tc.rules...).Decide(shell(), now)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
			if (tc.failed == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.failed) {
				t.Errorf("got error %v, want %q", err, tc.failed)
			}
		})
	}
}

func TestHides(t *testing.T) {
	fails := expression("alert.entities[7].name == 'x'")
	for name, tc := range map[string]struct {
		rules []Rule
		want  bool
		err   bool
	}{
		"it does":         {[]Rule{rule("a", Hide)}, true, false},
		"gone":            {nil, false, false},
		"only another":    {[]Rule{rule("b", Hide)}, false, false},
		"weaker by name":  {[]Rule{rule("0", Hide), rule("a", Hide)}, true, false},
		"resolves by now": {[]Rule{rule("a", Resolve)}, false, false},
		"monitors by now": {[]Rule{rule("a", Hide, monitor)}, false, false},
		"suspended":       {[]Rule{rule("a", Hide, suspended)}, false, false},
		"expired":         {[]Rule{rule("a", Hide, expires(now))}, false, false},
		"means others":    {[]Rule{rule("a", Hide, expression("alert.rule == 'Drift'"))}, false, false},
		"fails":           {[]Rule{rule("a", Hide, fails)}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compiled(t, tc.rules...).Hides("a", shell(), now)
			if got != tc.want || (err != nil) != tc.err {
				t.Errorf("got %t, %v", got, err)
			}
		})
	}
}

// What opens another alert has more left than the one before, so that events of
// several rules that take turns open few.
func TestCovers(t *testing.T) {
	const all = "alert.rule == 'Shell'"
	severity := func(s model.Severity) func(*Rule) { return func(r *Rule) { r.Severity = s } }
	one := func(action Action) Decision { return Decision{Rule: "a", Action: action, Severity: model.SeverityLow} }
	for name, tc := range map[string]struct {
		alert Decision
		rules []Rule
		want  bool
	}{
		"not tuned":          {Decision{}, []Rule{rule("a", Hide)}, true},
		"resolves it":        {one(Resolve), []Rule{rule("a", Resolve)}, true},
		"rescores it":        {one(Rescore), []Rule{rule("a", Rescore)}, true},
		"resolves others":    {one(Resolve), []Rule{rule("a", Resolve, expression("alert.rule == 'Drift'"))}, false},
		"rescores others":    {one(Rescore), []Rule{rule("a", Rescore, expression("alert.rule == 'Drift'"))}, false},
		"gone":               {one(Resolve), nil, false},
		"fails":              {one(Resolve), []Rule{rule("a", Resolve, expression("alert.entities[7].name == 'x'"))}, false},
		"hides by now":       {one(Resolve), []Rule{rule("a", Hide)}, true},
		"another does":       {one(Resolve), []Rule{rule("b", Resolve)}, true},
		"another does less":  {one(Resolve), []Rule{rule("b", Rescore)}, false},
		"another, as severe": {one(Rescore), []Rule{rule("b", Rescore)}, true},
		"another, severer":   {one(Rescore), []Rule{rule("b", Rescore, severity(model.SeverityHigh))}, false},
		"hides it":           {one(Hide), []Rule{rule("a", Hide)}, true},
		"hides others":       {one(Hide), []Rule{rule("b", Resolve)}, false},
		"another hides":      {one(Hide), []Rule{rule("b", Hide, expression(all))}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compiled(t, tc.rules...).Covers(tc.alert, shell(), now)
			if got != tc.want || (err != nil) != (name == "fails") {
				t.Errorf("got %t, %v", got, err)
			}
		})
	}
}

// Where nothing was said nothing is done.
func TestNoSet(t *testing.T) {
	var none *Set
	if got, err := none.Decide(shell(), now); err != nil || got.Rule != "" || got.Severity != model.SeverityMedium {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := none.Hides("a", shell(), now); got || err != nil || none.Rules() != nil {
		t.Errorf("got %t, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		rule Rule
		want string
	}{
		"everything":      {Rule{Name: "a", Action: Hide}, "match.expression: give at least one of alertSources, rules and expression: "},
		"empty rule":      {Rule{Name: "a", Action: Hide, Match: match.Match{Rules: []string{""}}}, "match.rules[0]: must not be empty"},
		"no such action":  {rule("a", "Drop"), `action: must be one of [Hide Resolve Rescore], is "Drop"`},
		"misspelt field":  {rule("a", Hide, expression("alert.servce == 'x'")), "match.expression: line 1, column 6: undefined field 'servce'"},
		"means all or no": {rule("a", Hide, expression("true")), "match.expression: comes out the same whatever the alert is"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(tc.rule); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// The order in which rules are listed says nothing; what hides an alert is also
// found to hide it.
func TestOrderDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	actions := []Action{Hide, Resolve, Rescore}
	for range 200 {
		var rules []Rule
		for i := range 6 {
			r := rule(fmt.Sprint("r", i), actions[random.IntN(3)], func(r *Rule) {
				r.Monitor, r.Suspended = random.IntN(3) == 0, random.IntN(4) == 0
				if random.IntN(3) == 0 {
					r.Expires = now.Add(time.Duration(random.IntN(3)-1) * time.Hour)
				}
			})
			rules = append(rules, r)
		}
		want, err := compiled(t, rules...).Decide(shell(), now)
		if err != nil {
			t.Fatal(err)
		}
		random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		set := compiled(t, rules...)
		got, err := set.Decide(shell(), now)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v: %v %s", rules, err, diff)
		}
		hides, err := set.Hides(got.Rule, shell(), now)
		if hides != (got.Action == Hide) || err != nil {
			t.Fatalf("%v: decided %+v, and Hides says %t, %v", rules, got, hides, err)
		}
	}
}

// Whatever people write and senders send: a decision is the same each time, and
// one rule acts at most, of those in force.
func FuzzDecide(f *testing.F) {
	for _, e := range []string{
		"alert.severity == 'Medium'", "alert.entities.exists(e, e.namespace == 'staging')", "alert.title.matches(alert.rule)",
		"alert.entities[3].name == 'x'", "alert.techniques.exists(t, t.startsWith('T1'))", "true",
	} {
		f.Add(e, "Terminal shell", "staging/web-0", int64(0), false)
		f.Add(e, "%s", "", int64(-1), true)
	}
	f.Fuzz(func(t *testing.T, e, title, entity string, expiresIn int64, monitored bool) {
		ready, err := Compile(rule("fuzzed", Rescore, expression(e), expires(now.Add(time.Duration(expiresIn))), func(r *Rule) { r.Monitor = monitored }))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		set := NewSet([]*Ready{ready})
		a := shell()
		a.Title, a.Entities[0].Name = title, entity
		got, failed := set.Decide(a, now)
		again, failedAgain := set.Decide(a, now)
		if diff := cmp.Diff(got, again); diff != "" || (failed == nil) != (failedAgain == nil) {
			t.Errorf("the second time: %v, %v, %s", failed, failedAgain, diff)
		}
		acts := got.Rule == "fuzzed" && got.Severity == model.SeverityLow
		if rests := got.Rule == "" && got.Severity == a.Severity; acts == rests {
			t.Errorf("half a decision: %+v", got)
		}
		if (acts || len(got.Monitored) > 0) && (expiresIn <= 0 || acts == monitored || failed != nil) {
			t.Errorf("expires in %d, monitored %t: %+v, %v", expiresIn, monitored, got, failed)
		}
	})
}

// BenchmarkDecide is the largest tenant: every rule has an expression, and none matches.
func BenchmarkDecide(b *testing.B) {
	var rules []Rule
	for i := range MaxRules {
		rules = append(rules, rule(fmt.Sprint(i), Hide, expression(fmt.Sprintf("alert.entities.exists(e, e.namespace == 'staging-%d')", i))))
	}
	set, a := compiled(b, rules...), shell()
	for b.Loop() {
		if d, err := set.Decide(a, now); err != nil || d.Rule != "" {
			b.Fatal(d, err)
		}
	}
}
