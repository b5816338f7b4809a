package policyreport

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// outcome is what a result in a fixture is known to say; no rule, a drop.
type outcome struct {
	Rule, Detection, Severity string
	Entities                  []string
}

var (
	passed = []outcome{{}}
	block  = func(pod, container string) outcome {
		return outcome{Rule: "ksp-group-1-proc-path-block", Detection: "KubeArmor Policy Engine", Severity: "Medium",
			Entities: []string{"Pod/multiubuntu/" + pod, "Container/" + container, "Node/kubearmor-dev"}}
	}
)

var outcomes = map[string][]outcome{
	"openreports-sample-v1beta1-kyverno.json": passed,
	"openreports-sample-v1beta2-kyverno.json": passed,
	// Two of its three results only warn.
	"openreports-sample-cis-k8s.json": {{}, {Rule: "api-server:basic-auth-file", Detection: "kube-bench-adapter", Severity: "Medium"}, {}},
	"openreports-sample-falco-policy.json": {
		{Rule: "Change thread namespace", Detection: "falco-agent", Severity: "Low", Entities: []string{"Pod/my-namespace/a-pod", "Container/0f8d7e2a3296"}},
		{Rule: "audit", Detection: "falco-agent", Severity: "Medium"},
	},
	"wg-kubearmor-adapter-samples-res.json": {
		block("ubuntu-1-deployment-5d6b975744-rrkhh", "67f0a1cdf83f"),
		block("ubuntu-2-deployment-bc58cf44-sfr9s", "77339e9d8bb1"),
		block("ubuntu-1-deployment-5d6b975744-rrkhh", "67f0a1cdf83f"),
	},
}

func TestFixtures(t *testing.T) {
	files := fixtures.Files(t, "policyreport")
	if len(files) != len(outcomes) {
		t.Errorf("%d files, want %d", len(files), len(outcomes))
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			var got []outcome
			for _, o := range hostile.Body(t, Decoder{}, data) {
				if o.Err != nil {
					t.Fatal(o.Err)
				}
				one := outcome{Rule: o.Alert.Rule, Detection: o.Alert.Detection}
				if o.Drop == "" {
					one.Severity = o.Alert.Severity.String()
				}
				for _, e := range o.Alert.Entities {
					one.Entities = append(one.Entities, e.String())
				}
				got = append(got, one)
			}
			if diff := cmp.Diff(outcomes[name], got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRepetition: of the three results of one adapter, two are the same signal.
func TestRepetition(t *testing.T) {
	alerts := hostile.Alerts(t, hostile.Body(t, Decoder{}, fixtures.Files(t, "policyreport")["wg-kubearmor-adapter-samples-res.json"]))
	if len(alerts) != 3 || alerts[0].Fingerprint != alerts[2].Fingerprint || alerts[0].Fingerprint == alerts[1].Fingerprint {
		t.Errorf("%v", alerts)
	}
}
