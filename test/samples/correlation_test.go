package samples_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// What only Tocsin itself can tell of a policy is right as well.
func TestCorrelationPolicyMakesSense(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(folder(), "correlationpolicy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var p v1alpha1.CorrelationPolicy
	if err := sigsyaml.UnmarshalStrict(content, &p); err != nil {
		t.Fatal(err)
	}
	if err := convert.CorrelationProblems(p.Spec.CorrelationSettings); err != nil || len(p.Spec.OptOuts) == 0 {
		t.Errorf("%d opt-outs, %v", len(p.Spec.OptOuts), err)
	}
}

// The guide's example is accepted, the defaults in its table are those that hold,
// and the mistake that it shows is told in these words.
func TestGuideToCorrelation(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(environment.Root(), "docs", "guides", "correlation.md"))
	if err != nil {
		t.Fatal(err)
	}
	guide := string(content)
	_, example, _ := strings.Cut(guide, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	var settings v1alpha1.CorrelationSettings
	if err := sigsyaml.UnmarshalStrict([]byte(example), &settings); err != nil {
		t.Fatal(err)
	}
	if err := convert.CorrelationProblems(settings); err != nil || len(settings.OptOuts) != 3 {
		t.Errorf("%d opt-outs, %v", len(settings.OptOuts), err)
	}
	settings.OptOuts[2].Match = strings.ReplaceAll(settings.OptOuts[2].Match, "severity", "severty")
	if err := convert.CorrelationProblems(settings); err == nil || !strings.Contains(guide, "spec."+err.Error()+" (") {
		t.Errorf("the guide does not show: %v", err)
	}

	raw, err := json.Marshal(convert.CorrelationInForce(0, v1alpha1.CorrelationSettings{}).CorrelationSettings)
	if err != nil {
		t.Fatal(err)
	}
	var defaults map[string]any
	if err := json.Unmarshal(raw, &defaults); err != nil {
		t.Fatal(err)
	}
	for field, want := range defaults {
		row := regexp.MustCompile("\\| `" + field + "` \\| `?([A-Za-z0-9,]+)`? \\|").FindStringSubmatch(guide)
		if row == nil || strings.ReplaceAll(row[1], ",", "") != fmt.Sprint(want) {
			t.Errorf("the guide says %q of %s, the default is %v", row, field, want)
		}
	}
}
