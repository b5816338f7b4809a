package replay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
)

// declaredRule is a TuningRule for events of a rule.
func declaredRule(name, spec string) string {
	return fmt.Sprintf("apiVersion: tocsin.dev/v1alpha1\nkind: TuningRule\nmetadata: {name: %s}\nspec: {reason: Noise, %s}\n", name, spec)
}

func tuned(t *testing.T, documents ...string) Policies {
	t.Helper()
	var rules TuningRules
	if err := rules.Read([]byte(strings.Join(documents, "---\n"))); err != nil {
		t.Fatal(err)
	}
	p := DefaultPolicies()
	var err error
	if p.Tuning, _, err = rules.For(""); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTuning(t *testing.T) {
	r := New(tuned(t,
		declaredRule("noise", "action: Hide, match: {rules: [scan]}, expiresAt: '2026-05-04T08:30:00Z'"),
		declaredRule("done", "action: Resolve, match: {rules: [drift]}"),
		declaredRule("less", "action: Rescore, severity: Low, match: {rules: [shell]}"),
		declaredRule("watched", "action: Hide, mode: Monitor, match: {rules: [shell]}"),
		declaredRule("paused", "action: Hide, suspend: true, match: {rules: [shell]}"),
	))
	for i, event := range []model.Alert{
		signal("scan", "web-1", 0), signal("scan", "web-1", 10), signal("drift", "web-1", 11), signal("shell", "web-2", 12),
		signal("scan", "web-1", 30), signal("scan", "web-1", 31), signal("shell", "web-2", 40),
	} {
		number, opened := r.Take(event)
		want := []string{"0 true", "0 false", "1 true", "2 true", "3 true", "3 false", "2 false"}[i]
		if got := fmt.Sprint(number, " ", opened); got != want {
			t.Errorf("event %d: alert %s, want %s", i, got, want)
		}
	}
	if a := r.Alert(0); !a.Hidden() || a.Incident != "" || a.Alert.Occurrences != 2 || r.HiddenBy(0) != "noise" || r.HiddenBy(3) != "" {
		t.Errorf("hidden: %+v", a)
	}
	if a := r.Alert(2); a.Alert.Severity != model.SeverityLow || a.DetectedSeverity != model.SeverityMedium {
		t.Errorf("rescored: %+v", a)
	}
	if r.Alert(3).Incident != r.Alert(1).Incident {
		t.Error("what is not hidden any more is correlated as any alert")
	}
	for _, i := range r.Incidents() {
		for _, a := range i.Alerts {
			if a.Hidden() {
				t.Errorf("%s is in incident %s", a.Alert.Name, i.Name)
			}
		}
	}
	got := map[string]string{}
	for _, rule := range r.Tuned() {
		got[rule.Name] = fmt.Sprint(rule.Alerts, " ", rule.Events)
	}
	want := map[string]string{"noise": "1 2", "done": "1 1", "less": "1 2", "watched": "1 2", "paused": "0 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is hidden is unknown to correlation: it joins nothing, and nothing joins it.
func TestHiddenAlertsTieNothingTogether(t *testing.T) {
	r := New(tuned(t, declaredRule("noise", "action: Hide, match: {rules: [scan]}")))
	r.Take(signal("drop", "web-1", 0, file("1")))
	r.Take(signal("scan", "web-1", 1, file("2")))
	r.Take(signal("shell", "web-2", 2, file("2")))
	if incidents := r.Incidents(); len(incidents) != 2 {
		t.Errorf("there are %d incidents, want 2", len(incidents))
	}
}

func TestIncidentOfResolvedAlerts(t *testing.T) {
	r := New(tuned(t, declaredRule("done", "action: Resolve, match: {rules: [scan]}")))
	r.Take(signal("scan", "web-1", 0))
	if i := r.Incidents()[0]; i.State != incident.Resolved || i.StateReason != incident.ReasonResolvedByTuning || i.Counts.Active != 0 {
		t.Errorf("%s, %s, %d active", i.State, i.StateReason, i.Counts.Active)
	}
	r.Take(signal("shell", "web-1", 1))
	if i := r.Incidents()[0]; i.State != incident.Active || i.Counts.Alerts != 2 {
		t.Errorf("%s, %d alerts", i.State, i.Counts.Alerts)
	}
}

func TestTuningRules(t *testing.T) {
	var many []string
	for i := range tuning.MaxRules + 1 {
		many = append(many, declaredRule(fmt.Sprint("r", i), "action: Hide, match: {rules: [x]}"))
	}
	for name, tc := range map[string]struct{ in, want string }{
		"nothing":       {"", "no TuningRule is there"},
		"no kind":       {"a: b", "document 1: it has no kind"},
		"another kind":  {"apiVersion: v1\nkind: Secret", "no TuningRule is there"},
		"version":       {"apiVersion: tocsin.dev/v2\nkind: TuningRule", "document 1: it is tocsin.dev/v2 TuningRule, and must be tocsin.dev/v1alpha1 TuningRule"},
		"no name":       {declaredRule("''", "action: Hide, match: {rules: [x]}"), "TuningRule: metadata.name: is missing"},
		"misspelt":      {declaredRule("a", "action: Hide, match: {rule: [x]}"), `unknown field "spec.match.rule"`},
		"no action":     {declaredRule("a", "match: {rules: [x]}"), "TuningRule a: spec.action: Required value"},
		"everything":    {declaredRule("a", "action: Hide, match: {}"), "TuningRule a: spec.match: Invalid value: give at least one of alertSources, rules and expression"},
		"no match":      {declaredRule("a", "action: Hide"), "TuningRule a: spec.match: Required value"},
		"no severity":   {declaredRule("a", "action: Rescore, match: {rules: [x]}"), "TuningRule a: spec.severity: Invalid value: severity goes with action Rescore, which needs it"},
		"two problems":  {declaredRule("a", "action: Drop, mode: X, match: {rules: [x]}"), "TuningRule a: spec.action: Unsupported value: \"Drop\": supported values: \"Hide\", \"Resolve\", \"Rescore\"\nspec.mode: Unsupported value"},
		"long reason":   {strings.Replace(declaredRule("a", "action: Hide, match: {rules: [x]}"), "Noise", strings.Repeat("x", 1025), 1), "TuningRule a: spec.reason: Too long: may not be more than 1024 "},
		"many sources":  {declaredRule("a", "action: Hide, match: {alertSources: [a, b, c, d, e, f, g, h, i]}"), "TuningRule a: spec.match.alertSources: Too many: 9: must have at most 8 items"},
		"a name":        {declaredRule("a", "action: Hide, match: {alertSources: [A_B]}"), "TuningRule a: spec.match.alertSources[0]: Invalid value: "},
		"many problems": {declaredRule("a", "action: Hide, match: {alertSources: [A, B, C, D, E, F, G, H], rules: ['', '', '']}"), "\nand 2 more"},
		"in a list":     {"kind: Secret\n---\n" + listOf(declaredRule("a", "action: Hide, match: {rules: [x]}"), "kind: Secret", declaredRule("b", "action: Hide")), "document 2, item 3: TuningRule b: spec.match: Required value"},
		"twice":         {declaredRule("a", "action: Hide, match: {rules: [x]}") + "---\n" + declaredRule("a", "action: Hide, match: {rules: [x]}"), "document 2: TuningRule a: there is another of that name"},
		"no expression": {declaredRule("a", "action: Hide, match: {expression: alert.x}"), "TuningRule a: spec.match.expression: line 1, column 6: undefined field 'x'"},
		"too many":      {strings.Join(many, "---\n"), "there are more than 256"},
	} {
		t.Run(name, func(t *testing.T) {
			var rules TuningRules
			if err := rules.Read([]byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// A rule holds in its own namespace; a name is unique there only.
func TestTuningOfNamespaces(t *testing.T) {
	in := func(namespace, name string) string {
		return strings.Replace(declaredRule(name, "action: Hide, match: {rules: [x]}"), "{name:", "{namespace: '"+namespace+"', name:", 1)
	}
	for name, tc := range map[string]struct {
		rules     []string
		namespace string
		held      []string
		note      string
		err       string
	}{
		"the same":         {[]string{in("shop", "a")}, "shop", []string{"a"}, "", ""},
		"another":          {[]string{in("bank", "a"), in("shop", "b")}, "shop", []string{"b"}, "Tuning rule a is not used: it is in namespace bank, and the events are of shop.", ""},
		"same name":        {[]string{in("bank", "a"), in("shop", "a")}, "shop", []string{"a"}, "Tuning rule a is not used: it is in namespace bank, and the events are of shop.", ""},
		"rule has none":    {[]string{in("", "a")}, "shop", []string{"a"}, "", ""},
		"source has none":  {[]string{in("shop", "a")}, "", []string{"a"}, "", ""},
		"no telling which": {[]string{in("shop", "a"), in("bank", "a")}, "", nil, "", "TuningRule a: there is one of that name in several namespaces"},
	} {
		t.Run(name, func(t *testing.T) {
			var rules TuningRules
			if err := rules.Read([]byte(strings.Join(tc.rules, "---\n"))); err != nil {
				t.Fatal(err)
			}
			set, notes, err := rules.For(tc.namespace)
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("got %v, want %s", err, tc.err)
			}
			var held []string
			for _, rule := range set.Rules() {
				held = append(held, rule.Name)
			}
			if diff := cmp.Diff(tc.held, held) + cmp.Diff(tc.note, strings.Join(notes, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What keeps a rule from doing anything is told, of each rule once.
func TestTuningNotes(t *testing.T) {
	r := New(tuned(t,
		declaredRule("ended", "action: Hide, match: {rules: [drift]}, expiresAt: '2026-05-04T08:05:00Z'"),
		declaredRule("ended-after-use", "action: Hide, match: {rules: [scan]}, expiresAt: '2026-05-04T08:05:00Z'"),
		declaredRule("fails", "action: Resolve, match: {expression: \"alert.entities[7].name == 'x'\"}"),
		declaredRule("paused", "action: Hide, suspend: true, match: {rules: [shell]}"),
		declaredRule("unmatched", "action: Hide, match: {rules: [nothing]}, expiresAt: '2027-05-04T08:05:00Z'"),
		declaredRule("works", "action: Resolve, match: {rules: [shell]}"),
	))
	r.Take(signal("scan", "web-1", 0))
	r.Take(signal("shell", "web-1", 10))
	r.Take(signal("drift", "web-1", 11))
	got := strings.Join(r.TuningNotes(), "\n")
	want := `Tuning rule ended matched nothing before it expired at 2026-05-04T08:05:00Z, by the time of the events.
Tuning rule paused was not applied: it is suspended.
Tuning rule fails failed on 2 events, and matches nothing on which it fails. The first time: match.expression: `
	if !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 2 {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// A rule that fails on an event where it is held against the open alert, and where
// it opens another, failed on one event.
func TestFailureIsCountedOnce(t *testing.T) {
	r := New(tuned(t, declaredRule("noise", "action: Hide, match: {expression: \"alert.entities[1].name != 'none'\"}")))
	first, second := signal("scan", "web-1", 0, file("1")), signal("scan", "web-1", 1)
	second.Fingerprint = first.Fingerprint
	r.Take(first)
	r.Take(second)
	if rule := r.Tuned()[0]; rule.Alerts != 1 || rule.Failures != 1 {
		t.Errorf("it hid %d alerts and failed on %d events, want 1 and 1", rule.Alerts, rule.Failures)
	}
}

// The feed tells of a hidden event which rule hides it.
func TestHiddenOutcome(t *testing.T) {
	var got []Outcome
	feed := NewFeed(New(tuned(t, declaredRule("noise", "action: Hide, match: {rules: [scan]}"))), false, func(_ int, o Outcome) { got = append(got, o) })
	for _, event := range []model.Alert{signal("scan", "web-1", 0), signal("scan", "web-1", 1), signal("shell", "web-1", 2)} {
		feed.newest = morning.Add(time.Hour)
		feed.place(held{Alert: event})
	}
	hidden := Outcome{State: StateSuppressed, Reason: "Hidden by tuning rule noise", Opened: true, Hidden: true}
	again := hidden
	again.Opened = false
	if diff := cmp.Diff([]Outcome{hidden, again, {State: StateNew, Alert: 1, Opened: true}}, got); diff != "" {
		t.Error(diff)
	}
}

// An attack that falls into an alert which stands for noise is not resolved or
// rescored with it.
func TestAttackInTunedNoise(t *testing.T) {
	for _, action := range []string{"Hide", "Resolve", "Rescore, severity: Informational"} {
		t.Run(action, func(t *testing.T) {
			from := sourceOf(t, flooding)
			run := New(tuned(t, declaredRule("ours", "action: "+action+`, match: {expression: "alert.title.startsWith('scan')"}`)))
			feed := NewFeed(run, false, func(int, Outcome) {})
			for i, title := range []string{"scan", "scan", "scan", "scan", "guessing", "guessing", "scan", "guessing"} {
				event := fmt.Sprintf(`{"id": "shared", "name": %q, "host": "a", "at": "2026-05-04T08:00:%02dZ"}`, title, i)
				records, err := Open(strings.NewReader(event), "events", from)
				if err == nil {
					err = feed.Read(records, from)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for i := range run.Alerts() {
				a := run.Alert(i)
				got = append(got, fmt.Sprintf("%s %q %d", a.Alert.Title, a.Tuning.Rule, a.Alert.Occurrences))
			}
			if diff := cmp.Diff([]string{`scan "ours" 4`, `guessing "" 4`}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
