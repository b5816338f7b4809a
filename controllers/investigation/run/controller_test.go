package run_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

func TestInvestigations(t *testing.T) {
	cfg, _ := environment.Start(t)
	for name, test := range map[string]func(*testing.T, *rest.Config){
		"from the plan to the end":           fromPlanToEnd,
		"the playbook may change":            playbookMayChange,
		"benign":                             benign,
		"garbage fails the step":             garbage,
		"a person ends it":                   cancelled,
		"a deleted Job is tried once more":   deletedJob,
		"an eviction is tried once more":     evicted,
		"a deadline passes":                  deadline,
		"the playbook is missing":            playbookMissing,
		"critical assets wait":               criticalWaits,
		"a twin is adopted":                  twinAdopted,
		"a twin of a merged incident too":    mergedTwinAdopted,
		"monitor proposes nothing":           monitorProposesNothing,
		"a foreign Job of that name":         foreignJob,
		"a cache that lags starts nothing":   staleJobs,
		"a crash before the status write":    crashBeforeStatus,
		"a crash between remediations":       crashBetweenRemediations,
		"a quota refuses the Job":            quota,
		"time is up though nothing works":    refusedToTheEnd,
		"a person ends what is refused":      cancelledThoughRefused,
		"too many at once wait":              throttled,
		"remediation gone":                   remediationGone,
		"rejected":                           rejected,
		"the input is the incident's alerts": inputFile,
	} {
		t.Run(name, func(t *testing.T) { test(t, cfg) })
	}
}

func fromPlanToEnd(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	if _, err := w.try(); err != nil {
		t.Fatal(err)
	}
	w.is(v1alpha1.InvestigationQueued, metav1.ConditionFalse)
	if len(w.jobs()) != 0 || w.inv.Status.Plan == nil {
		t.Fatal("the plan must be written before the first Job")
	}
	w.told("Started")

	w.settle()
	w.is(v1alpha1.InvestigationRunning, metav1.ConditionFalse)
	if len(w.jobs()) != 2 {
		t.Fatalf("%d Jobs", len(w.jobs()))
	}

	w.answer("pod", malicious)
	w.settle()
	if got := w.step("pod").State; got != v1alpha1.StepSucceeded {
		t.Errorf("step is %s", got)
	}
	if len(w.remediations()) != 0 {
		t.Fatal("remediations wait for every step")
	}
	w.answer("access", nothing)
	if _, err := w.try(); err != nil {
		t.Fatal(err)
	}
	if len(w.inv.Status.Evidence) != 1 || len(w.remediations()) != 0 {
		t.Fatal("the evidence must be written before the first remediation")
	}
	w.settle()
	w.told("RemediationProposed")
	checkRemediations(w)

	w.decide(v1alpha1.ActionIsolatePod, v1alpha1.RemediationSucceeded)
	w.decide(v1alpha1.ActionDeletePod, v1alpha1.RemediationPendingApproval)
	w.settle()
	w.is(v1alpha1.InvestigationPendingApproval, metav1.ConditionFalse)
	if ptr.Deref(w.inv.Status.PendingApprovals, -1) != 1 {
		t.Errorf("pendingApprovals is %v", w.inv.Status.PendingApprovals)
	}

	w.decide(v1alpha1.ActionDeletePod, v1alpha1.RemediationSucceeded)
	w.settle()
	w.is(v1alpha1.InvestigationSuccessfullyRemediated, metav1.ConditionTrue)
	w.told("SuccessfullyRemediated")

	w.decide(v1alpha1.ActionIsolatePod, v1alpha1.RemediationUndone)
	before := w.inv.ResourceVersion
	if result := w.settle(); result.RequeueAfter != 0 || w.inv.ResourceVersion != before {
		t.Error("what has ended is left alone")
	}
}

