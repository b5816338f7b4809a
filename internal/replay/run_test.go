package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var morning = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

// signal is an event of a rule on a device, some minutes after the morning.
func signal(rule, device string, minutes int, more ...model.Entity) model.Alert {
	at := morning.Add(time.Duration(minutes) * time.Minute)
	return model.Alert{
		Service: "probe", Rule: rule, Title: rule, Severity: model.SeverityMedium, First: at, Last: at, Occurrences: 1,
		Fingerprint: rule + " on " + device,
		Entities: append([]model.Entity{
			{Key: model.Key{Kind: model.KindDevice, Name: device}, Role: model.RoleAttacked, Category: model.CategoryAsset},
		}, more...),
	}
}

func file(hash string) model.Entity {
	return model.Entity{Key: model.Key{Kind: model.KindFile, Name: "sha256:" + hash}, Role: model.RoleSuspicious, Category: model.CategoryEvidence}
}

func TestWindow(t *testing.T) {
	r := New(DefaultPolicies())
	var got []string
	for _, minutes := range []int{0, 1, 59, 200} {
		number, opened := r.Take(signal("scan", "web-1", minutes))
		got = append(got, fmt.Sprintf("%d %t", number, opened))
	}
	if diff := cmp.Diff([]string{"0 true", "0 false", "0 false", "1 true"}, got); diff != "" {
		t.Error(diff)
	}
	first, second := r.Alert(0).Alert, r.Alert(1).Alert
	if first.Occurrences != 3 || !first.Last.Equal(morning.Add(59*time.Minute)) || !first.First.Equal(morning) {
		t.Errorf("the first has %d occurrences from %s to %s", first.Occurrences, first.First, first.Last)
	}
	if first.Name == second.Name || !strings.HasPrefix(second.Name, "scan-") || r.Alerts() != 2 {
		t.Errorf("%s, then %s", first.Name, second.Name)
	}
}

// TestRepetitionsKeepAnIncidentAlive: it takes alerts until a day after its last
// event, not after its last alert.
func TestRepetitionsKeepAnIncidentAlive(t *testing.T) {
	for _, hours := range []int{0, 23} {
		r := New(DefaultPolicies())
		for minutes := 0; minutes <= hours*60; minutes += 50 {
			r.Take(signal("beacon", "web-1", minutes, file("1")))
		}
		number, _ := r.Take(signal("drop", "web-2", 25*60, file("1")))
		if joined := r.Alert(number).Incident == r.Alert(0).Incident; joined != (hours > 0) {
			t.Errorf("with events for %d hours: joined is %t", hours, joined)
		}
	}
}

// TestEventBehindTheOthers counts, and does not turn the time back.
func TestEventBehindTheOthers(t *testing.T) {
	r := New(DefaultPolicies())
	r.Take(signal("scan", "web-1", 30))
	if number, opened := r.Take(signal("scan", "web-1", 10)); number != 0 || opened {
		t.Errorf("alert %d, opened %t", number, opened)
	}
	if a := r.Alert(0).Alert; a.Occurrences != 2 || !a.Last.Equal(morning.Add(30*time.Minute)) {
		t.Errorf("%d occurrences until %s", a.Occurrences, a.Last)
	}
}

func TestMerge(t *testing.T) {
	r := New(DefaultPolicies())
	r.Take(signal("login", "web-1", 0))
	r.Take(signal("scan", "db-1", 100))
	if a, b := r.Alert(0), r.Alert(1); a.Incident == b.Incident {
		t.Fatalf("both are in %s already", a.Incident)
	}
	both := signal("worm", "web-1", 101)
	both.Entities = append(both.Entities, signal("", "db-1", 0).Entities...)
	both.Entities = append(both.Entities, file("1"))
	r.Take(signal("drop", "web-1", 99, file("1")))
	r.Take(signal("drop", "db-1", 99, file("1")))
	r.Take(both)
	incidents := r.Incidents()
	var merged []Incident
	for _, i := range incidents {
		if len(i.RedirectedFrom) > 0 {
			merged = append(merged, i)
		}
	}
	if len(merged) != 1 {
		t.Fatalf("%d incidents were merged from others: %+v", len(merged), incidents)
	}
	for _, from := range merged[0].RedirectedFrom {
		if number, known := r.byName[from]; !known || r.Alert(number).Incident != merged[0].Name {
			t.Errorf("%s was merged, and its alert is in %s", from, r.Alert(number).Incident)
		}
	}
}

// TestMove: what looked like routine is taken along by what turns out not to be.
func TestMove(t *testing.T) {
	r := New(DefaultPolicies())
	once := func(rule, device string, seconds int) int {
		event := signal(rule, device, 0)
		event.First = morning.Add(time.Duration(seconds) * time.Second)
		event.Last, event.Fingerprint = event.First, fmt.Sprint(rule, device, seconds)
		number, _ := r.Take(event)
		return number
	}
	const hour, threeDays = 3600, 72 * 3600
	for i := range 72 {
		once("heartbeat lost", "web-1", i*hour)
	}
	for i := range 13 { // a scan that comes a few times a day
		once("scan", "web-3", i*5*hour)
	}
	for i := range 8 {
		once("scan", "web-3", 61*hour+i*70*60)
	}
	early := once("scan", "web-3", threeDays)
	if p := r.Alert(early); p.Reason != correlation.ReasonRoutine {
		t.Fatalf("the scan is no routine: %+v", p)
	}
	late := once("webshell", "web-1", threeDays+40)
	got, shell := r.Alert(early), r.Alert(late)
	if got.Incident != shell.Incident || len(got.Links) != 1 || got.Links[0].Peer != shell.Alert.Name {
		t.Errorf("the scan is in %s with links %v, the web shell in %s", got.Incident, got.Links, shell.Incident)
	}
}

