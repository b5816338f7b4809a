package kubernetesaudit

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
)

// falcoRules names our rule for each of Falco's. Two of Falco's depend on lists
// that a user keeps: they are rules of one's own here.
var falcoRules = map[string]string{
	"Create Disallowed Pod":        "disallowed-pod",
	"json_pointer_example":         "disallowed-pod",
	"Create Privileged Pod":        "privileged-pod",
	"Create NodePort Service":      "nodeport-service",
	"Attach/Exec Pod":              "pod-exec",
	"Attach to cluster-admin Role": "cluster-admin-binding",
	"K8s Deployment Created":       "deployment-created",
	"K8s ConfigMap Created":        "configmap-created",
	"K8s Namespace Deleted":        "namespace-deleted",
	"K8s Serviceaccount Created":   "service-account-created",
	"K8s Role/Clusterrole Created": "cluster-role-created",
	"K8s Secret Created":           "secret-created",
}

// disallowedPod is the rule of a user who knows which images are his.
var disallowedPod = Rule{
	Name: "disallowed-pod", Title: "Unknown image", Severity: model.SeverityMedium,
	Match: `event.verb == 'create' && event.objectRef.resource == 'pods'
		&& event.requestObject.spec.containers.exists(c, !(c.image in ['ours']))`,
}

// expectation is one of Falco's own tests of an event.
type expectation struct {
	Test   string
	Detect bool
	Counts []map[string]int
}

func TestFalcoTruth(t *testing.T) {
	files := fixtures.Files(t, "k8s-audit")
	var truth map[string][]expectation
	if err := json.Unmarshal(files["expected-falco-rules.json"], &truth); err != nil {
		t.Fatal(err)
	}
	for file, expectations := range truth {
		for _, want := range expectations {
			t.Run(file+"/"+want.Test, func(t *testing.T) { checkTruth(t, files[file], want) })
		}
	}
}

func checkTruth(t *testing.T, event []byte, want expectation) {
	t.Helper()
	rules := append(Threats(), Changes()...)
	if strings.Contains(want.Test, "trusted") {
		rules = except(rules, "privileged-pod") // The test trusts this image.
	}
	if !want.Detect {
		decoded, err := decoder(t, rules...).Decode(event, received)
		if err != nil || decoded.Drop != decode.DropNoRule {
			t.Errorf("rule %q fired, %v", decoded.Alert.Rule, err)
		}
		return
	}
	for _, counts := range want.Counts {
		for falcoRule := range counts {
			decoded, err := decoder(t, append(rules, disallowedPod)...).Decode(event, received)
			if err != nil || decoded.Alert.Rule != falcoRules[falcoRule] {
				t.Errorf("rule %q fired, drop %q, %v; want %q", decoded.Alert.Rule, decoded.Drop, err, falcoRules[falcoRule])
			}
		}
	}
}

func except(rules []Rule, name string) []Rule {
	var out []Rule
	for _, rule := range rules {
		if rule.Name != name {
			out = append(out, rule)
		}
	}
	return out
}

// pantherRules names our rules for each class of labelled events.
var pantherRules = map[string]string{
	"GCP.K8s.ExecIntoPod":               "pod-exec",
	"Kubernetes.Pod.Exec":               "pod-exec",
	"GCP.K8S.Privileged.Pod.Created":    "privileged-pod root-pod",
	"Kubernetes.Pod.Privileged.Created": "privileged-pod root-pod",
}

// TestPantherTruth reads events in the envelopes of EKS, AKS and GKE.
func TestPantherTruth(t *testing.T) {
	var labelled []struct {
		Rule, Test string
		Expected   bool
		Event      json.RawMessage
	}
	if err := json.Unmarshal(fixtures.Files(t, "k8s-audit")["panther-labelled-events.json"], &labelled); err != nil {
		t.Fatal(err)
	}
	if len(labelled) == 0 {
		t.Fatal("no events")
	}
	d := decoder(t, Threats()...)
	for i, tc := range labelled {
		t.Run(fmt.Sprintf("%d %s", i, tc.Test), func(t *testing.T) {
			decoded, err := d.Decode(tc.Event, received)
			if err != nil {
				t.Fatal(err)
			}
			fired := decoded.Drop == ""
			if fired != tc.Expected || fired && !strings.Contains(pantherRules[tc.Rule], decoded.Alert.Rule) {
				t.Errorf("rule %q, drop %q; want an alert: %v", decoded.Alert.Rule, decoded.Drop, tc.Expected)
			}
			if fired && (decoded.Alert.Entities[0].Kind != model.KindPod || len(decoded.Alert.Entities) < 2) {
				t.Errorf("the pod and the user are not named: %v", decoded.Alert.Entities)
			}
		})
	}
}

// TestBatch reads a batch as a webhook sends it, and every event on its own.
func TestBatch(t *testing.T) {
	d := decoder(t, append(Threats(), Changes()...)...)
	files := fixtures.Files(t, "k8s-audit")
	events, err := d.Unwrap(files["eventlist-batch.json"])
	if err != nil || len(events) != 12 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for name, data := range files {
		if strings.HasPrefix(name, "falco-") {
			events = append(events, data)
		}
	}
	for i, event := range events {
		decoded, err := d.Decode(event, received)
		if err != nil {
			t.Errorf("event %d: %v", i, err)
		}
		if decoded.Drop == "" && decoded.Alert.First.Year() > 2020 {
			t.Errorf("event %d: its time was not read: %s", i, decoded.Alert.First)
		}
	}
}
