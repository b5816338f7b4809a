package rollup

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func entity(kind model.EntityKind, name string) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Category: model.CategoryEvidence}
}

func asset(kind model.EntityKind, name string) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Category: model.CategoryAsset}
}

func TestPlaceOf(t *testing.T) {
	for name, test := range map[string]struct {
		entities []model.Entity
		want     string
	}{
		"workload":                    {[]model.Entity{asset(model.KindPod, "shop/web-1"), asset(model.KindWorkload, "shop/Deployment/web")}, "Workload/shop/Deployment/web"},
		"pod of a deployment":         {[]model.Entity{asset(model.KindNode, "n"), asset(model.KindPod, "shop/web-7d4b9c6f5d-x2x5z")}, "Pod/shop/web-*"},
		"pod of a daemon set":         {[]model.Entity{asset(model.KindPod, "shop/agent-x2x5z")}, "Pod/shop/agent-*"},
		"pod of a scheduled job":      {[]model.Entity{asset(model.KindPod, "shop/backup-29012345-x2x5z")}, "Pod/shop/backup-*"},
		"pod of a stateful set":       {[]model.Entity{asset(model.KindPod, "shop/db-0")}, "Pod/shop/db-*"},
		"pod of nobody":               {[]model.Entity{asset(model.KindPod, "shop/web")}, "Pod/shop/web"},
		"node":                        {[]model.Entity{asset(model.KindUser, "ann"), entity(model.KindNode, "node-1")}, "Node/node-1"},
		"device":                      {[]model.Entity{asset(model.KindUser, "ann"), asset(model.KindDevice, "laptop")}, "Device/laptop"},
		"asset":                       {[]model.Entity{entity(model.KindIP, "203.0.113.7"), asset(model.KindMailbox, "ann"), asset(model.KindUser, "bob")}, "Mailbox/ann"},
		"evidence only is no place":   {[]model.Entity{entity(model.KindIP, "203.0.113.7")}, "/"},
		"a name that ends in a dash":  {[]model.Entity{asset(model.KindPod, "shop/-0")}, "Pod/shop/-*"},
		"a year is not the nth pod":   {[]model.Entity{asset(model.KindPod, "shop/report-20260504")}, "Pod/shop/report-20260504"},
		"letters that could be words": {[]model.Entity{asset(model.KindPod, "shop/mail-relay")}, "Pod/shop/mail-relay"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PlaceOf(test.entities).String(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func event() model.Alert {
	return model.Alert{
		Source: "falco", Rule: "Shell", Title: "Shell in a pod", Severity: model.SeverityHigh, Fingerprint: "f",
		Tactics: []model.Tactic{"Execution"}, Techniques: []string{"T1059"}, ProviderIncident: "7",
		First: start, Last: start, Entities: []model.Entity{asset(model.KindPod, "shop/db-0")},
	}
}

func TestFold(t *testing.T) {
	for name, test := range map[string]struct {
		level       Level
		title, rule string
		alone       bool
		tactics     int
	}{
		"at a place":  {Place, "Shell in a pod (further alerts of this rule on shop/db-*)", "Shell", false, 1},
		"of a rule":   {Rule, "Shell in a pod (further alerts of this rule)", "Shell", true, 1},
		"of a source": {Source, "Further alerts of falco", "further-alerts", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := Fold(event(), test.level, start)
			if got.Title != test.title || got.Rule != test.rule || got.CorrelationDisabled != test.alone || len(got.Tactics) != test.tactics {
				t.Errorf("%+v", got)
			}
			if got.ProviderIncident != "" || got.Severity != model.SeverityHigh || len(got.Fingerprint) != 32 {
				t.Errorf("%+v", got)
			}
		})
	}
	if diff := cmp.Diff(event(), Fold(event(), Single, start)); diff != "" {
		t.Errorf("a single alert is changed: %s", diff)
	}
}

// TestFoldedTogether: what differs in what a roll-up is about is rolled up apart.
func TestFoldedTogether(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*model.Alert)
		same   map[Level]bool
	}{
		"fingerprint": {func(a *model.Alert) { a.Fingerprint = "g" }, map[Level]bool{Place: true, Rule: true, Source: true}},
		"title":       {func(a *model.Alert) { a.Title = "Shell" }, map[Level]bool{Place: true, Rule: true, Source: true}},
		"pod":         {func(a *model.Alert) { a.Entities = []model.Entity{asset(model.KindPod, "shop/db-1")} }, map[Level]bool{Place: true, Rule: true, Source: true}},
		"place":       {func(a *model.Alert) { a.Entities = nil }, map[Level]bool{Place: false, Rule: true, Source: true}},
		"rule":        {func(a *model.Alert) { a.Rule = "Miner" }, map[Level]bool{Place: false, Rule: false, Source: true}},
		"severity":    {func(a *model.Alert) { a.Severity = model.SeverityLow }, map[Level]bool{}},
		"source":      {func(a *model.Alert) { a.Source = "other" }, map[Level]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for _, level := range []Level{Place, Rule, Source} {
				changed := event()
				test.change(&changed)
				want, got := Fold(event(), level, start).Fingerprint, Fold(changed, level, start).Fingerprint
				if (got == want) != test.same[level] || seen[want] {
					t.Errorf("level %d: the same roll-up: %t", level, got == want)
				}
				seen[want] = true
			}
		})
	}
}

// TestFoldedTimes: the sender's times open and end no roll-ups.
func TestFoldedTimes(t *testing.T) {
	for name, test := range map[string]struct{ first, last, wantFirst, wantLast time.Duration }{
		"believed":       {-30 * time.Minute, -time.Minute, -30 * time.Minute, -time.Minute},
		"long ago":       {-1000 * time.Hour, -999 * time.Hour, 0, 0},
		"begun long ago": {-1000 * time.Hour, -time.Minute, -time.Minute, -time.Minute},
		"in the future":  {2 * time.Hour, 3 * time.Hour, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := event()
			a.First, a.Last = start.Add(test.first), start.Add(test.last)
			got := Fold(a, Place, start)
			if got.First.Sub(start) != test.wantFirst || got.Last.Sub(start) != test.wantLast {
				t.Errorf("from %s to %s", got.First.Sub(start), got.Last.Sub(start))
			}
		})
	}
}

func TestLongTitles(t *testing.T) {
	for name, test := range map[string]struct{ title, place, end string }{
		"title": {strings.Repeat("ä", maxTitle), "shop/db", "… (further alerts of this rule on shop/db)"},
		"place": {"Shell", strings.Repeat("ö", 512), "…"},
		"both":  {strings.Repeat("ä", maxTitle), strings.Repeat("ö", 512), "…"},
	} {
		t.Run(name, func(t *testing.T) {
			a := event()
			a.Title, a.Entities = test.title, []model.Entity{asset(model.KindNode, test.place)}
			got := Fold(a, Place, start).Title
			if n := utf8.RuneCountInString(got); n != maxTitle || !strings.HasSuffix(got, test.end) || !utf8.ValidString(got) {
				t.Errorf("%d characters: %s", n, got)
			}
		})
	}
}