func checkRemediations(w *world) {
	w.Helper()
	var got []v1alpha1.RemediationSpec
	for _, r := range w.remediations() {
		if !strings.Contains(r.Spec.Reason, "privileged") {
			w.Errorf("reason does not say why: %s", r.Spec.Reason)
		}
		r.Spec.Reason = ""
		got = append(got, r.Spec)
	}
	spec := v1alpha1.RemediationSpec{
		Target:       v1alpha1.RemediationTarget{Kind: "Pod", Namespace: "web", Name: "web-0", UID: "web-0-uid"},
		IncidentName: "shell-in-web", InvestigationName: "pods-1", ServiceAccountName: "responder",
	}
	isolate, remove := spec, spec
	isolate.Action, isolate.Approval, isolate.TTLSeconds = v1alpha1.ActionIsolatePod, v1alpha1.ApprovalAutomatic, ptr.To(int32(3600))
	remove.Action, remove.Approval = v1alpha1.ActionDeletePod, v1alpha1.ApprovalRequired
	if diff := cmp.Diff([]v1alpha1.RemediationSpec{isolate, remove}, got); diff != "" {
		w.Fatal(diff)
	}
}

func playbookMayChange(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	if _, err := w.try(); err != nil {
		t.Fatal(err)
	}
	p := &v1alpha1.Playbook{}
	if err := w.c.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: "pods"}, p); err != nil {
		t.Fatal(err)
	}
	p.Spec.Steps = []v1alpha1.PlaybookStep{{Name: "pod", Container: &v1alpha1.ContainerStep{Image: "other"}}}
	p.Spec.ServiceAccountName, p.Spec.Responses = "other", nil
	if err := w.c.Update(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	w.settle()
	for _, job := range w.jobs() {
		spec := job.Spec.Template.Spec
		if spec.ServiceAccountName != "responder" || spec.Containers[0].Image != "tocsin.dev/tocsin:test" {
			t.Errorf("the Job runs what a later playbook says: %s as %s", spec.Containers[0].Image, spec.ServiceAccountName)
		}
	}
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settle()
	if len(w.remediations()) != 2 {
		t.Errorf("%d remediations", len(w.remediations()))
	}
}

func benign(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.answer("pod", clean)
	w.answer("access", nothing)
	w.settle()
	w.is(v1alpha1.InvestigationBenign, metav1.ConditionTrue)
	if len(w.remediations()) != 0 || len(w.inv.Status.Evidence) != 1 {
		t.Errorf("remediations %d, evidence %+v", len(w.remediations()), w.inv.Status.Evidence)
	}
}

func garbage(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.answer("pod", "$(reboot) \x1b[2J not json")
	w.answer("access", nothing)
	w.settle()
	w.is(v1alpha1.InvestigationFailed, metav1.ConditionTrue)
	if got := w.step("pod"); got.State != v1alpha1.StepFailed || got.Message != "Its result was refused: it is not JSON, from byte 1 on" {
		t.Errorf("step is %+v", got)
	}
	w.told("StepFailed")
}

func cancelled(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.inv.Spec.Cancel = &v1alpha1.CancelRequest{Reason: "a test"}
	if err := w.c.Update(t.Context(), w.inv); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.is(v1alpha1.InvestigationTerminatedByUser, metav1.ConditionTrue)
	if len(w.jobs()) != 0 || w.step("pod").State != v1alpha1.StepCancelled {
		t.Errorf("%d Jobs are left, step is %s", len(w.jobs()), w.step("pod").State)
	}
}

func deletedJob(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	first := w.step("pod").JobName
	w.deleteJob("pod")
	w.settle()
	if got := w.step("pod"); *got.Attempt != 2 || got.JobName == first || got.State != v1alpha1.StepRunning {
		t.Fatalf("step is %+v", got)
	}
	w.deleteJob("pod")
	w.settle()
	if got := w.step("pod"); got.State != v1alpha1.StepFailed || !strings.Contains(got.Message, "Its Job was deleted, in attempt 2 of 2") {
		t.Fatalf("step is %+v", got)
	}
}

