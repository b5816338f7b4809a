package pod_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/internal/analyze/pod"
	"github.com/tocsin-dev/tocsin/internal/engine/assess"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

func web(change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "pod-uid"},
		Spec: corev1.PodSpec{
			ServiceAccountName: "default",
			Containers:         []corev1.Container{{Name: "app", Image: "registry.example/app:v1", SecurityContext: &corev1.SecurityContext{RunAsNonRoot: ptr.To(true), AllowPrivilegeEscalation: ptr.To(false)}}},
		},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func input(alerts ...document.Alert) document.Input {
	return document.Input{Version: document.InputVersion, Alerts: alerts, Entities: []document.Entity{
		{Kind: "Pod", Name: "web/web-0", Role: "Attacked"},
		{Kind: "ServiceAccount", Name: "web/default", Role: "Attacker"},
		{Kind: "IP", Name: "203.0.113.7"},
	}}
}

func TestAnalyze(t *testing.T) {
	shell := document.Alert{Rule: "Terminal shell", Severity: "Medium", Tactics: []string{"Execution"}, Entities: []int{0}}
	secrets := document.Alert{Rule: "secrets-listed", Severity: "High", Tactics: []string{"CredentialAccess"}, Entities: []int{1}}
	node := func(p *corev1.Pod) {
		p.Spec.Containers[0].SecurityContext.Privileged = ptr.To(true)
		p.Spec.Volumes = []corev1.Volume{{Name: "node", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
	}
	for name, tc := range map[string]struct {
		reason  string
		objects []runtime.Object
		in      document.Input
		deny    string
		verdict string
		uid     string
		says    string
	}{
		"tame":               {reason: "nobody speaks against it", objects: []runtime.Object{web()}, in: document.Input{Entities: []document.Entity{{Kind: "Pod", Name: "web/web-0"}}}, verdict: "NoThreatsFound", uid: "pod-uid"},
		"a shell":            {reason: "one alert is not certain", objects: []runtime.Object{web()}, in: input(shell), verdict: "Suspicious", uid: "pod-uid", says: "Attacked"},
		"the token was used": {reason: "what its service account did counts for the pod", objects: []runtime.Object{web()}, in: input(shell, secrets), verdict: "Malicious", uid: "pod-uid", says: "CredentialAccess"},
		"another's account":  {reason: "what another account did does not", objects: []runtime.Object{web(func(p *corev1.Pod) { p.Spec.ServiceAccountName = "other" })}, in: input(shell, secrets), verdict: "Suspicious", uid: "pod-uid"},
		"the node":           {reason: "it holds the node", objects: []runtime.Object{web(node)}, in: input(), verdict: "Malicious", uid: "pod-uid", says: "privileged"},
		"gone":               {reason: "what is gone cannot be examined", in: input(shell, secrets), verdict: "Unknown", says: "does not exist"},
		"forbidden":          {reason: "the missing permission is named", objects: []runtime.Object{web()}, in: input(), deny: "pods", verdict: "Unknown", says: "get pods in namespace web"},
		"events forbidden":   {reason: "events add little", objects: []runtime.Object{web(node)}, in: input(), deny: "events", verdict: "Malicious", uid: "pod-uid"},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(tc.objects...)
			client.PrependReactor("*", tc.deny, func(clienttesting.Action) (bool, runtime.Object, error) {
				return tc.deny != "", nil, apierrors.NewForbidden(schema.GroupResource{Resource: tc.deny}, "", nil)
			})
			got, err := pod.Analyzer{Client: client}.Analyze(t.Context(), tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Verdicts) != 1 {
				t.Fatalf("verdicts: %+v", got.Verdicts)
			}
			v := got.Verdicts[0]
			if v.Verdict != tc.verdict || v.UID != tc.uid || !strings.Contains(v.Reason, tc.says) {
				t.Errorf("%s: got %+v", tc.reason, v)
			}
		})
	}
}

func TestServerErrorsAreNoVerdict(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInternalError(errors.New("etcd is away"))
	})
	if _, err := (pod.Analyzer{Client: client}).Analyze(t.Context(), input()); err == nil {
		t.Error("an API server that does not answer is no finding")
	}
}

func TestFacts(t *testing.T) {
	p := web(func(p *corev1.Pod) {
		p.Namespace = "kube-system"
		p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}
		p.Spec.HostPID = true
		p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To(int64(0))}
		p.Spec.InitContainers = []corev1.Container{{Image: "init", SecurityContext: &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"CAP_SYS_ADMIN", "net_raw"}}}}}
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Image: "debug", SecurityContext: &corev1.SecurityContext{Privileged: ptr.To(true)}}}}
		p.Spec.Volumes = []corev1.Volume{{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{}}}}}}}
	})
	want := assess.Pod{
		Namespace: "kube-system", Bare: true, Static: true, HostPID: true, Privileged: true, RunsAsRoot: true, PrivilegeEscalation: true, TokenMounted: true,
		Capabilities: []string{"NET_RAW", "SYS_ADMIN"}, Images: []string{"init", "registry.example/app:v1", "debug"},
	}
	if diff := cmp.Diff(want, pod.Facts(p)); diff != "" {
		t.Error(diff)
	}
}
