package admission_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// People work with kubectl and files that know nothing of stamps.
func TestKubectlApply(t *testing.T) {
	for name, flags := range map[string][]string{
		"client side": nil,
		"server side": {"--server-side"},
	} {
		t.Run(name, func(t *testing.T) {
			incident := builders.Incident(namespace, uniqueName("inc"), func(i *v1alpha1.Incident) {
				i.Spec.Comments = []v1alpha1.Comment{{Text: "one"}}
			})
			apply := func(user string) {
				t.Helper()
				out, err := kubectl(t, user, append([]string{"apply", "-f", manifest(t, incident)}, flags...)...)
				if err != nil {
					t.Fatalf("%s: %v\n%s", user, err, out)
				}
			}
			apply(alice)
			apply(alice) // the first update of an object stores the defaults of its status
			first := stored(t, incident)
			apply(alice)
			if got := stored(t, incident).ResourceVersion; got != first.ResourceVersion {
				t.Errorf("applying the same file again wrote revision %s after %s", got, first.ResourceVersion)
			}
			incident.Spec.Comments = append(incident.Spec.Comments, v1alpha1.Comment{Text: "two"})
			apply(bob)
			got := stored(t, incident).Spec.Comments
			if len(got) != 2 || got[0].Author != alice || got[1].Author != bob || !got[0].Time.Equal(first.Spec.Comments[0].Time) {
				t.Errorf("comments are %v", got)
			}
			incident.Spec.Comments = incident.Spec.Comments[1:]
			out, err := kubectl(t, alice, append([]string{"apply", "-f", manifest(t, incident)}, flags...)...)
			if err == nil || !strings.Contains(out, "spec.comments: comments can only be added, after the 2 that are there") {
				t.Errorf("forgetting a comment: %v\n%s", err, out)
			}
		})
	}
}

// A decision with plain kubectl, and what its refusal looks like.
func TestKubectlApprove(t *testing.T) {
	r := waiting(t, alice, uniqueName("rem"))
	decide := []string{"patch", "remediation", r.Name, "--type=merge", "-p",
		`{"spec":{"approvals":[{"decision":"Approve","digest":"` + builders.Digest + `"}]}}`}
	out, err := kubectl(t, alice, decide...)
	if err == nil || !strings.Contains(out, `"alice" `+ownRequest) {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := kubectl(t, bob, decide...); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if got := stored(t, r).Spec.Approvals; len(got) != 1 || got[0].Approver != bob {
		t.Errorf("approvals are %v", got)
	}
}

// manifest writes an object as a person would: kind, name and spec.
func manifest(t *testing.T, incident *v1alpha1.Incident) string {
	t.Helper()
	raw, err := yaml.Marshal(asApplied(t, incident).Object)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "incident.yaml")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func kubectl(t *testing.T, user string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"--kubeconfig", kubeconfig, "--namespace", namespace, "--as", user}, args...)
	command := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), args...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}
