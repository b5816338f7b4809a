package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
	"github.com/tocsin-dev/tocsin/test/faults/world"
)

// The two pods of the story: one is taken over, the other is suspicious.
const (
	malicious  = "web-0"
	suspicious = "web-1"
)

// The rules of Falco that fire.
const (
	shell  = "Terminal shell in container"
	binary = "Drop and execute new binary in container"
)

// Two people who may decide on remediations.
const (
	approver       = "bob"
	secondApprover = "carol"
)

// TestMainJob plays the whole way of an attack: three alerts of two detectors,
// one of them twice, become one incident; a playbook investigates it in two steps, isolates one
// pod by itself and asks whether to delete both; a second person approves one
// deletion and rejects the other; the incident is resolved, and the isolation
// taken back.
func TestMainJob(t *testing.T) {
	harness.Suite(t, cluster(t), mainJob())
}

// TestMainJobStaysQuiet waits for the whole time that nothing may be written in.
func TestMainJobStaysQuiet(t *testing.T) {
	t.Parallel()
	s := mainJob()
	s.Quiet = time.Minute
	if _, err := cluster(t).Try(t.Context(), s, harness.Undisturbed, nil); err != nil {
		t.Error(err)
	}
}

func mainJob() harness.Scenario {
	return harness.Scenario{
		Name:    "main job",
		Process: tocsin.Process,
		Prepare: prepare,
		World: func(ctx context.Context, r *harness.Run) error {
			group, ctx := errgroup.WithContext(ctx)
			group.Go(func() error {
				return world.RunJobs(ctx, r.Client, r.Log, func(job *batchv1.Job) string { return answer(r, job) })
			})
			group.Go(func() error { return world.CollectPods(ctx, r.Client, r.Log) })
			return group.Wait()
		},
		Steps: []harness.Step{
			{Name: "first alert", Do: falco(shell, "Notice", 1), Await: correlated(shell)},
			{Name: "second alert", Do: falco(binary, "Critical", 1), Await: correlated(binary)},
			{Name: "repetition", Do: falco(shell, "Notice", 2), Await: happened(shell, 2)},
			{Name: "third alert", Do: audit, Await: correlated("pod-exec")},
			{Name: "investigation", Await: proposed},
			{Name: "isolation", Await: inState(v1alpha1.ActionIsolatePod, malicious, v1alpha1.RemediationSucceeded)},
			{
				Name: "approval", Do: decide(suspicious, v1alpha1.DecisionApprove),
				Await: inState(v1alpha1.ActionDeletePod, suspicious, v1alpha1.RemediationSucceeded),
			},
			{
				Name: "rejection", Do: decide(malicious, v1alpha1.DecisionReject),
				Await: inState(v1alpha1.ActionDeletePod, malicious, v1alpha1.RemediationRejected),
			},
			{Name: "resolution", Do: resolve, Await: resolved},
			{Name: "undo", Do: undo, Await: inState(v1alpha1.ActionIsolatePod, malicious, v1alpha1.RemediationUndone)},
			{Name: "totals", Await: func(r *harness.Run, v history.View) error {
				if said := tocsin.Counted(r, v); said != tocsin.CountedOnce {
					return errors.New(said)
				}
				return nil
			}},
		},
		Outcome: outcome,
		Flips:   mainJobFlips(),
	}
}

// prepare makes the tenant: two pods, the playbook with its service account,
// and a person who may approve.
func prepare(ctx context.Context, r *harness.Run) error {
	account := "system:serviceaccount:" + r.Namespace + ":responder"
	err := world.Grant(ctx, r.Client, r.Namespace, account, rbacv1.RoleRef{Kind: "Role", Name: "respond"},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "patch", "delete"}},
		rbacv1.PolicyRule{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"networkpolicies"}, Verbs: []string{"get", "list", "create", "update", "delete"}})
	for _, person := range []string{approver, secondApprover} {
		err = errors.Join(err, world.Grant(ctx, r.Client, r.Namespace, person, rbacv1.RoleRef{Kind: "Role", Name: "approve"},
			rbacv1.PolicyRule{APIGroups: []string{"tocsin.dev"}, Resources: []string{"remediations"}, Verbs: []string{"approve", "get", "patch", "update"}}))
	}
	for _, name := range []string{malicious, suspicious} {
		err = errors.Join(err, create(ctx, r, pod(r, name)))
	}
	return errors.Join(err, create(ctx, r, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: "responder"}}),
		create(ctx, r, playbook(r)), tocsin.Sources(ctx, r))
}

func pod(r *harness.Run, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: name, Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
	}
}

func playbook(r *harness.Run) *v1alpha1.Playbook {
	return builders.Playbook(r.Namespace, "pods", func(p *v1alpha1.Playbook) {
		// The last of the alerts starts it, so that one investigation examines all.
		p.Spec.Match.Services = []string{"kubernetes-audit"}
		p.Spec.Automation = v1alpha1.AutomationFull
		p.Spec.Steps = append(p.Spec.Steps, v1alpha1.PlaybookStep{Name: "access", Analyzer: v1alpha1.AnalyzerAccess})
		p.Spec.Responses = []v1alpha1.PlaybookResponse{
			{Name: "isolate", Action: v1alpha1.ActionIsolatePod, MinimumVerdict: v1alpha1.VerdictMalicious},
			{Name: "delete", Action: v1alpha1.ActionDeletePod, MinimumVerdict: v1alpha1.VerdictSuspicious, Approval: v1alpha1.ResponseRequired},
		}
	})
}

