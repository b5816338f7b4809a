package environment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/test/builders"
)

// policyTimeout is how long the API server may take to know new policies; it
// reads them every few seconds.
const policyTimeout = 30 * time.Second

// Govern installs our admission policies and the roles of people, and waits
// until they hold.
func Govern(ctx context.Context, c client.Client) error {
	for _, folder := range []string{"admission", "rbac"} {
		files, err := filepath.Glob(filepath.Join(Root(), "config", folder, "*.yaml"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if filepath.Base(file) == "kustomization.yaml" {
				continue
			}
			if err := install(ctx, c, file); err != nil {
				return fmt.Errorf("installing %s: %w", file, err)
			}
		}
	}
	stamped := func(ctx context.Context) (bool, error) {
		probe := builders.Remediation("default", "probe")
		err := c.Create(ctx, probe, client.DryRunAll)
		return err == nil && probe.Spec.RequestedBy != "", nil
	}
	if err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, policyTimeout, true, stamped); err != nil {
		return fmt.Errorf("admission policies do not hold within %s: %w", policyTimeout, err)
	}
	return nil
}

// install creates the objects of a file that can exist without a namespace of their own.
func install(ctx context.Context, c client.Client, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for decoder := yaml.NewYAMLOrJSONDecoder(f, 4096); ; {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(object.Object) == 0 || object.GetNamespace() != "":
			continue
		}
		if err := c.Create(ctx, object); client.IgnoreAlreadyExists(err) != nil {
			return err
		}
	}
}
