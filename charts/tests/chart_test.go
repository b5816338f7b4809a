package charts_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestLint(t *testing.T) {
	for _, chart := range []string{"tocsin", "tocsin-crds"} {
		if _, err := helm(t, "lint", "--strict", filepath.Join(root, "charts", chart)); err != nil {
			t.Error(err)
		}
	}
}

func TestRightsAreThoseThatTheCodeDeclares(t *testing.T) {
	role := find(render(t, "tocsin"), "ClusterRole", "tocsin")
	if diff := cmp.Diff(decode(t, read(t, "config", "rbac", "role.yaml"))[0].Object["rules"], role.Object["rules"]); diff != "" {
		t.Errorf("config/rbac/role.yaml and the chart differ; run hack/sync-charts.sh (-config +chart):\n%s", diff)
	}
}

// Every object of config/ that the charts bring along is the same there, but
// for what a chart adds to its metadata.
func TestChartsBringWhatIsConfigured(t *testing.T) {
	for _, of := range []struct{ chart, files string }{
		{"tocsin-crds", "config/crd/tocsin.dev_*.yaml"},
		{"tocsin", "config/admission/[^k]*.yaml"},
		{"tocsin", "config/rbac/people.yaml"},
	} {
		rendered := render(t, of.chart)
		files, err := filepath.Glob(filepath.Join(root, of.files))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", of.files, err)
		}
		for _, file := range files {
			for _, want := range decode(t, read(t, strings.TrimPrefix(file, root))) {
				got := find(rendered, want.GetKind(), want.GetName())
				if got == nil {
					t.Errorf("%s: %s %s is not in chart %s; run hack/sync-charts.sh", file, want.GetKind(), want.GetName(), of.chart)
					continue
				}
				delete(got.Object, "metadata")
				delete(want.Object, "metadata")
				if diff := cmp.Diff(want.Object, got.Object); diff != "" {
					t.Errorf("%s and chart %s differ; run hack/sync-charts.sh (-config +chart):\n%s", file, of.chart, diff)
				}
			}
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	for name, test := range map[string]struct{ set, want string }{
		"a value that does not exist": {"replica=2", "replica"},
		"no replica":                  {"replicas=0", "replicas"},
		"a pull policy of one's own":  {"image.pullPolicy=Sometimes", "pullPolicy"},
		"half a digest":               {"image.digest=sha256:12", "digest"},
		"a tenant that is no name":    {"tenants[0]=My Team", "tenants"},
		"no secret":                   {"gateway.tls.secretName=", "secretName"},
		"an address that is none":     {"gateway.service.clusterIP=tocsin", "clusterIP"},
		"a log level that is none":    {"log.level=loud", "level"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := helm(t, "template", "tocsin", filepath.Join(root, "charts", "tocsin"), "--set", test.set)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want a refusal that names %s, got %v", test.want, err)
			}
		})
	}
}

func TestOneSpoolPerVolume(t *testing.T) {
	_, err := helm(t, "template", "tocsin", filepath.Join(root, "charts", "tocsin"), "--set", "replicas=2,gateway.spool.persistence.enabled=true")
	if err == nil || !strings.Contains(err.Error(), "replicas: 1") {
		t.Errorf("want a refusal, got %v", err)
	}
}

