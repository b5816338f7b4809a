package faults_test

import (
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// outcome is what a run comes to, a line for each object. Namespaces, uids, generated
// names, times and the number of attempts differ from run to run and are left out.
func outcome(r *harness.Run, v history.View) any {
	lines := slices.Concat(
		each(v, alertLine), each(v, incidentLine), each(v, investigationLine), each(v, remediationLine),
		each(v, jobLine), each(v, podLine), []string{tocsin.Counted(r, v)},
		each(v, func(p *networkingv1.NetworkPolicy) string {
			return "network policy " + fmt.Sprint(p.Spec.PodSelector.MatchLabels)
		}),
	)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], r.Namespace, "tenant")
	}
	return lines
}

func each[T client.Object](v history.View, line func(T) string) []string {
	var lines []string
	for _, o := range history.List[T](v) {
		lines = append(lines, line(o))
	}
	slices.Sort(lines)
	return lines
}

func alertLine(a *v1alpha1.Alert) string {
	links := []string{}
	for _, l := range a.Status.Links {
		links = append(links, l.Reason+" "+l.Entity)
	}
	return fmt.Sprintf("alert %s (%s): %s, investigation %s, %s, links %v",
		a.Spec.Title, a.Spec.Source.Service, a.Status.State,
		a.Status.InvestigationState, conditions(a.Status.Conditions), links)
}

func incidentLine(i *v1alpha1.Incident) string {
	s := i.Status
	counts := ptr.Deref(s.Counts, v1alpha1.IncidentCounts{})
	evidence := []string{}
	for _, e := range s.Evidence {
		evidence = append(evidence, fmt.Sprintf("%s %s %s", e.Name, e.Verdict, e.RemediationStatus))
	}
	return fmt.Sprintf("incident %q: %s %s priority %d, alerts %s, assets %d, investigation %s, %d remediations, story of %d, evidence %v, %s",
		s.Title, s.Severity, s.State, ptr.Deref(ptr.Deref(s.Priority, v1alpha1.IncidentPriority{}).Score, -1),
		counts.ActiveOfTotal, ptr.Deref(counts.Assets, -1),
		s.InvestigationState, len(s.Remediations), len(s.Story), evidence, conditions(s.Conditions))
}

func investigationLine(i *v1alpha1.Investigation) string {
	steps := []string{}
	for _, step := range i.Status.Steps {
		steps = append(steps, fmt.Sprintf("%s %s %d verdicts", step.Name, step.State, len(step.Verdicts)))
	}
	evidence := []string{}
	for _, e := range i.Status.Evidence {
		evidence = append(evidence, fmt.Sprintf("%s %s", e.Name, e.Verdict))
	}
	return fmt.Sprintf("investigation by %s: %s, steps %v, evidence %v, %d remediations, %d pending, %s", i.Spec.PlaybookName,
		i.Status.State, steps, evidence, len(i.Status.Remediations), ptr.Deref(i.Status.PendingApprovals, -1), conditions(i.Status.Conditions))
}

func remediationLine(r *v1alpha1.Remediation) string {
	effects := []string{}
	for _, e := range r.Status.Effects {
		kind, _, _ := strings.Cut(e.Object, "/")
		effects = append(effects, e.Change+" "+kind)
	}
	return fmt.Sprintf("remediation %s of %s: %s, approved by %q, effects %v, finalizers %v, %s", r.Spec.Action, r.Spec.Target.Name,
		r.Status.State, r.Status.ApprovedBy, effects, r.Finalizers, conditions(r.Status.Conditions))
}

func jobLine(j *batchv1.Job) string {
	return fmt.Sprintf("job of step %s, attempt %s", j.Labels[workload.LabelStep], j.Labels[workload.LabelAttempt])
}

func podLine(p *corev1.Pod) string {
	if step := p.Labels[workload.LabelStep]; step != "" {
		return "pod of step " + step
	}
	return fmt.Sprintf("pod %s with %d labels", p.Name, len(p.Labels))
}

func conditions(all []metav1.Condition) string {
	words := []string{}
	for _, c := range all {
		words = append(words, fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}
