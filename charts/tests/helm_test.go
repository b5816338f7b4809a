// Package charts_test renders the charts and checks what comes out.
package charts_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const root = "../.."

// helm runs the helm that HELM names, else the one that make builds, else the
// one in the path.
func helm(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	program := os.Getenv("HELM")
	for _, candidate := range []string{filepath.Join(root, "bin", "tools", "helm"), "helm"} {
		if program == "" {
			program, _ = exec.LookPath(candidate)
		}
	}
	if program == "" {
		t.Skip("there is no helm: run `make build-demo`, or set HELM")
	}
	home := t.TempDir() // nothing of the person who runs the test counts
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return out.String(), errors.New(problems.String() + out.String())
	}
	return out.String(), nil
}

func render(t *testing.T, chart string, set ...string) []unstructured.Unstructured {
	t.Helper()
	arguments := []string{"template", "tocsin", filepath.Join(root, "charts", chart), "--namespace", "tocsin-system"}
	for _, value := range set {
		arguments = append(arguments, "--set", value)
	}
	out, err := helm(t, arguments...)
	if err != nil {
		t.Fatalf("rendering %s with %q: %v", chart, set, err)
	}
	return decode(t, []byte(out))
}

func decode(t *testing.T, content []byte) []unstructured.Unstructured {
	t.Helper()
	var objects []unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		var object unstructured.Unstructured
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatal(err)
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// find returns the object of that kind and name, or nil.
func find(objects []unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	for i := range objects {
		if objects[i].GetKind() == kind && objects[i].GetName() == name {
			return &objects[i]
		}
	}
	return nil
}