func evicted(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.pod("pod", corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"})
	w.settle()
	if got := w.step("pod"); *got.Attempt != 2 {
		t.Fatalf("step is %+v", got)
	}
	w.answer("pod", clean)
	w.answer("access", nothing)
	w.settle()
	w.is(v1alpha1.InvestigationBenign, metav1.ConditionTrue)
}

func deadline(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	result := w.settle()
	if want := 300*time.Second + verdict.Grace; result.RequeueAfter != want {
		t.Errorf("it is looked at again after %s, not %s", result.RequeueAfter, want)
	}
	w.pod("pod", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable},
	}})
	w.answer("access", nothing)
	w.settle()
	if got := w.step("pod"); got.State != v1alpha1.StepRunning || got.Message != "its pod was never scheduled" {
		t.Errorf("step is %+v", got)
	}
	w.pass(300*time.Second + verdict.Grace)
	w.settle()
	if got := w.step("pod"); got.State != v1alpha1.StepTimedOut || got.Message != "It took longer than its 300 seconds; its pod was never scheduled" {
		t.Errorf("step is %+v", got)
	}
	w.is(v1alpha1.InvestigationFailed, metav1.ConditionTrue)
	if len(w.jobs()) != 1 {
		t.Errorf("the Job must be ended: %d are left", len(w.jobs()))
	}
}

func playbookMissing(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg, func(p *v1alpha1.Playbook) { p.Name = "other" })
	w.settle()
	w.is(v1alpha1.InvestigationQueued, metav1.ConditionFalse)
	if got := w.inv.Status.Conditions[0].Message; got != "The playbook does not exist" {
		t.Errorf("message is %q", got)
	}
	w.pass(verdict.MaxQueued)
	w.settle()
	w.is(v1alpha1.InvestigationTerminatedBySystem, metav1.ConditionTrue)
}

func criticalWaits(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-", Labels: map[string]string{"tocsin.dev/criticality": "Critical"}}}
	w.create(ns)
	inv := builders.Investigation(w.ns, "pods-critical", func(inv *v1alpha1.Investigation) { inv.Spec.Entities[0].Name = ns.Name + "/web-0" })
	w.create(inv)
	w.inv = inv
	w.settle()
	w.answer("pod", strings.ReplaceAll(malicious, "web/web-0", ns.Name+"/web-0"))
	w.answer("access", nothing)
	w.settle()
	if got := w.remediations(); len(got) != 2 || got[0].Spec.Approval != v1alpha1.ApprovalRequired || !strings.Contains(got[0].Spec.Reason, "critical") {
		t.Errorf("remediations are %+v", got)
	}
}

func twinAdopted(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	twin := builders.Remediation(w.ns, "earlier", func(r *v1alpha1.Remediation) {
		r.Spec.IncidentName, r.Spec.InvestigationName = "shell-in-web", "pods-0"
		r.Spec.Target.UID = "web-0-uid"
	})
	twin.Spec.Action = v1alpha1.ActionDeletePod
	w.create(twin)
	w.decide(v1alpha1.ActionDeletePod, v1alpha1.RemediationPendingApproval)
	w.settle()
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settle()
	if got := w.remediations(); len(got) != 2 || got[1].Name != "earlier" {
		t.Errorf("the same is proposed twice: %+v", got)
	}
	w.decide(v1alpha1.ActionIsolatePod, v1alpha1.RemediationSucceeded)
	w.settle()
	w.is(v1alpha1.InvestigationPendingApproval, metav1.ConditionFalse)
}

func mergedTwinAdopted(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	merged := builders.Incident(w.ns, "shell-in-another")
	w.create(merged)
	merged.Status.RedirectedTo = "shell-in-web"
	if err := w.c.Status().Update(t.Context(), merged); err != nil {
		t.Fatal(err)
	}
	twin := builders.Remediation(w.ns, "earlier", func(r *v1alpha1.Remediation) {
		r.Spec.IncidentName, r.Spec.InvestigationName = "shell-in-another", "pods-0"
		r.Spec.Action, r.Spec.Target.UID = v1alpha1.ActionDeletePod, "web-0-uid"
	})
	w.create(twin)
	w.decide(v1alpha1.ActionDeletePod, v1alpha1.RemediationPendingApproval)
	w.settle()
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settle()
	if got := w.remediations(); len(got) != 2 || got[1].Name != "earlier" {
		t.Errorf("the same is proposed twice: %+v", got)
	}
}

func monitorProposesNothing(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg, func(p *v1alpha1.Playbook) { p.Spec.Mode = v1alpha1.PlaybookMonitor })
	w.settle()
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settle()
	w.is(v1alpha1.InvestigationPartiallyInvestigated, metav1.ConditionTrue)
	if len(w.remediations()) != 0 || !strings.Contains(w.inv.Status.Conditions[0].Message, "monitors") {
		t.Errorf("message is %q", w.inv.Status.Conditions[0].Message)
	}
}

