package run_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/investigation/run"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// world is one tenant with one playbook and one investigation. The test plays
// the Job controller, the kubelet and the one who carries out remediations.
type world struct {
	*testing.T
	c        client.WithWatch
	ns       string
	clock    *testingclock.FakeClock
	recorder *events.FakeRecorder
	ctl      *run.Controller
	inv      *v1alpha1.Investigation
}

const (
	malicious = `{"verdicts":[{"kind":"Pod","name":"web/web-0","verdict":"Malicious","reason":"privileged","uid":"web-0-uid"}],"message":"1 pod"}`
	clean     = `{"verdicts":[{"kind":"Pod","name":"web/web-0","verdict":"NoThreatsFound","uid":"web-0-uid"}],"message":"1 pod"}`
	nothing   = `{"verdicts":[],"message":"nothing to examine"}`
)

func newWorld(t *testing.T, cfg *rest.Config, change ...func(*v1alpha1.Playbook)) *world {
	t.Helper()
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme(), FieldOwner: "tocsin"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, c: c, ns: environment.Namespace(t, c), recorder: events.NewFakeRecorder(100)}
	w.create(builders.Playbook(w.ns, "pods", append([]func(*v1alpha1.Playbook){func(p *v1alpha1.Playbook) {
		p.Spec.Automation = v1alpha1.AutomationFull
		p.Spec.Steps = []v1alpha1.PlaybookStep{{Name: "pod", Analyzer: v1alpha1.AnalyzerPod}, {Name: "access", Analyzer: v1alpha1.AnalyzerAccess}}
		p.Spec.Responses = []v1alpha1.PlaybookResponse{
			{Name: "isolate", Action: v1alpha1.ActionIsolatePod, TTLSeconds: ptr.To(int32(3600))},
			{Name: "remove", Action: v1alpha1.ActionDeletePod, Approval: v1alpha1.ResponseRequired},
		}
	}}, change...)...))
	w.inv = builders.Investigation(w.ns, "pods-1")
	w.create(w.inv)
	w.clock = testingclock.NewFakeClock(w.inv.CreationTimestamp.Time)
	w.use(interceptor.Funcs{})
	return w
}

// use makes a controller whose client is tampered with; what it confirms live
// is not.
func (w *world) use(funcs interceptor.Funcs) {
	w.ctl = run.New(run.Deps{
		Client: interceptor.NewClient(w.c, funcs), Live: w.c, Recorder: w.recorder, Clock: w.clock,
		Builder: workload.Builder{Image: "tocsin.dev/tocsin:test"}, ProtectedNamespaces: []string{"kube-system"},
	})
}

func (w *world) create(obj client.Object) {
	w.Helper()
	if err := w.c.Create(w.Context(), obj); err != nil {
		w.Fatal(err)
	}
}

func (w *world) try() (reconcile.Result, error) {
	w.Helper()
	w.read()
	result, err := w.ctl.Reconcile(w.Context(), w.inv.DeepCopy())
	w.read()
	return result, err
}

func (w *world) read() {
	w.Helper()
	if err := w.c.Get(w.Context(), client.ObjectKeyFromObject(w.inv), w.inv); err != nil {
		w.Fatal(err)
	}
}

// settle reconciles until nothing is written any more.
func (w *world) settle() reconcile.Result {
	w.Helper()
	for range 10 {
		before := w.inv.ResourceVersion
		result, err := w.try()
		if err != nil {
			w.Fatal(err)
		}
		if w.inv.ResourceVersion == before {
			return result
		}
	}
	w.Fatal("it never settles")
	return reconcile.Result{}
}

func (w *world) step(name string) v1alpha1.InvestigationStep {
	w.Helper()
	for _, s := range w.inv.Status.Steps {
		if s.Name == name {
			return s
		}
	}
	w.Fatalf("there is no step %s in %+v", name, w.inv.Status.Steps)
	return v1alpha1.InvestigationStep{}
}

// pod plays the Job controller: it makes the pod of a step's Job, in the phase
// given.
func (w *world) pod(step string, status corev1.PodStatus) *corev1.Pod {
	w.Helper()
	job := &batchv1.Job{}
	if err := w.c.Get(w.Context(), client.ObjectKey{Namespace: w.ns, Name: w.step(step).JobName}, job); err != nil {
		w.Fatal(err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: w.ns, Name: job.Name + "-abcde", Labels: job.Spec.Template.Labels, Annotations: job.Spec.Template.Annotations,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
	}, Spec: job.Spec.Template.Spec}
	w.create(pod)
	pod.Status = status
	if err := w.c.Status().Update(w.Context(), pod); err != nil {
		w.Fatal(err)
	}
	return pod
}

// answer plays a step that ends well.
func (w *world) answer(step, message string) {
	w.Helper()
	w.pod(step, terminated(corev1.PodSucceeded, 0, "Completed", message))
}

func terminated(phase corev1.PodPhase, code int32, reason, message string) corev1.PodStatus {
	return corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{
		Name: workload.ContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}},
	}}}
}

// decide plays the one who carries out remediations.
func (w *world) decide(action v1alpha1.RemediationAction, state v1alpha1.RemediationState) {
	w.Helper()
	for _, r := range w.remediations() {
		if r.Spec.Action != action {
			continue
		}
		r.Status.State = state
		if err := w.c.Status().Update(w.Context(), &r); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) remediations() []v1alpha1.Remediation {
	w.Helper()
	var list v1alpha1.RemediationList
	if err := w.c.List(w.Context(), &list, client.InNamespace(w.ns)); err != nil {
		w.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Remediation) int { return -1 * compare(string(a.Spec.Action), string(b.Spec.Action)) })
	return list.Items
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (w *world) jobs() []batchv1.Job {
	w.Helper()
	var list batchv1.JobList
	if err := w.c.List(w.Context(), &list, client.InNamespace(w.ns)); err != nil {
		w.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(j batchv1.Job) bool { return !j.DeletionTimestamp.IsZero() })
}

// deleteJob plays somebody who deletes a step's Job.
func (w *world) deleteJob(step string) {
	w.Helper()
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: w.step(step).JobName}}
	if err := w.c.Delete(w.Context(), job, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		w.Fatal(err)
	}
}

// is checks where the investigation stands, in its state and its condition.
func (w *world) is(state v1alpha1.InvestigationState, completed metav1.ConditionStatus) {
	w.Helper()
	c := w.inv.Status.Conditions[0]
	if w.inv.Status.State != state || c.Reason != string(state) || c.Status != completed || c.Message == "" {
		w.Fatalf("state is %s, condition %s %s (%s); want %s %s", w.inv.Status.State, c.Status, c.Reason, c.Message, state, completed)
	}
	if (completed == metav1.ConditionTrue) != (w.inv.Status.CompletionTime != nil) {
		w.Errorf("completionTime is %v", w.inv.Status.CompletionTime)
	}
	if ptr.Deref(w.inv.Status.ObservedGeneration, 0) != w.inv.Generation {
		w.Errorf("observedGeneration is %v", w.inv.Status.ObservedGeneration)
	}
}

// told checks that an event was told.
func (w *world) told(reason string) {
	w.Helper()
	for {
		select {
		case e := <-w.recorder.Events:
			var kind, told string
			if _, err := fmt.Sscanf(e, "%s %s", &kind, &told); err == nil && told == reason {
				return
			}
		default:
			w.Errorf("no event tells %s", reason)
			return
		}
	}
}

func (w *world) pass(d time.Duration) { w.clock.Step(d) }
