package findings_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
)

var (
	now  = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	web  = findings.NewSubject("ReplicaSet", "shop", "web-6d4cf56db6")
	scan = findings.Kind{Resource: "scans", Group: "example.com", Nature: findings.Nature{
		Service: "scanner", One: "hole", Many: "holes", Role: model.RoleScanned,
	}}
)

// terms hold where all reports have been known for a day.
func terms(change ...func(*findings.Terms)) findings.Terms {
	t := findings.Terms{
		Kind: scan, Scope: findings.Scope{Source: "ours"}, Minimum: model.SeverityMedium,
		Patience: 10 * time.Minute, Complete: now.Add(-24 * time.Hour), Now: now,
	}
	for _, c := range change {
		c(&t)
	}
	return t
}

func found(slot string, critical int64, at time.Time) findings.Finding {
	return findings.Finding{Subject: web, Sensor: "deep", Slot: slot, At: at, Counts: findings.Counts{Critical: critical}, Line: slot}
}

// steps renders what is to be told.
func steps(b *findings.Board, t findings.Terms, told map[string]findings.Told) []string {
	return rendered(b.Decide(t, told))
}

func rendered(decided []decode.Decoded) []string {
	var out []string
	for _, d := range decided {
		if d.Resolved {
			out = append(out, "end at "+d.Alert.Last.Format(time.TimeOnly))
		} else {
			out = append(out, d.Alert.Title)
		}
	}
	return out
}

// open is the alert that a decision on the board leads to.
func open(t *testing.T, b *findings.Board) map[string]findings.Told {
	t.Helper()
	decided := b.Decide(terms(), nil)
	if len(decided) != 1 {
		t.Fatalf("%d steps", len(decided))
	}
	a := decided[0].Alert
	return map[string]findings.Told{a.Fingerprint: {Title: a.Title, Severity: a.Severity, Opened: a.Last}}
}

func TestDecide(t *testing.T) {
	const two = "2 critical holes in Deployment web in namespace shop"
	for name, tc := range map[string]struct {
		reason string
		change func(*findings.Board)
		terms  func(*findings.Terms)
		want   []string
	}{
		"nothing changed":      {"what is told is not told again", func(*findings.Board) {}, nil, nil},
		"written anew":         {"the same from a later scan is the same", func(b *findings.Board) { b.Put("shop/a", []findings.Finding{found("app", 2, now)}) }, nil, nil},
		"more of it":           {"an alert that is no longer right ends; the next look begins another", func(b *findings.Board) { b.Put("shop/a", []findings.Finding{found("app", 3, now)}) }, nil, []string{"end at 05:06:07"}},
		"in another container": {"all of a workload is one alert", func(b *findings.Board) { b.Put("shop/b", []findings.Finding{found("proxy", 1, now)}) }, nil, []string{"end at 05:06:07"}},
		"of an older rollout":  {"of one container the newest report counts", func(b *findings.Board) { b.Put("shop/old", []findings.Finding{found("app", 9, now.Add(-2*time.Hour))}) }, nil, nil},
		"corrected":            {"a report that says so is knowledge", func(b *findings.Board) { b.Put("shop/a", []findings.Finding{found("app", 0, now)}) }, nil, []string{"end at 05:06:07"}},
		"away for a while":     {"scanners delete reports and write them anew", func(b *findings.Board) { b.Remove("shop/a", now.Add(-10*time.Minute)) }, nil, nil},
		"away for long":        {"nobody writes it any more", func(b *findings.Board) { b.Remove("shop/a", now.Add(-11*time.Minute)) }, nil, []string{"end at 05:06:07"}},
		"back in time": {"it was there", func(b *findings.Board) {
			b.Remove("shop/a", now.Add(-11*time.Minute))
			b.Put("shop/a", []findings.Finding{found("app", 2, now)})
		}, nil, nil},
		"away while nobody looked": {"what was not looked at for is waited for again", func(b *findings.Board) { b.Remove("shop/a", now.Add(-time.Hour)) },
			func(t *findings.Terms) { t.Complete = now.Add(-9 * time.Minute) }, nil},
		"not in the list": {"other namespaces are not asked about", func(b *findings.Board) { b.Keep("other", nil, now.Add(-time.Hour)) }, nil, nil},
		"no longer in the list": {"it is away", func(b *findings.Board) { b.Keep("shop", map[string]bool{"shop/b": true}, now.Add(-time.Hour)) }, nil,
			[]string{"end at 05:06:07"}},
		"another scope": {"a source ends its own alerts only if told of them", func(*findings.Board) {},
			func(t *findings.Terms) { t.Scope.Cluster = "other" }, []string{two, "end at 05:06:07"}},
		"clocks differ": {"nothing ends before it was told of", func(b *findings.Board) { b.Put("shop/a", []findings.Finding{found("app", 0, now)}) },
			func(t *findings.Terms) { t.Now = now.Add(-2 * time.Hour) }, []string{"end at 05:06:07"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := findings.NewBoard()
			b.Put("shop/a", []findings.Finding{found("app", 2, now.Add(-time.Hour))})
			told := open(t, b)
			tc.change(b)
			with := terms()
			if tc.terms != nil {
				tc.terms(&with)
			}
			got := steps(b, with, told)
			if diff := cmp.Diff(tc.want, got, cmp.Transformer("set", set)); diff != "" {
				t.Errorf("%s:\n%s", tc.reason, diff)
			}
		})
	}
}