// answer is what the analyzer of the step finds out.
func answer(r *harness.Run, job *batchv1.Job) string {
	result := document.Result{Message: "Nothing unusual"}
	if job.Labels[workload.LabelStep] == "pod" {
		result = document.Result{Message: "Two pods are not what they should be", Verdicts: []document.Verdict{
			{Kind: "Pod", Name: r.Namespace + "/" + malicious, UID: uidOf(r, malicious), Verdict: "Malicious", Reason: "It runs a shell"},
			{Kind: "Pod", Name: r.Namespace + "/" + suspicious, UID: uidOf(r, suspicious), Verdict: "Suspicious", Reason: "It mounts the host"},
		}}
	}
	data, err := json.Marshal(result)
	if err != nil {
		panic(err) // a literal that cannot be encoded
	}
	return string(data)
}

func uidOf(r *harness.Run, pod string) string {
	if p, ok := history.Get[*corev1.Pod](r.Log.View(), pod); ok {
		return string(p.UID)
	}
	return ""
}

// correlated: the alert of that rule is in an incident that exists.
func correlated(rule string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		a := alertOf(v, rule)
		if a == nil || a.Status.IncidentName == "" {
			return fmt.Errorf("the alert of rule %q is in no incident", rule)
		}
		if _, ok := history.Get[*v1alpha1.Incident](v, string(a.Status.IncidentName)); !ok {
			return fmt.Errorf("incident %s of alert %s does not exist", a.Status.IncidentName, a.Name)
		}
		return nil
	}
}

func alertOf(v history.View, rule string) *v1alpha1.Alert {
	for _, a := range history.List[*v1alpha1.Alert](v) {
		if a.Spec.Source.Rule == rule {
			return a
		}
	}
	return nil
}

func proposed(_ *harness.Run, v history.View) error {
	for _, inv := range history.List[*v1alpha1.Investigation](v) {
		if len(inv.Status.Remediations) == 3 {
			return nil
		}
	}
	return errors.New("no investigation has proposed three remediations")
}

// remediation finds the one with that action on that pod.
func remediation(v history.View, action v1alpha1.RemediationAction, target string) (*v1alpha1.Remediation, error) {
	for _, rem := range history.List[*v1alpha1.Remediation](v) {
		if rem.Spec.Action == action && rem.Spec.Target.Name == target {
			return rem, nil
		}
	}
	return nil, fmt.Errorf("there is no remediation %s of %s", action, target)
}

func inState(action v1alpha1.RemediationAction, target string, state v1alpha1.RemediationState) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		rem, err := remediation(v, action, target)
		if err != nil {
			return err
		}
		if rem.Status.State != state {
			return fmt.Errorf("remediation %s of %s is %q, not %s: %+v", action, target, rem.Status.State, state, rem.Status.Conditions)
		}
		return nil
	}
}

// decide is what the approver says to the deletion of the pod.
func decide(target string, decision v1alpha1.ApprovalDecision) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		return edit(ctx, r, approver, v1alpha1.ActionDeletePod, target, func(rem *v1alpha1.Remediation) {
			if len(rem.Spec.Approvals) == 0 {
				rem.Spec.Approvals = []v1alpha1.Approval{builders.Approval(decision, rem.Status.Digest)}
			}
		})
	}
}

// edit changes a remediation as that user.
func edit(ctx context.Context, r *harness.Run, user string, action v1alpha1.RemediationAction, target string, change func(*v1alpha1.Remediation)) error {
	found, err := remediation(r.Log.View(), action, target)
	if err != nil {
		return err
	}
	c, err := world.As(r.Config, r.Client, user)
	if err != nil {
		return err
	}
	rem := &v1alpha1.Remediation{}
	if err := c.Get(ctx, client.ObjectKeyFromObject(found), rem); err != nil {
		return err
	}
	before := rem.DeepCopy()
	change(rem)
	return c.Patch(ctx, rem, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

func resolve(ctx context.Context, r *harness.Run) error {
	for _, inc := range history.List[*v1alpha1.Incident](r.Log.View()) {
		patch := client.MergeFrom(inc.DeepCopy())
		inc = inc.DeepCopy()
		inc.Spec.State, inc.Spec.ResolutionNote = v1alpha1.IncidentResolved, "Contained"
		inc.Spec.Classification, inc.Spec.Determination = v1alpha1.ClassificationTruePositive, v1alpha1.DeterminationMalware
		if err := r.Client.Patch(ctx, inc, patch); err != nil {
			return err
		}
	}
	return nil
}

func resolved(_ *harness.Run, v history.View) error {
	for _, inc := range history.List[*v1alpha1.Incident](v) {
		if inc.Status.State != v1alpha1.IncidentResolved {
			return fmt.Errorf("incident %s is %s", inc.Name, inc.Status.State)
		}
	}
	for _, a := range history.List[*v1alpha1.Alert](v) {
		if a.Status.State != v1alpha1.AlertResolved {
			return fmt.Errorf("alert %s is %s", a.Name, a.Status.State)
		}
	}
	return nil
}

func undo(ctx context.Context, r *harness.Run) error {
	found, err := remediation(r.Log.View(), v1alpha1.ActionIsolatePod, malicious)
	if err != nil {
		return err
	}
	rem := found.DeepCopy()
	rem.Spec.Undo = &v1alpha1.UndoRequest{Reason: "The pod is clean again"}
	return r.Client.Patch(ctx, rem, client.MergeFrom(found))
}
