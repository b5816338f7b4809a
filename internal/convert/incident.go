package convert

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// IncidentFacts is what correlation must know of an Incident. One that is only
// resolved because its alerts were moved away, or tuning rules resolved them all,
// takes alerts again: nobody is done with it.
func IncidentFacts(inc *v1alpha1.Incident) correlation.IncidentFacts {
	reason := resolvedReason(&inc.Status)
	resolved := inc.Status.State == v1alpha1.IncidentResolved && reason != incident.ReasonEmpty && reason != incident.ReasonResolvedByTuning
	return correlation.IncidentFacts{
		Name: inc.Name, RedirectedTo: string(inc.Status.RedirectedTo),
		Resolved:   inc.Spec.State == v1alpha1.IncidentResolved || inc.Spec.State == "" && resolved,
		AssignedTo: inc.Spec.AssignedTo, Classification: string(inc.Spec.Classification),
		Determination: string(inc.Spec.Determination),
		HumanWork:     len(inc.Spec.Comments) + len(inc.Spec.Tags) + len(inc.Spec.Title) + len(inc.Spec.AssignedTo),
	}
}

// Member is the engine's view of an alert of an incident.
func Member(a *v1alpha1.Alert) incident.Member {
	m := incident.Member{Alert: Alert(a), SurpriseBits: bits(a.Status.SurpriseMillibits), Said: Said(a), Settled: Settled(a), Ended: Ended(a)}
	m.ResolvedByTuning = ResolvedByTuning(a)
	if len(a.Status.Links) > 0 {
		link := a.Status.Links[0]
		m.Peer, m.LinkReason, m.Shared = string(link.PeerName), link.Reason, link.Entity
	}
	m.ByHand = MovedByHand(a)
	for _, s := range a.Status.Similar {
		m.Similar = append(m.Similar, incident.Similar{Incident: string(s.Name), Reason: s.Reason, Message: s.Message})
	}
	return m
}

// MovedByHand reports whether a person put the alert where it is.
func MovedByHand(a *v1alpha1.Alert) bool {
	return len(a.Status.Links) > 0 && a.Status.Links[0].Reason == correlation.LinkManualAssociation
}

// Settled reports whether people are done with the alert, or a tuning rule is.
func Settled(a *v1alpha1.Alert) bool {
	t := a.Spec.Triage
	return Said(a) == incident.Resolved || t != nil && t.Classification == v1alpha1.ClassificationFalsePositive
}

// Ended reports whether the sender said that the signal is over.
func Ended(a *v1alpha1.Alert) bool { return a.Status.EndedTime != nil }

// People is what people say of an Incident.
func People(inc *v1alpha1.Incident) incident.People {
	return incident.People{
		Title: inc.Spec.Title, Severity: model.ParseSeverity(string(inc.Spec.Severity)), SeveritySaid: inc.Spec.Severity != "",
		State: incident.State(inc.Spec.State), AssignedTo: inc.Spec.AssignedTo,
	}
}

// Findings is the engine's view of an Investigation.
func Findings(inv *v1alpha1.Investigation) incident.Investigation {
	out := incident.Investigation{Name: inv.Name, State: string(inv.Status.State), Created: inv.CreationTimestamp.UTC()}
	for _, e := range inv.Spec.Entities {
		out.Examined = append(out.Examined, Key(e.EntityKey))
	}
	for _, v := range inv.Status.Evidence {
		out.Findings = append(out.Findings, incident.Finding{Key: Key(v.EntityKey), Verdict: model.Verdict(v.Verdict), Reason: v.Reason})
	}
	return out
}

// Answer is the engine's view of a Remediation within its incident.
func Answer(r *v1alpha1.Remediation) incident.Remediation {
	out := incident.Remediation{
		Name: r.Name, Action: string(r.Spec.Action), State: string(r.Status.State), Created: r.CreationTimestamp.UTC(),
		Target: model.Key{Kind: model.EntityKind(r.Spec.Target.Kind), Name: r.Spec.Target.Namespace + "/" + r.Spec.Target.Name},
	}
	if r.Status.CompletionTime != nil {
		out.Completed = r.Status.CompletionTime.UTC()
	}
	return out
}

// resolvedReason says why the incident is in its state.
func resolvedReason(status *v1alpha1.IncidentStatus) string {
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.IncidentConditionResolved); c != nil {
		return c.Reason
	}
	return ""
}

// PreviousSummary is what an Incident's status keeps for the next summary.
func PreviousSummary(status *v1alpha1.IncidentStatus) incident.Summary {
	out := incident.Summary{
		State: incident.State(status.State), StateReason: resolvedReason(status), Severity: model.ParseSeverity(string(status.Severity)),
		Title: status.Title, TitleFrom: string(status.TitleFrom),
		Comments: carriedComments(status), Tags: carriedTags(status), Activities: activities(status),
	}
	if status.Priority != nil {
		out.Priority.Band = string(status.Priority.Band)
	}
	if status.Counts != nil {
		out.Counts.Alerts = int(ptr.Deref(status.Counts.Alerts, 0))
		out.Counts.Activities = int(ptr.Deref(status.Counts.Activities, 0))
		out.Counts.MergedFrom = int(ptr.Deref(status.Counts.MergedFrom, 0))
		out.Counts.Comments = int(ptr.Deref(status.Counts.Comments, 0))
	}
	for _, edge := range status.Story {
		out.Story = append(out.Story, incident.Edge{Alert: string(edge.AlertName)})
	}
	for _, name := range status.MergedFrom {
		out.MergedFrom = append(out.MergedFrom, string(name))
	}
	for _, inv := range status.Investigations {
		out.Investigations = append(out.Investigations, incident.Investigation{Name: string(inv.Name), State: string(inv.State)})
	}
	for _, r := range status.Remediations {
		out.Remediations = append(out.Remediations, incident.Remediation{Name: string(r.Name), State: string(r.State)})
	}
	if t := status.Times; t != nil {
		out.Times = incident.Times{Acknowledged: utc(t.Acknowledged), Contained: utc(t.Contained), Resolved: utc(t.Resolved)}
	}
	return out
}

