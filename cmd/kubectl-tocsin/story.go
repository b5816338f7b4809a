package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/replay"
)

const (
	// These bound what is told of one incident: it should fit on a screen.
	maxAssets = 5 // of a kind
	maxStages = 10
	maxAlerts = 12

	maxTechniques = 5
	// stamp is how a time is written.
	stamp = "2006-01-02 15:04:05"
)

// writeStory tells the incidents, the first limit of them.
func writeStory(out io.Writer, run *replay.Run, limit int, b *book) {
	incidents := run.Incidents()
	fmt.Fprintln(out, overview(incidents, b))
	tellTuning(out, run.Tuned())
	shown := incidents
	if limit > 0 && len(shown) > limit {
		shown = shown[:limit]
	}
	for n, i := range shown {
		fmt.Fprintf(out, "\n%d. %s\n", n+1, i.Title)
		tell(out, i)
	}
	if more := len(incidents) - len(shown); more > 0 {
		fmt.Fprintf(out, "\nThere are %d more; --limit 0 tells them all.\n", more)
	}
}

// overview says in a line what became of the events.
func overview(incidents []replay.Incident, b *book) string {
	alerts, events := b.counts[replay.StateNew], 0
	for _, n := range b.counts {
		events += n
	}
	parts := []string{}
	for _, part := range []struct {
		n         int
		one, more string
	}{
		{b.counts[replay.StateDuplicate], "repeats one", "repeat one"},
		{b.counts[replay.StateRolledUp], "is rolled up", "are rolled up"},
		{b.hidden, "is hidden", "are hidden"},
		{b.counts[replay.StateSuppressed] - b.hidden, "is no alert", "are no alert"},
		{b.counts[replay.StateRejected], "could not be read", "could not be read"},
	} {
		switch n := part.n; n {
		case 0:
		case 1:
			parts = append(parts, "1 "+part.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, part.more))
		}
	}
	line := fmt.Sprintf("%s became %s in %s", plural(events, "event"), plural(alerts, "alert"), plural(len(incidents), "incident"))
	if len(parts) > 0 {
		line += "; " + strings.Join(parts, ", ")
	}
	return line + "."
}

func tell(out io.Writer, i replay.Incident) {
	line := func(format string, args ...any) { fmt.Fprintf(out, "   "+format+"\n", args...) }
	line("%s severity, priority %d of 100; incident %s", i.Severity, i.Priority.Score, i.Name)
	line("%s", span(i.First, i.Last))
	line("%s, %s, from %s", plural(i.Counts.Alerts, "alert"), plural(int(i.Counts.Occurrences), "event"), strings.Join(i.Services, ", "))
	if len(i.RedirectedFrom) > 0 {
		line("merged from %s", few(i.RedirectedFrom, len(i.RedirectedFrom), maxStages))
	}
	tellAssets(line, i)
	tellTechniques(line, i)
	tellPath(line, i)
	tellAlerts(line, i)
	for _, s := range i.Similar {
		line("Similar: incident %s %s", s.Incident, s.Message)
	}
}

func tellAssets(line func(string, ...any), i replay.Incident) {
	for _, group := range i.Assets {
		var names []string
		for _, asset := range group.Top {
			names = append(names, asset.Name)
		}
		line("%s: %s", plural(group.Total, words(string(group.Kind))), few(names, group.Total, maxAssets))
	}
}

// tellTechniques names the techniques; one that has no name is not in the table.
func tellTechniques(line func(string, ...any), i replay.Incident) {
	var names []string
	for _, id := range i.Techniques {
		names = append(names, strings.TrimSpace(id+" "+attack.Name(id)))
	}
	if len(names) > 0 {
		line("%s: %s", plural(i.Counts.Techniques, "technique"), few(names, i.Counts.Techniques, maxTechniques))
	}
}

// tellPath says in which order assets were reached, where there are several.
func tellPath(line func(string, ...any), i replay.Incident) {
	if len(i.Path) < 2 {
		return
	}
	line("Path:")
	for _, stage := range i.Path[:min(len(i.Path), maxStages)] {
		text := stage.At.Format(stamp) + "  " + stage.Asset.String()
		var tactics []string
		for _, t := range stage.Tactics {
			tactics = append(tactics, words(string(t)))
		}
		if len(tactics) > 0 {
			text += ": " + strings.Join(tactics, ", ")
		}
		line("  %s", text)
	}
	if more := i.TotalStages - maxStages; more > 0 {
		line("  and %d more", more)
	}
}

func tellAlerts(line func(string, ...any), i replay.Incident) {
	numbers := map[string]int{}
	for n, a := range i.Alerts {
		numbers[a.Alert.Name] = n + 1
	}
	line("Alerts:")
	for n, a := range i.Alerts[:min(len(i.Alerts), maxAlerts)] {
		text := a.Alert.Title
		if asset := assetOf(a.Alert); asset != "" {
			text = strings.TrimSuffix(text, ".") + " on " + asset
		}
		if a.Alert.Occurrences > 1 {
			text += fmt.Sprintf(" (%d times)", a.Alert.Occurrences)
		}
		line("  #%d  %s  %s", n+1, a.Alert.First.Format(stamp), text)
		line("      %s; %s", severity(a), why(a, i, numbers))
	}
	if more := len(i.Alerts) - maxAlerts; more > 0 {
		line("  and %d more", more)
	}
}

// assetOf is what an alert names first of what was hit.
func assetOf(a model.Alert) string {
	for _, e := range a.Entities {
		if e.Category == model.CategoryAsset {
			return e.String()
		}
	}
	return ""
}

// why says why an alert is in its incident.
func why(a replay.Placed, i replay.Incident, numbers map[string]int) string {
	if len(a.Links) == 0 {
		switch {
		case a.Reason == correlation.ReasonCorrelationDisabled:
			return "kept to itself: correlation is disabled for it"
		case a.Alert.Name != i.Name:
			return "opened an incident that was merged into this one"
		}
		return "opened the incident"
	}
	l := a.Links[0]
	peer := "another alert"
	if n, ok := numbers[l.Peer]; ok {
		peer = fmt.Sprintf("#%d", n)
	}
	switch l.Reason {
	case correlation.LinkProximateTime:
		return fmt.Sprintf("so close in time to %s that chance is unlikely (%.1f bits)", peer, l.Weight)
	case correlation.LinkSameProviderIncident:
		return fmt.Sprintf("the sender has it in the same incident as %s: %s", peer, l.Entity.Name)
	case correlation.LinkRoutine:
		if l.Entity.Name == "" {
			return "routine that names nothing, kept with " + peer
		}
		return fmt.Sprintf("routine of %s, kept with %s", l.Entity, peer)
	}
	return fmt.Sprintf("%s as %s: %s (%.1f bits against chance)", words(l.Reason), peer, l.Entity, l.Weight)
}

// words spells a constant as prose: "SameAddress" is "same address".
func words(constant string) string {
	var b strings.Builder
	for i, r := range constant {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "x"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// few joins the first names of many.
func few(names []string, total, limit int) string {
	names = names[:min(len(names), limit)]
	if more := total - len(names); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), more)
	}
	return strings.Join(names, ", ")
}

// span is from when to when, and how long that was.
func span(first, last time.Time) string {
	lasted := last.Sub(first).Truncate(time.Second)
	if lasted == 0 {
		return first.Format(stamp)
	}
	return fmt.Sprintf("%s to %s (%s)", first.Format(stamp), last.Format(stamp), lasted)
}
