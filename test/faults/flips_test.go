package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

func ours(resource string) schema.GroupResource {
	return schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: resource}
}

// mainJobFlips has at least one for each kind that is watched.
func mainJobFlips() []harness.Flip {
	jobs := schema.GroupResource{Group: batchv1.GroupName, Resource: "jobs"}
	return []harness.Flip{
		{
			Name: "an alert is resolved and reopened", Resource: ours("alerts"), After: "second alert",
			Do: thereAndBack(
				func(a *v1alpha1.Alert) { a.Spec.Triage = &v1alpha1.AlertTriage{State: v1alpha1.AlertResolved} },
				func(a *v1alpha1.Alert) { a.Spec.Triage = nil }),
		},
		{
			Name: "the incident is resolved and reopened", Resource: ours("incidents"), After: "isolation",
			Do: thereAndBack(
				func(i *v1alpha1.Incident) { i.Spec.State = v1alpha1.IncidentResolved },
				func(i *v1alpha1.Incident) { i.Spec.State = "" }),
		},
		{
			Name: "the playbook is suspended and resumed", Resource: ours("playbooks"), After: "second alert",
			Do: thereAndBack(
				func(p *v1alpha1.Playbook) { p.Spec.Suspend = ptr.To(true) },
				func(p *v1alpha1.Playbook) { p.Spec.Suspend = nil }),
		},
		{
			Name: "the playbook is replaced by another of its name", Resource: ours("playbooks"), After: "isolation",
			Do: func(ctx context.Context, r *harness.Run) error {
				err := r.Client.Delete(ctx, playbook(r))
				return errors.Join(client.IgnoreNotFound(err), create(ctx, r, playbook(r)))
			},
		},
		{
			Name: "a source is suspended and resumed", Resource: ours("alertsources"), After: "first alert",
			Do: thereAndBack(
				func(s *v1alpha1.AlertSource) { s.Spec.Suspend = ptr.To(true) },
				func(s *v1alpha1.AlertSource) { s.Spec.Suspend = nil }),
		},
		{
			Name: "an investigation is asked for and deleted", Resource: ours("investigations"), After: "isolation",
			Do: func(ctx context.Context, r *harness.Run) error {
				return createAndDelete(ctx, r, builders.Investigation(r.Namespace, "by-hand", func(i *v1alpha1.Investigation) {
					i.Spec.IncidentName = incidentOf(r)
				}))
			},
		},
		{
			Name: "a remediation is asked for and deleted", Resource: ours("remediations"), After: "isolation",
			Do: func(ctx context.Context, r *harness.Run) error {
				return createAndDelete(ctx, r, builders.Remediation(r.Namespace, "by-hand", func(rem *v1alpha1.Remediation) {
					rem.Spec.Target.Namespace, rem.Spec.Target.Name, rem.Spec.IncidentName = r.Namespace, malicious, incidentOf(r)
				}))
			},
		},
		{
			Name: "a deletion is approved and then rejected by another", Resource: ours("remediations"), After: "approval",
			Do: func(ctx context.Context, r *harness.Run) error {
				return errors.Join(
					vote(ctx, r, approver, v1alpha1.DecisionApprove),
					vote(ctx, r, secondApprover, v1alpha1.DecisionReject))
			},
		},
		{
			Name: "the jobs of ended steps are deleted", Resource: jobs, After: "isolation",
			Do: func(ctx context.Context, r *harness.Run) error {
				return errors.Join(deleteAll[*batchv1.Job](ctx, r), deleteAll[*corev1.Pod](ctx, r))
			},
			Outcome: withoutWorkloads,
		},
		{
			Name: "the pods of ended steps are deleted", Resource: schema.GroupResource{Resource: "pods"}, After: "isolation",
			Do:      func(ctx context.Context, r *harness.Run) error { return deleteAll[*corev1.Pod](ctx, r) },
			Outcome: func(undisturbed any) any { return without(undisturbed, "pod of step") },
		},
	}
}

// thereAndBack changes every object of a kind, and then changes it back.
func thereAndBack[T client.Object](there, back func(T)) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		for _, seen := range history.List[T](r.Log.View()) {
			for _, change := range []func(T){there, back} {
				o := seen.DeepCopyObject().(T)
				if err := r.Client.Get(ctx, client.ObjectKeyFromObject(seen), o); err != nil {
					return err
				}
				change(o)
				if err := r.Client.Update(ctx, o); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func createAndDelete(ctx context.Context, r *harness.Run, o client.Object) error {
	if err := create(ctx, r, o); err != nil {
		return err
	}
	return client.IgnoreNotFound(r.Client.Delete(ctx, o))
}

// vote decides on the deletion of the pod that is taken over.
func vote(ctx context.Context, r *harness.Run, user string, decision v1alpha1.ApprovalDecision) error {
	return edit(ctx, r, user, v1alpha1.ActionDeletePod, malicious, func(rem *v1alpha1.Remediation) {
		decided := slices.ContainsFunc(rem.Spec.Approvals, func(a v1alpha1.Approval) bool { return a.Approver == user })
		if !decided {
			rem.Spec.Approvals = append(rem.Spec.Approvals, builders.Approval(decision, rem.Status.Digest))
		}
	})
}

// deleteAll deletes what the steps of investigations ran as.
func deleteAll[T client.Object](ctx context.Context, r *harness.Run) error {
	for _, o := range history.List[T](r.Log.View()) {
		if o.GetLabels()[workload.LabelStep] == "" {
			continue
		}
		err := r.Client.Delete(ctx, o, client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting %s: %w", o.GetName(), err)
		}
	}
	return nil
}

func incidentOf(r *harness.Run) v1alpha1.LocalName {
	for _, a := range history.List[*v1alpha1.Alert](r.Log.View()) {
		return a.Status.IncidentName
	}
	return ""
}

func withoutWorkloads(undisturbed any) any {
	return without(without(undisturbed, "pod of step"), "job of step")
}

// without leaves out the lines that begin like that.
func without(undisturbed any, prefix string) any {
	lines, _ := undisturbed.([]string)
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.HasPrefix(line, prefix) })
}