func foreignJob(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	job, err := (workload.Builder{Image: "x"}).Job(w.inv, "responder", v1alpha1.PlaybookStep{Name: "pod", Analyzer: v1alpha1.AnalyzerPod}, 1)
	if err != nil {
		t.Fatal(err)
	}
	job.OwnerReferences = nil
	w.create(job)
	w.settleOnce()
	if _, err := w.try(); err == nil || !strings.Contains(err.Error(), "not of this investigation") {
		t.Errorf("a foreign Job is taken for ours: %v", err)
	}
	if got := w.step("pod").State; got != v1alpha1.StepQueued {
		t.Errorf("step is %s", got)
	}
}

// settleOnce reconciles once and expects no error.
func (w *world) settleOnce() {
	w.Helper()
	if _, err := w.try(); err != nil {
		w.Fatal(err)
	}
}

func staleJobs(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.use(interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		switch list.(type) {
		case *batchv1.JobList, *corev1.PodList:
			return nil // the cache knows none
		}
		return c.List(ctx, list, opts...)
	}})
	w.settle()
	if len(w.jobs()) != 2 || *w.step("pod").Attempt != 1 {
		t.Errorf("%d Jobs; step is %+v", len(w.jobs()), w.step("pod"))
	}
}

func crashBeforeStatus(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settleOnce() // the plan
	w.use(interceptor.Funcs{SubResourceApply: func(context.Context, client.Client, string, runtime.ApplyConfiguration, ...client.SubResourceApplyOption) error {
		return apierrors.NewServiceUnavailable("the API server is away")
	}})
	if _, err := w.try(); err == nil || !strings.Contains(err.Error(), "writing status") {
		t.Fatalf("a lost write must be told: %v", err)
	}
	if len(w.jobs()) != 2 || w.step("pod").State != v1alpha1.StepQueued {
		t.Fatalf("%d Jobs, step is %+v", len(w.jobs()), w.step("pod"))
	}
	w.use(interceptor.Funcs{})
	w.settle()
	if len(w.jobs()) != 2 || w.step("pod").State != v1alpha1.StepRunning || *w.step("pod").Attempt != 1 {
		t.Errorf("%d Jobs, step is %+v", len(w.jobs()), w.step("pod"))
	}
}

func crashBetweenRemediations(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settleOnce() // the evidence
	created := 0
	w.use(interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
		if created++; created > 1 {
			return apierrors.NewServiceUnavailable("the API server is away")
		}
		return c.Create(ctx, obj, opts...)
	}})
	if _, err := w.try(); err == nil {
		t.Fatal("a lost remediation must be told")
	}
	w.use(interceptor.Funcs{})
	w.settle()
	if len(w.remediations()) != 2 || len(w.inv.Status.Remediations) != 2 {
		t.Errorf("%d remediations, status names %v", len(w.remediations()), w.inv.Status.Remediations)
	}
}

// refuseRemediations plays a quota that leaves no room for remediations.
func refuseRemediations(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
	if _, ok := obj.(*v1alpha1.Remediation); ok {
		return apierrors.NewForbidden(schema.GroupResource{Group: "tocsin.dev", Resource: "remediations"}, obj.GetName(), context.DeadlineExceeded)
	}
	return c.Create(ctx, obj, opts...)
}

func refusedToTheEnd(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settleOnce() // the evidence
	w.use(interceptor.Funcs{Create: refuseRemediations})
	if _, err := w.try(); err == nil {
		t.Fatal("a refusal must be told")
	}
	w.is(v1alpha1.InvestigationRunning, metav1.ConditionFalse)
	w.told("Forbidden")
	w.pass(verdict.MaxAge + time.Second)
	if _, err := w.try(); err != nil {
		t.Errorf("it has ended, but is tried again: %v", err)
	}
	w.is(v1alpha1.InvestigationTerminatedBySystem, metav1.ConditionTrue)
}