func TestOptions(t *testing.T) {
	for name, test := range map[string]struct {
		set          []string
		kind, object string
		without      bool
	}{
		"one replica has no budget":     {nil, "PodDisruptionBudget", "tocsin", true},
		"two replicas have one":         {[]string{"replicas=2"}, "PodDisruptionBudget", "tocsin", false},
		"no network policy by default":  {nil, "NetworkPolicy", "tocsin", true},
		"a network policy on request":   {[]string{"networkPolicy.enabled=true"}, "NetworkPolicy", "tocsin", false},
		"a volume on request":           {[]string{"gateway.spool.persistence.enabled=true"}, "PersistentVolumeClaim", "tocsin-spool", false},
		"an existing volume":            {[]string{"gateway.spool.persistence.enabled=true", "gateway.spool.persistence.existingClaim=mine"}, "PersistentVolumeClaim", "mine", true},
		"metrics by default":            {nil, "Service", "tocsin-metrics", false},
		"metrics off":                   {[]string{"metrics.enabled=false"}, "Service", "tocsin-metrics", true},
		"policies by default":           {nil, "ValidatingAdmissionPolicy", "remediation-approvals.tocsin.dev", false},
		"policies installed otherwise":  {[]string{"admission.enabled=false"}, "ValidatingAdmissionPolicy", "remediation-approvals.tocsin.dev", true},
		"roles for people by default":   {nil, "ClusterRole", "tocsin-approver", false},
		"no roles for people on demand": {[]string{"rbac.people=false"}, "ClusterRole", "tocsin-approver", true},
	} {
		t.Run(name, func(t *testing.T) {
			found := find(render(t, "tocsin", test.set...), test.kind, test.object) != nil
			if found == test.without {
				t.Errorf("with %q: %s %s is there: %t", test.set, test.kind, test.object, found)
			}
		})
	}
}

func TestPodIsRestricted(t *testing.T) {
	pod := deployment(t, render(t, "tocsin")).Spec.Template.Spec
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod is not restricted: %+v", pod.SecurityContext)
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Contains(s.Capabilities.Drop, "ALL") {
			t.Errorf("container %s is not restricted: %+v", c.Name, s)
		}
	}
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod shares something with its node")
	}
}

func TestArguments(t *testing.T) {
	arguments := deployment(t, render(t, "tocsin", "image.reference=example.test/tocsin@sha256:1", "tenants={shop,web}")).Spec.Template.Spec.Containers[0].Args
	for _, want := range []string{
		"--investigator-image=example.test/tocsin@sha256:1", "--namespaces=shop,web",
		"--leader-election-namespace=tocsin-system", "--gateway-cert-dir=/etc/tocsin/gateway-tls",
	} {
		if !slices.Contains(arguments, want) {
			t.Errorf("%s is not among %q", want, arguments)
		}
	}
}

// With tenants, the rights that the code declares hold there and nowhere else.
func TestRightsHoldInTheTenants(t *testing.T) {
	objects := render(t, "tocsin", "tenants={shop,web}")
	where := map[string][]string{}
	for _, object := range objects {
		if kind := object.GetKind(); kind != "RoleBinding" && kind != "ClusterRoleBinding" {
			continue
		}
		role, _, _ := unstructured.NestedString(object.Object, "roleRef", "name")
		where[role] = append(where[role], object.GetNamespace())
		subjects, _, _ := unstructured.NestedSlice(object.Object, "subjects")
		want := []any{map[string]any{"kind": "ServiceAccount", "name": "tocsin", "namespace": "tocsin-system"}}
		if diff := cmp.Diff(want, subjects); diff != "" {
			t.Errorf("%s %s: %s", object.GetKind(), object.GetName(), diff)
		}
	}
	want := map[string][]string{"tocsin": {"shop", "web"}, "tocsin-cluster": {""}, "tocsin-leader-election": {"tocsin-system"}}
	if diff := cmp.Diff(want, where); diff != "" {
		t.Error(diff)
	}
	rules, _, _ := unstructured.NestedSlice(find(objects, "ClusterRole", "tocsin-cluster").Object, "rules")
	everywhere := []any{
		map[string]any{"apiGroups": []any{""}, "resources": []any{"namespaces"}, "verbs": []any{"get"}},
		map[string]any{"apiGroups": []any{"authentication.k8s.io"}, "resources": []any{"tokenreviews"}, "verbs": []any{"create"}},
		map[string]any{"apiGroups": []any{"authorization.k8s.io"}, "resources": []any{"subjectaccessreviews"}, "verbs": []any{"create"}},
	}
	if diff := cmp.Diff(everywhere, rules); diff != "" {
		t.Error(diff)
	}

	all := find(render(t, "tocsin"), "ClusterRoleBinding", "tocsin")
	if all == nil || find(render(t, "tocsin"), "ClusterRole", "tocsin-cluster") != nil {
		t.Error("without tenants the rights do not hold everywhere")
	}
}

