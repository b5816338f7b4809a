package main

import (
	"fmt"
	"io"

	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/replay"
)

// maxIdle bounds how many rules are named that matched nothing.
const maxIdle = 10

// tellTuning says in a line what each tuning rule did.
func tellTuning(out io.Writer, rules []replay.Tuned) {
	var idle []string
	for _, rule := range rules {
		if rule.Alerts == 0 {
			idle = append(idle, rule.Name)
			continue
		}
		fmt.Fprintf(out, "Tuning rule %s %s.\n", rule.Name, deed(rule))
	}
	switch {
	case len(idle) == 1:
		fmt.Fprintf(out, "Tuning rule %s matched nothing.\n", idle[0])
	case len(idle) > 1:
		fmt.Fprintf(out, "%d tuning rules matched nothing: %s.\n", len(idle), few(idle, len(idle), maxIdle))
	}
}

// deed is what a rule did, or would have done: "hid 2 alerts (5 events)".
func deed(rule replay.Tuned) string {
	verbs := map[tuning.Action][2]string{
		tuning.Hide: {"hid", "would hide"}, tuning.Resolve: {"resolved", "would resolve"}, tuning.Rescore: {"rescored", "would rescore"},
	}[rule.Action]
	verb := verbs[0]
	if rule.Monitor {
		verb = "only monitors: it " + verbs[1]
	}
	text := fmt.Sprintf("%s %s (%s)", verb, plural(rule.Alerts, "alert"), plural(int(rule.Events), "event"))
	if rule.Action == tuning.Rescore {
		text += " to " + rule.Severity.String()
	}
	return text
}

// severity says how severe an alert is, and what tuning has to do with it.
func severity(a replay.Placed) string {
	text := a.Alert.Severity.String() + " severity"
	switch a.Tuning.Action {
	case tuning.Rescore:
		text += " by tuning rule " + a.Tuning.Rule
		if a.DetectedSeverity != a.Alert.Severity {
			text += ", detected as " + a.DetectedSeverity.String()
		}
	case tuning.Resolve:
		text += ", resolved by tuning rule " + a.Tuning.Rule
	}
	return text
}
