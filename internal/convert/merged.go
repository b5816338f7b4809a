package convert

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
)

// ReasonMergedByPerson is the reason of the condition Merged where a person
// asked for the merge.
const ReasonMergedByPerson = "MergedByPerson"

// Redirect is where an Incident was merged into, and why.
func Redirect(inc *v1alpha1.Incident) incident.Redirect {
	out := incident.Redirect{To: string(inc.Status.RedirectedTo)}
	done := meta.FindStatusCondition(inc.Status.Conditions, v1alpha1.IncidentConditionMerged)
	asked := inc.Spec.MergeInto
	switch {
	case out.To == "" || done == nil:
	case done.Reason == ReasonMergedByPerson && asked != nil:
		out.By, out.Why = cmp.Or(asked.RequestedBy, "a person"), asked.Reason
	default:
		out.Why = done.Reason
	}
	return out
}

// Source is what an Incident brings to the one that it was merged into.
func Source(inc *v1alpha1.Incident) incident.Source {
	out := incident.Source{
		Name: inc.Name, Redirect: Redirect(inc),
		Title: inc.Spec.Title, TitleFrom: inc.Name,
		Comments: carriedComments(&inc.Status), Tags: carriedTags(&inc.Status), Activities: activities(&inc.Status),
		CommentTotal: len(inc.Spec.Comments),
	}
	if done := meta.FindStatusCondition(inc.Status.Conditions, v1alpha1.IncidentConditionMerged); done != nil {
		out.At = done.LastTransitionTime.UTC()
	}
	if out.Title == "" && inc.Status.TitleFrom != "" {
		out.Title, out.TitleFrom = inc.Status.Title, string(inc.Status.TitleFrom)
	}
	if inc.Status.Counts != nil {
		out.CommentTotal += int(ptr.Deref(inc.Status.Counts.Comments, 0))
	}
	for _, c := range inc.Spec.Comments {
		out.Comments = append(out.Comments, comment(inc.Name, c))
	}
	for _, tag := range inc.Spec.Tags {
		out.Tags = append(out.Tags, incident.Tag{Incident: inc.Name, Tag: tag})
	}
	return out
}

func comment(origin string, c v1alpha1.Comment) incident.Comment {
	return incident.Comment{Incident: origin, Time: utc(c.Time), Author: c.Author, Text: c.Text}
}

func carriedComments(status *v1alpha1.IncidentStatus) []incident.Comment {
	var out []incident.Comment
	for _, c := range status.Comments {
		out = append(out, comment(string(c.IncidentName), c.Comment))
	}
	return out
}

func carriedTags(status *v1alpha1.IncidentStatus) []incident.Tag {
	var out []incident.Tag
	for _, t := range status.Tags {
		out = append(out, incident.Tag{Incident: string(t.IncidentName), Tag: t.Tag})
	}
	return out
}

func activities(status *v1alpha1.IncidentStatus) []incident.Activity {
	var out []incident.Activity
	for _, a := range status.Activities {
		out = append(out, incident.Activity{Time: a.Time.UTC(), Type: a.Type, Actor: a.Actor, Message: a.Message, Incident: string(a.IncidentName)})
	}
	return out
}

// carry writes what merged incidents brought, and the log that goes with it.
func carry(out *v1alpha1.IncidentStatus, s incident.Summary) {
	for _, name := range s.MergedFrom {
		out.MergedFrom = append(out.MergedFrom, v1alpha1.LocalName(name))
	}
	for _, c := range s.Comments {
		out.Comments = append(out.Comments, v1alpha1.CarriedComment{
			IncidentName: v1alpha1.LocalName(c.Incident),
			Comment:      v1alpha1.Comment{Text: c.Text, Author: c.Author, Time: timeOf(c.Time)},
		})
	}
	for _, t := range s.Tags {
		out.Tags = append(out.Tags, v1alpha1.CarriedTag{IncidentName: v1alpha1.LocalName(t.Incident), Tag: t.Tag})
	}
	for _, a := range s.Activities {
		out.Activities = append(out.Activities, v1alpha1.Activity{
			Time: metav1.NewMicroTime(a.Time), Type: a.Type, Actor: a.Actor, Message: a.Message, IncidentName: v1alpha1.LocalName(a.Incident),
		})
	}
}