func cancelledThoughRefused(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.inv.Spec.Cancel = &v1alpha1.CancelRequest{Reason: "enough"}
	if err := w.c.Update(w.Context(), w.inv); err != nil {
		t.Fatal(err)
	}
	listing := error(apierrors.NewServiceUnavailable("the API server is away"))
	w.use(interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return listing }})
	if _, err := w.try(); err == nil {
		t.Fatal("the Jobs must be stopped first, if they can be")
	}
	if got := w.inv.Status.State; got != v1alpha1.InvestigationRunning {
		t.Fatalf("state is %s", got)
	}
	listing = apierrors.NewForbidden(schema.GroupResource{Group: "batch", Resource: "jobs"}, "", context.DeadlineExceeded)
	if _, err := w.try(); err != nil {
		t.Errorf("it has ended, but is tried again: %v", err)
	}
	w.is(v1alpha1.InvestigationTerminatedByUser, metav1.ConditionTrue)
}

func quota(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settleOnce()
	w.use(interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
		if _, ok := obj.(*batchv1.Job); ok {
			return apierrors.NewForbidden(schema.GroupResource{Group: "batch", Resource: "jobs"}, obj.GetName(), context.DeadlineExceeded)
		}
		return c.Create(ctx, obj, opts...)
	}})
	result, err := w.try()
	if err != nil || result.RequeueAfter != 30*time.Second {
		t.Fatalf("a quota is waited for: %v, %v", result, err)
	}
	if got := w.step("pod"); got.State != v1alpha1.StepQueued || got.Message != "The API server refuses its Job; it is tried again" {
		t.Errorf("step is %+v", got)
	}
	w.told("Refused")
	before := w.inv.ResourceVersion
	if w.settle(); w.inv.ResourceVersion != before {
		t.Error("waiting writes nothing")
	}
	w.use(interceptor.Funcs{})
	w.settle()
	if got := w.step("pod"); got.State != v1alpha1.StepRunning || got.Message != "" {
		t.Errorf("step is %+v", got)
	}
}

func throttled(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	last := w.inv
	for i := range 10 {
		w.inv = builders.Investigation(w.ns, "busy-"+string(rune('a'+i)))
		w.create(w.inv)
		w.settleOnce()
	}
	w.inv = last
	w.settle()
	w.is(v1alpha1.InvestigationQueued, metav1.ConditionFalse)
	if w.inv.Status.Plan != nil {
		t.Error("an eleventh one was started")
	}
}

func remediationGone(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settle()
	for _, r := range w.remediations() {
		if err := w.c.Delete(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	w.is(v1alpha1.InvestigationPartiallyInvestigated, metav1.ConditionTrue)
	if len(w.remediations()) != 0 {
		t.Error("what somebody deleted is not proposed again")
	}
}

func rejected(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	w.settle()
	w.answer("pod", malicious)
	w.answer("access", nothing)
	w.settle()
	w.decide(v1alpha1.ActionIsolatePod, v1alpha1.RemediationSucceeded)
	w.decide(v1alpha1.ActionDeletePod, v1alpha1.RemediationRejected)
	w.settle()
	w.is(v1alpha1.InvestigationPartiallyRemediated, metav1.ConditionTrue)
}

func inputFile(t *testing.T, cfg *rest.Config) {
	w := newWorld(t, cfg)
	alert := builders.Alert(w.ns, "shell", func(a *v1alpha1.Alert) { a.Spec.Title = "$(reboot)" })
	w.create(alert)
	alert.Status.IncidentName = "shell-in-web"
	if err := w.c.Status().Update(t.Context(), alert); err != nil {
		t.Fatal(err)
	}
	w.settle()
	input := &corev1.ConfigMap{}
	if err := w.c.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: workload.InputName(w.inv.UID)}, input); err != nil {
		t.Fatal(err)
	}
	got, err := document.DecodeInput([]byte(input.Data[document.InputFile]))
	if err != nil {
		t.Fatal(err)
	}
	want := document.Input{
		Version: 1, Incident: "shell-in-web", Investigation: "pods-1", AlertsTotal: 1,
		Entities: []document.Entity{{Kind: "Pod", Name: "web/web-0", Role: "Attacked", Category: "ImpactedAsset"}},
		Alerts:   []document.Alert{{Rule: "Terminal shell in container", Title: "$(reboot)", Severity: "Medium", Entities: []int{0}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !metav1.IsControlledBy(input, w.inv) || !ptr.Deref(input.Immutable, false) {
		t.Error("the input must be ours and immutable")
	}
}
