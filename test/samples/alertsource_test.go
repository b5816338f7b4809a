package samples_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tocsin-dev/tocsin/internal/ingest/format"
)

func TestEveryTypeOfAlertSourceHasASample(t *testing.T) {
	var types []string
	for _, file := range files(t) {
		if base := filepath.Base(file); base == patchFile || base == "kustomization.yaml" {
			continue
		}
		for _, object := range objects(t, file) {
			if name, found, _ := unstructured.NestedString(object.Object, "spec", "type"); found && object.GetKind() == "AlertSource" {
				types = append(types, name)
			}
		}
	}
	slices.Sort(types)
	if diff := cmp.Diff(format.Names(), slices.Compact(types)); diff != "" {
		t.Error(diff)
	}
}
