package workload_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
	"github.com/tocsin-dev/tocsin/test/builders"
)

var update = flag.Bool("update", false, "write the golden files anew")

func investigation() *v1alpha1.Investigation {
	return builders.Investigation("soc", "pods-3fa9c1d2e4b5", func(inv *v1alpha1.Investigation) {
		inv.UID = "0b1c2d3e-0000-4000-8000-000000000001"
	})
}

func TestJobs(t *testing.T) {
	builder := workload.Builder{Image: "tocsin.dev/tocsin:test"}
	for name, step := range map[string]v1alpha1.PlaybookStep{
		"analyzer-pod":    {Name: "pod", Analyzer: v1alpha1.AnalyzerPod, TimeoutSeconds: ptr.To(int32(120))},
		"analyzer-access": {Name: "access", Analyzer: v1alpha1.AnalyzerAccess, Token: v1alpha1.TokenNone, TimeoutSeconds: ptr.To(int32(3600))},
		"container": {Name: "scan", Token: v1alpha1.TokenNone, Container: &v1alpha1.ContainerStep{
			Image: "registry.example/scan:v1", Command: []string{"/scan"}, Args: []string{"--all", "$(HOME)"},
		}},
		"container-token": {Name: "scan", Token: v1alpha1.TokenMounted, Container: &v1alpha1.ContainerStep{
			Image: "registry.example/scan:v1",
			Resources: &corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m")},
			},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			job, err := builder.Job(investigation(), "responder", step, 1)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, job)
		})
	}
}

func TestInputConfigMap(t *testing.T) {
	a := model.Alert{Rule: "Terminal shell in container", Title: "A shell", Severity: model.SeverityMedium,
		Tactics: []model.Tactic{model.TacticExecution}, Techniques: []string{"T1059"},
		Entities: []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: "web/web-0"}}, {Key: model.Key{Kind: model.KindIP, Name: "203.0.113.7"}}}}
	input, err := workload.Input(investigation(), convert.Input(investigation(), []model.Alert{a}))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "input", input)
}

func golden(t *testing.T, name string, obj any) {
	t.Helper()
	got, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".yaml")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; if that is meant, run the test with -update: %s", path, diff)
	}
}

