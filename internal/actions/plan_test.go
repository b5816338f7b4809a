package actions

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func isolation0(change ...func(*Request)) Request {
	r := Request{
		Remediation: Remediation{Namespace: "team-a", Name: "contain", UID: "7c1d"},
		Action:      "IsolatePod",
		Target:      Target{Kind: "Pod", Namespace: "web", Name: "web-0", UID: "ab12"},
		ActsAs:      "system:serviceaccount:team-a:responder",
		TTLSeconds:  3600,
		Approval:    "Required",
		Reason:      "a shell",
		Incident:    "shell-in-web",
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// What was approved must not come to mean something else with a new version.
func TestRenderIsWhatItWas(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"IsolatePod", "DeletePod"} {
		p, err := Render(isolation0(func(r *Request) { r.Action = action }))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", action+".json")
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(golden, append(encoded, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(encoded)+"\n"); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
	}
}

func TestPlanInWords(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Request){
		"Isolate pod web/web-0: create NetworkPolicy tocsin-isolate-ba7270d7887d3234, which denies it all traffic in and out, and label the pod so that it is selected. Done as system:serviceaccount:team-a:responder. Undone after 60m.": func(*Request) {},
		"Delete pod web/web-0. Done as system:serviceaccount:team-a:responder. It cannot be undone.":                                                                                                                                       func(r *Request) { r.Action = "DeletePod" },
	} {
		p, err := Render(isolation0(change))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.Words()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestWordsFitTheStatus(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 253)
	p, err := Render(isolation0(func(r *Request) {
		r.Target.Namespace, r.Target.Name = long[:63], long
		r.ActsAs = "system:serviceaccount:" + long[:63] + ":" + long
		r.TTLSeconds = 2592000
	}))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Words()); n > 1024 {
		t.Errorf("%d characters", n)
	}
}

// T4: every field counts.
func TestDigestChangesWithEveryField(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, change := range map[string]func(*Request){
		"nothing":               func(*Request) {},
		"action":                func(r *Request) { r.Action = "DeletePod" },
		"remediation namespace": func(r *Request) { r.Remediation.Namespace += "x" },
		"remediation name":      func(r *Request) { r.Remediation.Name += "x" },
		"remediation uid":       func(r *Request) { r.Remediation.UID += "x" },
		"target namespace":      func(r *Request) { r.Target.Namespace += "x" },
		"target name":           func(r *Request) { r.Target.Name += "x" },
		"target uid":            func(r *Request) { r.Target.UID += "x" },
		"no target uid":         func(r *Request) { r.Target.UID = "" },
		"identity":              func(r *Request) { r.ActsAs += "x" },
		"ttl":                   func(r *Request) { r.TTLSeconds++ },
		"no ttl":                func(r *Request) { r.TTLSeconds = 0 },
		"approval":              func(r *Request) { r.Approval = "Automatic" },
		"reason":                func(r *Request) { r.Reason += "x" },
		"incident":              func(r *Request) { r.Incident += "x" },
		"investigation":         func(r *Request) { r.Investigation += "x" },
		"requester":             func(r *Request) { r.RequestedBy += "x" },
	} {
		digest := digestOf(t, isolation0(change))
		if again := digestOf(t, isolation0(change)); again != digest {
			t.Errorf("%s: the digest is another one each time", name)
		}
		if other, ok := seen[digest]; ok {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		seen[digest] = name
	}
}

func digestOf(t *testing.T, r Request) string {
	t.Helper()
	p, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if pinned, _ := p.For("uid").Digest(); pinned != digest {
		t.Error("what was acted on is not part of what was approved")
	}
	return digest
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Request){
		"no action":              func(r *Request) { r.Action = "" },
		"an unknown action":      func(r *Request) { r.Action = "DeleteNamespace" },
		"another kind":           func(r *Request) { r.Target.Kind = "Node" },
		"a cluster-scoped thing": func(r *Request) { r.Target.Kind, r.Target.Namespace = "ClusterRole", "" },
		"no namespace":           func(r *Request) { r.Target.Namespace = "" },
		"no name":                func(r *Request) { r.Target.Name = "" },
		"no identity":            func(r *Request) { r.ActsAs = "" },
		"no remediation":         func(r *Request) { r.Remediation.UID = "" },
	} {
		if _, err := Render(isolation0(change)); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// T2: whatever an action renders, it stays within the namespace of its target
// and the kinds that are allowed.
func TestScope(t *testing.T) {
	t.Parallel()
	inside := Step{Verb: "create", Kind: "NetworkPolicy", Namespace: "web", Name: "n"}
	for name, change := range map[string]func(*Step){
		"another namespace": func(s *Step) { s.Namespace = "kube-system" },
		"no namespace":      func(s *Step) { s.Namespace = "" },
		"no name":           func(s *Step) { s.Name = "" },
		"ClusterRole":       func(s *Step) { s.Kind = "ClusterRole" },
		"webhook":           func(s *Step) { s.Kind = "ValidatingWebhookConfiguration" },
		"PersistentVolume":  func(s *Step) { s.Kind = "PersistentVolume" },
		"Namespace":         func(s *Step) { s.Kind = "Namespace" },
		"Secret":            func(s *Step) { s.Kind = "Secret" },
	} {
		step := inside
		change(&step)
		if err := inScope(Plan{Request: isolation0(), Steps: []Step{inside, step}}); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := inScope(Plan{Request: isolation0(), Steps: []Step{inside}}); err != nil {
		t.Errorf("refuses what is in scope: %v", err)
	}
}
