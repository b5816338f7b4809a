// Package samples_test shows the samples of config/samples to a real API server.
package samples_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// patchFile is no object, but a patch of one.
const patchFile = "incident-triage.yaml"

func TestSamplesAreAccepted(t *testing.T) {
	_, admin := environment.Start(t)
	c := client.WithFieldValidation(admin, metav1.FieldValidationStrict)
	for _, namespace := range []string{"tocsin-demo", "shop"} {
		if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, file := range files(t) {
		if base := filepath.Base(file); base == patchFile || base == "kustomization.yaml" {
			continue
		}
		for _, object := range objects(t, file) {
			seen[object.GetKind()] = true
			// The namespace of the sample exists already, as all others need it.
			err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(&object), client.FieldOwner("samples"), client.ForceOwnership)
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
		}
	}
	for _, kind := range []string{"Alert", "AlertSource", "CorrelationPolicy", "Incident", "Investigation", "Playbook", "Remediation", "TuningRule"} {
		if !seen[kind] {
			t.Errorf("there is no sample of kind %s", kind)
		}
	}
	t.Run("triage patch", func(t *testing.T) { patch(t, c) })
}

func patch(t *testing.T, c client.Client) {
	content, err := os.ReadFile(filepath.Join(folder(), patchFile))
	if err != nil {
		t.Fatal(err)
	}
	body, err := sigsyaml.YAMLToJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	incident := builders.Incident("tocsin-demo", "triaged")
	if err := c.Create(t.Context(), incident); err != nil {
		t.Fatal(err)
	}
	if err := c.Patch(t.Context(), incident, client.RawPatch(types.MergePatchType, body)); err != nil {
		t.Fatal(err)
	}
	if incident.Spec.State != v1alpha1.IncidentInProgress || len(incident.Spec.Comments) != 1 {
		t.Errorf("the patch had no effect: %+v", incident.Spec)
	}
}

// Every file is either part of the kustomization or one of those that are no part
// of the demo.
func TestEverySampleIsListed(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(folder(), "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var kustomization struct{ Resources []string }
	if err := sigsyaml.Unmarshal(content, &kustomization); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{
		"kustomization.yaml": true, patchFile: true,
		"alert.yaml": true, "incident.yaml": true, "investigation.yaml": true, "remediation.yaml": true,
		"correlationpolicy.yaml": true, "tuningrule.yaml": true, // the demo shows the defaults
	}
	for _, file := range kustomization.Resources {
		listed[file] = true
	}
	for _, file := range files(t) {
		if base := filepath.Base(file); !listed[base] && !strings.HasPrefix(base, "alertsource-") { // Nothing of the demo sends to the others.
			t.Errorf("%s is not in kustomization.yaml", filepath.Base(file))
		}
	}
}

func folder() string { return filepath.Join(environment.Root(), "config", "samples") }

func files(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder(), "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	return found
}

func objects(t *testing.T, file string) []unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found []unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		var object unstructured.Unstructured
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return found
		case err != nil:
			t.Fatalf("%s: %v", file, err)
		}
		found = append(found, object)
	}
}
