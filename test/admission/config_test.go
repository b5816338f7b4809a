package admission_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// What is written in config/admission is what kustomize installs.
func TestKustomization(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"),
		"kustomize", filepath.Join("..", "..", "config", "admission")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, object := range policyObjects(t) {
		if !strings.Contains(string(out), "kind: "+object.GetKind()+"\nmetadata:\n  name: "+object.GetName()+"\n") {
			t.Errorf("%s %s is left out", object.GetKind(), object.GetName())
		}
	}
}

// Tocsin may ask for automatic remediations, and decides on none.
func TestTocsinDoesNotApprove(t *testing.T) {
	objects, err := readYAML(filepath.Join("..", "..", "config", "rbac", "role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	automates := false
	for _, object := range objects {
		role := &rbacv1.ClusterRole{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			if !slices.Contains(rule.APIGroups, v1alpha1.GroupVersion.Group) {
				continue
			}
			automates = automates || slices.Contains(rule.Verbs, "automate") && slices.Contains(rule.Resources, "remediations")
			if slices.Contains(rule.Verbs, "approve") || slices.Contains(rule.Verbs, "*") || slices.Contains(rule.Resources, "*") {
				t.Errorf("%s may decide on remediations: %v", role.Name, rule)
			}
		}
	}
	if !automates {
		t.Error("Tocsin may not ask for automatic remediations")
	}
}

// The samples are taken as they are.
func TestSamplesAreTaken(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "samples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		if filepath.Base(file) == "incident-triage.yaml" {
			t.Run(filepath.Base(file), func(t *testing.T) { triage(t, file) })
			continue
		}
		objects, err := readYAML(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			if object.GroupVersionKind().Group != v1alpha1.GroupVersion.Group {
				continue
			}
			t.Run(filepath.Base(file)+"/"+object.GetName(), func(t *testing.T) {
				object.SetNamespace(namespace)
				wantTaken(t, as(t, admin).Create(t.Context(), object,
					client.DryRunAll, client.FieldValidation("Strict")))
			})
		}
	}
}

// triage patches an incident with a file.
func triage(t *testing.T, file string) {
	incident := create(t, operator, builders.Incident(namespace, uniqueName("triage")))
	out, err := kubectl(t, alice, "patch", "incident", incident.Name, "--type=merge", "--patch-file="+file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := stored(t, incident).Spec; len(got.Comments) == 0 || got.Comments[0].Author != alice {
		t.Errorf("comments are %v", got.Comments)
	}
}