func TestOptOut(t *testing.T) {
	p := DefaultPolicies()
	var err error
	p.OptOuts, err = match.CompileAll("optOuts", []match.Named{{Name: "scans", Match: match.Match{Rules: []string{"scan"}}}})
	if err != nil {
		t.Fatal(err)
	}
	r := New(p)
	r.Take(signal("login", "web-1", 0, file("1")))
	r.Take(signal("scan", "web-1", 1, file("1")))
	r.Take(signal("drop", "web-1", 1, file("1")))
	disabled := signal("leak", "web-1", 1, file("1"))
	disabled.CorrelationDisabled = true
	r.Take(disabled)
	for number, alone := range []bool{false, true, false, true} {
		p := r.Alert(number)
		if got := p.Incident == p.Alert.Name && p.Reason == correlation.ReasonCorrelationDisabled; got != alone {
			t.Errorf("%s is alone: %t, want %t (%s)", p.Alert.Rule, got, alone, p.Reason)
		}
	}
	if a, b := r.Alert(0).Incident, r.Alert(2).Incident; a != b {
		t.Errorf("%s and %s: what is not opted out is kept apart too", a, b)
	}
}

func TestIncidents(t *testing.T) {
	r := New(DefaultPolicies())
	early := signal("login", "web-1", 0, file("1"))
	early.Tactics, early.Techniques, early.Severity = []model.Tactic{model.TacticInitialAccess}, []string{"T1078"}, model.SeverityHigh
	late := signal("drop", "web-2", 1, file("1"))
	late.Tactics = []model.Tactic{model.TacticExecution}
	r.Take(signal("other", "far-away", 3000))
	r.Take(early)
	r.Take(early)
	r.Take(late)
	got := r.Incidents()
	if len(got) != 2 {
		t.Fatalf("%d incidents", len(got))
	}
	wide := got[0]
	if wide.Counts.Alerts != 2 || wide.Counts.Occurrences != 3 || wide.Severity != model.SeverityHigh || wide.Name != r.Alert(1).Alert.Name {
		t.Errorf("the widest does not come first, or is not whole: %+v", wide)
	}
	if want := "Multi-stage incident involving Initial access & Execution on multiple devices"; wide.Title != want {
		t.Errorf("title %q", wide.Title)
	}
	if diff := cmp.Diff([]string{"Device/web-1", "Device/web-2"}, wide.AssetNames()); diff != "" {
		t.Error(diff)
	}
	if len(wide.Path) != 2 || wide.TotalStages != 2 || wide.Path[0].Asset.Name != "web-1" || len(wide.Alerts[1].Links) == 0 {
		t.Errorf("path %v, alerts %+v", wide.Path, wide.Alerts)
	}
}

// TestSimilar: what is too far apart in time is named, as what it is part of now.
func TestSimilar(t *testing.T) {
	r := New(DefaultPolicies())
	r.Take(signal("drop", "web-1", 0, file("1")))
	r.Take(signal("drop", "far-away", 72*60, file("1")))
	var found bool
	for _, i := range r.Incidents() {
		for _, s := range i.Similar {
			found = found || i.Name == r.Alert(1).Incident && s.Incident == r.Alert(0).Incident && s.Message != ""
		}
	}
	if !found {
		t.Errorf("the same file is not named: %+v", r.Incidents())
	}
}

// TestMergedTwice: an incident comes from all that were merged on the way to it.
func TestMergedTwice(t *testing.T) {
	r := New(DefaultPolicies())
	for i, device := range []string{"web-1", "web-2", "web-3"} {
		r.Take(signal("scan", device, i*3000))
	}
	name := func(number int) string { return r.Alert(number).Alert.Name }
	for _, m := range []correlation.Merge{{Source: name(0), Target: name(1)}, {Source: name(1), Target: name(2)}} {
		r.engine.SetIncident(correlation.IncidentFacts{Name: m.Source, RedirectedTo: m.Target})
		r.redirects = append(r.redirects, m)
	}
	want := slices.Sorted(slices.Values([]string{name(0), name(1)}))
	got := r.Incidents()
	if len(got) != 1 || got[0].Name != name(2) {
		t.Fatalf("%d incidents, the first is %s", len(got), got[0].Name)
	}
	if diff := cmp.Diff(want, got[0].RedirectedFrom); diff != "" {
		t.Error(diff)
	}
}

// TestWidestFirst: two assets come before many alerts about one.
func TestWidestFirst(t *testing.T) {
	r := New(DefaultPolicies())
	for i := range 5 {
		r.Take(signal(fmt.Sprint("step ", i), "busy", i, file("1")))
	}
	r.Take(signal("drop", "web-1", 6000, file("2")))
	r.Take(signal("drop", "web-2", 6001, file("2")))
	got := r.Incidents()
	if len(got) != 2 || got[0].Counts.Assets != 2 || got[1].Counts.Alerts != 5 {
		t.Errorf("%+v", got)
	}
}
