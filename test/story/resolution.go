package story

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

const triage = `{"spec": {
  "assignedTo": "alice", "classification": "TruePositive", "determination": "MultiStagedAttack",
  "comments": [{"text": "The contractor's credentials are revoked; the shop's service account loses its rights."}]}}`

// resolution lets a person say what it was, and waits for the end.
func resolution(ctx context.Context, w *World) error {
	w.say("alice says what it was: a true positive, a multi-staged attack.")
	if _, err := w.as(ctx, Alice, "", "-n", Tenant, "patch", "incident", w.Incident, "--type=merge", "--patch", triage); err != nil {
		return err
	}
	var found v1alpha1.Incident
	err := Every(ctx, "the resolution of incident "+w.Incident, func(ctx context.Context) error {
		if err := w.get(ctx, Tenant, w.Incident, &found); err != nil {
			return err
		}
		resolved := meta.FindStatusCondition(found.Status.Conditions, v1alpha1.IncidentConditionResolved)
		if found.Status.State != v1alpha1.IncidentResolved || resolved == nil || resolved.Status != "True" {
			return fmt.Errorf("it is %s: %+v", found.Status.State, resolved)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.show(ctx, "-n", Tenant, "get", "incidents"); err != nil {
		return err
	}
	w.say("\nWhat was found and done:")
	w.table("ENTITY|VERDICT|ANSWER", evidenceRows(found.Status.Evidence))
	w.say("\n%s", pace(&found))
	w.say("\nIts activity log:")
	w.table("TIME|WHO|WHAT", activityRows(found.Status.Activities))
	return nil
}

// pace says how fast it went, from the first event on.
func pace(inc *v1alpha1.Incident) string {
	first, times := inc.Status.FirstActivityTime, inc.Status.Times
	if first == nil || times == nil || times.Contained == nil || times.Resolved == nil {
		return "How fast it went is not known."
	}
	// Times are kept in whole seconds.
	since := func(t *metav1.Time) time.Duration { return t.Sub(first.Truncate(time.Second)) }
	return fmt.Sprintf("Contained %s after the attacker's first step, resolved after %s.", since(times.Contained), since(times.Resolved))
}

func evidenceRows(evidence []v1alpha1.Evidence) [][]string {
	var rows [][]string
	for _, e := range evidence {
		rows = append(rows, []string{string(e.Kind) + "/" + e.Name, string(e.Verdict), string(e.RemediationStatus)})
	}
	return rows
}

func activityRows(activities []v1alpha1.Activity) [][]string {
	var rows [][]string
	for _, a := range activities {
		rows = append(rows, []string{a.Time.Format("15:04:05"), a.Actor, short(a.Message, 100)})
	}
	return rows
}