// Two releases in one namespace elect a leader each.
func TestLeaseIsTheReleases(t *testing.T) {
	out, err := helm(t, "template", "second", filepath.Join(root, "charts", "tocsin"), "--namespace", "tocsin-system")
	if err != nil {
		t.Fatal(err)
	}
	for release, objects := range map[string][]unstructured.Unstructured{"tocsin": render(t, "tocsin"), "second-tocsin": decode(t, []byte(out))} {
		lease := release + "-leader"
		arguments, _, _ := unstructured.NestedSlice(find(objects, "Deployment", release).Object, "spec", "template", "spec", "containers")
		if !slices.Contains(arguments[0].(map[string]any)["args"].([]any), any("--leader-election-id="+lease)) {
			t.Errorf("release %s does not elect with %s", release, lease)
		}
		rules, _, _ := unstructured.NestedSlice(find(objects, "Role", release+"-leader-election").Object, "rules")
		if diff := cmp.Diff([]any{lease}, rules[1].(map[string]any)["resourceNames"]); diff != "" {
			t.Errorf("release %s may not write its Lease: %s", release, diff)
		}
	}
}

// The manager ends in its own time: 30 seconds and those of --drain-timeout.
func TestPodMayEndInItsOwnTime(t *testing.T) {
	if grace := deployment(t, render(t, "tocsin")).Spec.Template.Spec.TerminationGracePeriodSeconds; grace == nil || *grace < 50 {
		t.Errorf("terminationGracePeriodSeconds is %v", grace)
	}
}

// The manager knows how much memory it may use, where that is said.
func TestMemoryLimitIsKnown(t *testing.T) {
	want := []corev1.EnvVar{{Name: "TOCSIN_MEMORY_LIMIT", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory"}}}}
	for name, test := range map[string]struct {
		set  string
		want []corev1.EnvVar
	}{
		"by default":     {"replicas=1", want},
		"another limit":  {"resources.limits.memory=2Gi", want},
		"no limit":       {"resources.limits.memory=null", []corev1.EnvVar{}},
		"no limit given": {"resources.limits=null", []corev1.EnvVar{}},
		"no resources":   {"resources=null", []corev1.EnvVar{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.DeleteFunc(deployment(t, render(t, "tocsin", test.set)).Spec.Template.Spec.Containers[0].Env,
				func(v corev1.EnvVar) bool { return strings.HasPrefix(v.Name, "POD_") })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The manager may tell of its own pod, also where it has rights in tenants only.
func TestPodIsKnown(t *testing.T) {
	objects := render(t, "tocsin", "tenants={shop}")
	got := map[string]string{}
	for _, v := range deployment(t, objects).Spec.Template.Spec.Containers[0].Env {
		if v.ValueFrom.FieldRef != nil {
			got[v.Name] = v.ValueFrom.FieldRef.FieldPath
		}
	}
	want := map[string]string{"POD_NAMESPACE": "metadata.namespace", "POD_NAME": "metadata.name", "POD_UID": "metadata.uid"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	rules, _, _ := unstructured.NestedSlice(find(objects, "Role", "tocsin-leader-election").Object, "rules")
	if !slices.ContainsFunc(rules, func(rule any) bool {
		r := rule.(map[string]any)
		return slices.Contains(r["apiGroups"].([]any), any("events.k8s.io")) && slices.Contains(r["verbs"].([]any), any("create"))
	}) {
		t.Errorf("no right to events in the pod's namespace: %v", rules)
	}
}

func TestKindsStayWhenTheChartGoes(t *testing.T) {
	for _, crd := range render(t, "tocsin-crds") {
		if crd.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s would be deleted with the chart", crd.GetName())
		}
	}
}

func deployment(t *testing.T, objects []unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	out := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(find(objects, "Deployment", "tocsin").Object, out); err != nil {
		t.Fatal(err)
	}
	return out
}