func TestBadSteps(t *testing.T) {
	for name, step := range map[string]v1alpha1.PlaybookStep{
		"neither":          {Name: "a"},
		"both":             {Name: "a", Analyzer: v1alpha1.AnalyzerPod, Container: &v1alpha1.ContainerStep{Image: "x"}},
		"unknown analyzer": {Name: "a", Analyzer: "Disk"},
	} {
		if _, err := (workload.Builder{}).Job(investigation(), "responder", step, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What an attacker can write into an alert must not reach what the kubelet, a
// shell or a selector reads: it is in the input file alone.
func TestAlertTextIsNeverCode(t *testing.T) {
	payloads := []string{
		"$(touch /tmp/pwned)", "`id`", "$(KUBERNETES_SERVICE_HOST)", "${jndi:ldap://x}", "'; rm -rf / #", "\"; drop", "{{ .Values }}",
		"--privileged", "-o=jsonpath", "../../etc/passwd", "a\nb: c", "\x00", "\x1b[2J", "\u202egpj", "%s%n", "<script>", strings.Repeat("A", 4000), "!!python/object",
	}
	marker := "tocsin-canary"
	for _, payload := range payloads {
		text := marker + payload
		inv := investigation()
		inv.Spec.Entities = []v1alpha1.Entity{{EntityKey: v1alpha1.EntityKey{Kind: "File", Name: text}, Role: "Suspicious"}}
		alert := model.Alert{Name: "a", Rule: text, Title: text, Description: text, Service: text, Techniques: []string{text},
			Entities: []model.Entity{{Key: model.Key{Kind: model.KindFile, Name: text}}}}
		for _, step := range []v1alpha1.PlaybookStep{
			{Name: "pod", Analyzer: v1alpha1.AnalyzerPod},
			{Name: "scan", Container: &v1alpha1.ContainerStep{Image: "registry.example/scan:v1", Args: []string{"--input=/tocsin/input.json"}}},
		} {
			job, err := workload.Builder{Image: "image"}.Job(inv, "responder", step, 1)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := yaml.Marshal(job)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(raw, []byte(marker)) {
				t.Errorf("the Job repeats alert text: %q", payload)
			}
			if len(job.Spec.Template.Spec.Containers[0].Env) != 0 {
				t.Error("a step has an environment")
			}
		}
		input, err := workload.Input(inv, convert.Input(inv, []model.Alert{alert}))
		if err != nil {
			t.Fatal(err)
		}
		file := input.Data[document.InputFile]
		input.Data = nil
		raw, err := yaml.Marshal(input)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(marker)) {
			t.Errorf("the ConfigMap's metadata repeats alert text: %q", payload)
		}
		decoded, err := document.DecodeInput([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if got := decoded.Entities[0].Name; got != text {
			t.Errorf("the input file must repeat %q, not %q", text, got)
		}
	}
}

// T13: whatever the step, its pod has no more rights than Pod security's
// narrowest profile gives.
func TestPodsAreRestricted(t *testing.T) {
	for _, step := range []v1alpha1.PlaybookStep{
		{Name: "pod", Analyzer: v1alpha1.AnalyzerPod},
		{Name: "scan", Container: &v1alpha1.ContainerStep{Image: "x"}},
	} {
		job, err := workload.Builder{Image: "image"}.Job(investigation(), "responder", step, 1)
		if err != nil {
			t.Fatal(err)
		}
		pod := job.Spec.Template.Spec
		c := pod.Containers[0]
		for what, ok := range map[string]bool{
			"runs as non-root":        *pod.SecurityContext.RunAsNonRoot && *c.SecurityContext.RunAsNonRoot && *pod.SecurityContext.RunAsUser == 65532,
			"no privilege escalation": !*c.SecurityContext.AllowPrivilegeEscalation && !*c.SecurityContext.Privileged,
			"no capabilities":         cmp.Equal(c.SecurityContext.Capabilities, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}),
			"seccomp":                 pod.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
			"read-only root":          *c.SecurityContext.ReadOnlyRootFilesystem,
			"no token by itself":      !*pod.AutomountServiceAccountToken,
			"no host":                 !pod.HostNetwork && !pod.HostPID && !pod.HostIPC,
			"no retries":              *job.Spec.BackoffLimit == 0 && pod.RestartPolicy == corev1.RestartPolicyNever,
			"a deadline":              *job.Spec.ActiveDeadlineSeconds > 0,
			"goes away":               *job.Spec.TTLSecondsAfterFinished > 0,
			"a memory limit":          !c.Resources.Limits.Memory().IsZero(),
			"answer from the file":    c.TerminationMessagePolicy == corev1.TerminationMessageReadFile,
		} {
			if !ok {
				t.Errorf("step %s: not so: %s", step.Name, what)
			}
		}
		if hasToken(job) != (step.Analyzer != "") {
			t.Errorf("step %s: token is %t", step.Name, hasToken(job))
		}
	}
}

func hasToken(job *batchv1.Job) bool {
	for _, v := range job.Spec.Template.Spec.Volumes {
		if v.Projected != nil {
			return true
		}
	}
	return false
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, uid := range []types.UID{"a", "b"} {
		for _, step := range []string{"s", "s1", strings.Repeat("x", 32)} {
			for attempt := 1; attempt <= 2; attempt++ {
				name := workload.JobName(uid, step, attempt)
				if name != workload.JobName(uid, step, attempt) || seen[name] {
					t.Errorf("%s is not the name of one attempt", name)
				}
				seen[name] = true
				// The pod's name gets six characters more.
				if problems := validation.IsDNS1123Label(name + "-abcde"); problems != nil {
					t.Errorf("%s: %v", name, problems)
				}
			}
		}
	}
	for _, playbook := range []string{"p", strings.Repeat("p.", 126) + "p", "a-b.c"} {
		name := workload.InvestigationName("incident", playbook, 0)
		if problems := validation.IsDNS1123Subdomain(name); problems != nil || len(name) > 63 {
			t.Errorf("%s: %v", name, problems)
		}
	}
	if workload.InvestigationName("a-b", "c", 0) == workload.InvestigationName("a", "b-c", 0) {
		t.Error("two incidents share a name")
	}
	if name := workload.RemediationName("u", strings.Repeat("r", 32), "IsolatePod", "web/web-0"); validation.IsDNS1123Label(name) != nil {
		t.Errorf("%s is no name", name)
	}
}

func TestProblems(t *testing.T) {
	step := v1alpha1.PlaybookStep{Name: "scan", Container: &v1alpha1.ContainerStep{Resources: &corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
		Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
		Claims:   []corev1.ResourceClaim{{Name: "gpu"}},
	}}}
	want := []string{"steps[scan].container.resources.claims: are not supported", "steps[scan].container.resources.requests.cpu: is above the limit"}
	if diff := cmp.Diff(want, workload.Problems(step)); diff != "" {
		t.Error(diff)
	}
}