func set(in []string) map[string]int {
	out := map[string]int{}
	for _, s := range in {
		out[s]++
	}
	return out
}

// A restarted process knows no reports: it waits for them as for any.
func TestOrphansAreWaitedFor(t *testing.T) {
	b := findings.NewBoard()
	b.Put("shop/a", []findings.Finding{found("app", 2, now)})
	told := open(t, b)
	since := func(ago time.Duration) findings.Terms {
		return terms(func(t *findings.Terms) { t.Complete = now.Add(-ago) })
	}
	if got := steps(findings.NewBoard(), since(9*time.Minute), told); got != nil {
		t.Errorf("too early: %v", got)
	}
	if got := steps(findings.NewBoard(), since(10*time.Minute), told); len(got) != 1 {
		t.Errorf("never: %v", got)
	}
}

// What follows an end begins after it, wherever the clocks are.
func TestBeginsAfterTheEnd(t *testing.T) {
	b := findings.NewBoard()
	b.Put("shop/a", []findings.Finding{found("app", 2, now)})
	told := open(t, b)
	for print, one := range told {
		one.Ended = now.Add(time.Minute)
		told[print] = one
	}
	decided := b.Decide(terms(), told)
	if len(decided) != 1 || decided[0].Resolved || !decided[0].Alert.Last.After(now.Add(time.Minute)) {
		t.Errorf("%+v", decided)
	}
}

func TestMinimum(t *testing.T) {
	for counts, want := range map[findings.Counts]int{
		{Critical: 1}: 1, {High: 1}: 1, {Medium: 1}: 1, {Unknown: 1}: 1, {Low: 3}: 0, {Informational: 3}: 0, {}: 0, {Low: 1, Medium: 1}: 1,
	} {
		b := findings.NewBoard()
		b.Put("shop/a", []findings.Finding{{Subject: web, Counts: counts, At: now}})
		if got := len(b.Decide(terms(), nil)); got != want {
			t.Errorf("%s: %d alerts, want %d", counts, got, want)
		}
	}
}

// A board keeps no more than it says, and then ends nothing for what is not on it.
func TestBounds(t *testing.T) {
	b := findings.NewBoard()
	b.Put("shop/a", []findings.Finding{found("app", 2, now)})
	told := open(t, b)
	b.Remove("shop/a", now.Add(-time.Hour))
	for i := range findings.MaxFindings / 1000 {
		many := make([]findings.Finding, 1000)
		for j := range many {
			many[j] = findings.Finding{Subject: findings.Subject{Kind: "Service", Namespace: "shop", Name: fmt.Sprint(i, j)}, At: now}
		}
		b.Put(fmt.Sprint("shop/", i), many)
	}
	if !b.Full() {
		t.Error("there is no bound")
	}
	if got := steps(b, terms(), told); got != nil {
		t.Errorf("ends without knowing: %v", got)
	}
}