// IncidentStatus is a summary as an Incident keeps it, but for its conditions.
func IncidentStatus(s incident.Summary) v1alpha1.IncidentStatus {
	out := v1alpha1.IncidentStatus{
		State: v1alpha1.IncidentState(s.State), Title: s.Title, TitleFrom: v1alpha1.LocalName(s.TitleFrom), Severity: v1alpha1.Severity(s.Severity.String()),
		Priority: &v1alpha1.IncidentPriority{
			Score: ptr.To(int32(s.Priority.Score)), Band: v1alpha1.PriorityBand(s.Priority.Band), Reasons: s.Priority.Reasons,
		},
		Counts:            counts(s.Counts),
		FirstActivityTime: microTime(s.First), LastActivityTime: microTime(s.Last),
		ServiceSources: s.Services, DetectionSources: s.Detections,
		InvestigationState: v1alpha1.InvestigationState(s.InvestigationState),
		Times:              times(s.Times),
	}
	for _, t := range s.Tactics {
		out.Tactics = append(out.Tactics, v1alpha1.Tactic(t))
	}
	for _, t := range s.Techniques {
		out.Techniques = append(out.Techniques, v1alpha1.Technique(t))
	}
	out.Continues, out.ContinuedBy = v1alpha1.LocalName(s.Continues), v1alpha1.LocalName(s.ContinuedBy)
	for _, o := range s.Similar {
		out.Similar = append(out.Similar, v1alpha1.SimilarIncident{Name: v1alpha1.LocalName(o.Incident), Reason: o.Reason, Message: o.Message})
	}
	out.Assets = assets(s.Assets)
	for _, e := range s.Evidence {
		out.Evidence = append(out.Evidence, v1alpha1.Evidence{
			EntityKey: entityKey(e.Key), Verdict: v1alpha1.Verdict(e.Verdict),
			RemediationStatus: v1alpha1.EvidenceRemediationStatus(e.Status), Reason: e.Reason,
			InvestigationName: v1alpha1.LocalName(e.Investigation),
		})
	}
	for _, e := range s.Story {
		out.Story = append(out.Story, v1alpha1.StoryEdge{
			AlertName: v1alpha1.LocalName(e.Alert), Title: e.Title, Time: metav1.NewMicroTime(e.Time), Tactic: v1alpha1.Tactic(e.Tactic),
			PeerName: v1alpha1.LocalName(e.Peer), Reason: e.Reason, Entity: e.Shared,
		})
	}
	for _, inv := range s.Investigations {
		out.Investigations = append(out.Investigations, v1alpha1.IncidentInvestigation{Name: v1alpha1.LocalName(inv.Name), State: v1alpha1.InvestigationState(inv.State)})
	}
	for _, r := range s.Remediations {
		out.Remediations = append(out.Remediations, v1alpha1.IncidentRemediation{
			Name: v1alpha1.LocalName(r.Name), Action: v1alpha1.RemediationAction(r.Action), Target: r.Target.String(), State: v1alpha1.RemediationState(r.State),
		})
	}
	carry(&out, s)
	fit(&out)
	return out
}

func assets(groups []incident.AssetGroup) []v1alpha1.AssetGroup {
	var out []v1alpha1.AssetGroup
	for _, g := range groups {
		group := v1alpha1.AssetGroup{Kind: v1alpha1.EntityKind(g.Kind), Total: ptr.To(int32(g.Total))}
		for _, a := range g.Top {
			group.Top = append(group.Top, v1alpha1.Asset{Name: a.Name, Alerts: ptr.To(int32(a.Alerts))})
		}
		out = append(out, group)
	}
	return out
}

func counts(c incident.Counts) *v1alpha1.IncidentCounts {
	return &v1alpha1.IncidentCounts{
		Alerts: ptr.To(int32(c.Alerts)), ActiveAlerts: ptr.To(int32(c.Active)),
		ActiveOfTotal: fmt.Sprintf("%d/%d", c.Active, c.Alerts), Occurrences: ptr.To(c.Occurrences),
		Assets: ptr.To(int32(c.Assets)), Evidence: ptr.To(int32(c.Evidence)),
		Links: ptr.To(int32(c.Links)), Activities: ptr.To(int32(c.Activities)),
		Techniques: ptr.To(int32(c.Techniques)), Investigations: ptr.To(int32(c.Investigations)), Remediations: ptr.To(int32(c.Remediations)),
		MergedFrom: ptr.To(int32(c.MergedFrom)), Comments: ptr.To(int32(c.Comments)),
	}
}

func entityKey(k model.Key) v1alpha1.EntityKey {
	return v1alpha1.EntityKey{Kind: v1alpha1.EntityKind(k.Kind), Name: k.Name}
}

func microTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	return ptr.To(metav1.NewMicroTime(t))
}

// timeOf keeps whole seconds, as the API does, so that a time compares equal
// to itself after it was stored.
func timeOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return ptr.To(metav1.NewTime(t.Truncate(time.Second)))
}

// times are none rather than empty: a list of fields that all went is taken for
// null, and refused.
func times(t incident.Times) *v1alpha1.IncidentTimes {
	if t == (incident.Times{}) {
		return nil
	}
	return &v1alpha1.IncidentTimes{Acknowledged: timeOf(t.Acknowledged), Contained: timeOf(t.Contained), Resolved: timeOf(t.Resolved)}
}

func utc(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