func TestAlert(t *testing.T) {
	image := model.Entity{Key: model.Key{Kind: model.KindImage, Name: "web:1"}, Role: model.RoleScanned, Category: model.CategoryEvidence}
	one := found("app", 2, now.Add(-time.Hour))
	one.Counts.Low, one.Entities = 1, []model.Entity{image}
	b := findings.NewBoard()
	b.Put("shop/a", []findings.Finding{found("proxy", 1, now), one})
	got := b.Decide(terms(), nil)[0].Alert
	want := model.Alert{
		Source: "ours", Service: "scanner", Detection: "deep", Rule: "scans.example.com",
		Title: "3 critical holes in Deployment web in namespace shop", Description: "3 critical, 1 low.\napp\nproxy",
		Severity: model.SeverityHigh, First: now.Add(-time.Hour), Last: now, Fingerprint: got.Fingerprint, Occurrences: 1,
		Entities: []model.Entity{{Key: model.Key{Kind: model.KindWorkload, Name: "shop/Deployment/web"}, Role: model.RoleScanned, Category: model.CategoryAsset}, image},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	many := make([]findings.Finding, 30)
	for i := range many {
		many[i] = found(fmt.Sprintf("slot %02d", i), 1, now)
	}
	b.Put("shop/a", many)
	if d := b.Decide(terms(), nil)[0].Alert.Description; strings.Count(d, "\n") != 21 || !strings.HasSuffix(d, "\nand 10 more") {
		t.Errorf("%s", d)
	}
}

// What a rule hides no longer ends, and then begins again to be seen: an alert that
// is followed by another is never ended.
func TestHiddenIsRevealed(t *testing.T) {
	const two = "2 critical holes in Deployment web in namespace shop"
	for name, tc := range map[string]struct {
		hiddenBy string
		hides    bool
		critical int64
		want     []string
	}{
		"not hidden":                      {"", false, 2, nil},
		"hidden still":                    {"accepted", true, 2, nil},
		"hidden no longer":                {"accepted", false, 2, []string{"end at 05:06:07"}},
		"hidden no longer, and not right": {"accepted", false, 3, []string{"end at 05:06:07"}},
		"hidden no longer, and gone":      {"accepted", false, 0, []string{"end at 05:06:07"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := findings.NewBoard()
			b.Put("shop/a", []findings.Finding{found("app", 2, now.Add(-time.Hour))})
			told := open(t, b)
			for print, one := range told {
				one.HiddenBy = tc.hiddenBy
				told[print] = one
			}
			b.Put("shop/a", []findings.Finding{found("app", tc.critical, now)})
			got := b.Decide(terms(func(terms *findings.Terms) {
				terms.Hides = func(rule string, a model.Alert) bool {
					if rule != "accepted" || a.Title != two {
						t.Errorf("asks whether rule %q hides %q", rule, a.Title)
					}
					return tc.hides
				}
			}), told)
			if diff := cmp.Diff(tc.want, rendered(got), cmp.Transformer("set", set)); diff != "" {
				t.Error(diff)
			}
			if tc.want == nil {
				return
			}
			for print, one := range told {
				one.Ended = now
				told[print] = one
			}
			for _, d := range b.Decide(terms(), told) {
				if d.Resolved || !d.Alert.Last.After(now) {
					t.Errorf("after the end comes %+v, not an alert that begins later", d)
				}
			}
		})
	}
}

func TestFollows(t *testing.T) {
	hidden := findings.Told{Title: "a", HiddenBy: "accepted", Opened: now}
	ended := findings.Told{Title: "a", Opened: now.Add(time.Hour), Ended: now.Add(2 * time.Hour)}
	later := findings.Told{Title: "a", Opened: now.Add(time.Hour), Ended: now.Add(3 * time.Hour)}
	running := findings.Told{Title: "a", Opened: now.Add(time.Hour)}
	inOrder := []findings.Told{hidden, ended, later, running}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got := a.Follows(b); got != (i > j) {
				t.Errorf("%+v follows %+v: %t", a, b, got)
			}
		}
	}
}
