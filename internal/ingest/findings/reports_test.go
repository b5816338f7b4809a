package findings_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
	"github.com/tocsin-dev/tocsin/internal/ingest/policyreport"
	"github.com/tocsin-dev/tocsin/internal/ingest/trivyoperator"
)

// told returns what is told of a report of a kind.
func told(t testing.TB, k findings.Kind, report []byte) []decode.Decoded {
	t.Helper()
	said, err := k.Read(report, hostile.Received)
	if err != nil {
		return nil
	}
	b := findings.NewBoard()
	b.Put("shop/report", said)
	out := b.Decide(terms(func(t *findings.Terms) { t.Kind, t.Minimum, t.Now = k, model.SeverityInformational, hostile.Received }), nil)
	for _, d := range out {
		hostile.Bounded(t, d.Alert)
	}
	return out
}

const kyverno = `{"kind": "PolicyReport", "metadata": {"namespace": "shop", "name": "uid"}, "scope": {"kind": "ReplicaSet", "name": "web-6d4cf56db6", "namespace": "shop"},
 "results": [
  {"source": "kyverno", "policy": "no-root", "rule": "containers", "result": "fail", "severity": "high", "message": "runs as root"},
  {"source": "kyverno", "policy": "labels", "result": "fail"},
  {"source": "kyverno", "policy": "limits", "result": "pass"},
  {"source": "other", "policy": "limits", "result": "pass"},
  {"policy": 1}]}`

func TestPolicyReport(t *testing.T) {
	kind := policyreport.InCluster()[0]
	got := told(t, kind, []byte(kyverno))
	if len(got) != 1 {
		t.Fatalf("%d alerts", len(got))
	}
	a := got[0].Alert
	if diff := cmp.Diff([]string{
		"1 high policy violation in Deployment web in namespace shop", "kyverno", "policyreports.wgpolicyk8s.io",
		"1 high, 1 medium.\nhigh no-root/containers: runs as root\nmedium labels:", "Workload/shop/Deployment/web",
	}, []string{a.Title, a.Detection, a.Rule, a.Description, a.Entities[0].String()}); diff != "" {
		t.Error(diff)
	}
	said, err := kind.Read([]byte(kyverno), hostile.Received)
	if err != nil || len(said) != 4 { // What holds is there once for each engine, so that it is known.
		t.Errorf("%d findings, %v", len(said), err)
	}
}

// titles are those of the alerts that the fixtures make, each as a cluster has it.
var titles = map[string][]string{
	"trivy-operator/vulnerability-report.json":             {"2 critical vulnerabilities in Deployment nginx in namespace default"},
	"trivy-operator/configaudit-report.json":               {"2 critical misconfigurations in Deployment nginx in namespace default"},
	"trivy-operator/exposedsecret-report.json":             {"2 high exposed secrets in Deployment app in namespace default"},
	"policyreport/openreports-sample-v1beta1-kyverno.json": nil,
	"policyreport/openreports-sample-v1beta2-kyverno.json": nil,
	"policyreport/openreports-sample-cis-k8s.json":         {"1 medium policy violation in Cluster"},
	"policyreport/openreports-sample-falco-policy.json": {
		"1 low policy violation in Pod a-pod in namespace my-namespace", "1 medium policy violation in Cluster",
	},
	"policyreport/wg-kubearmor-adapter-samples-res.json": {
		"1 medium policy violation in Pod ubuntu-1-deployment-5d6b975744-rrkhh in namespace multiubuntu",
		"1 medium policy violation in Pod ubuntu-2-deployment-bc58cf44-sfr9s in namespace multiubuntu",
	},
}

func TestFixtures(t *testing.T) {
	kindOf := map[string]findings.Kind{
		"trivy-operator/vulnerability-report.json": trivyoperator.InCluster()[0],
		"trivy-operator/configaudit-report.json":   trivyoperator.InCluster()[1],
		"trivy-operator/exposedsecret-report.json": trivyoperator.InCluster()[2],
	}
	for _, folder := range []string{"trivy-operator", "policyreport"} {
		for name, data := range fixtures.Files(t, folder) {
			name = folder + "/" + name
			kind, ok := kindOf[name]
			if !ok {
				kind = policyreport.InCluster()[0]
			}
			var got []string
			for _, report := range items(t, data) {
				for _, d := range told(t, kind, report) {
					got = append(got, d.Alert.Title)
				}
			}
			slices.Sort(got)
			want, known := titles[name]
			if diff := cmp.Diff(want, got); diff != "" || !known {
				t.Errorf("%s: known: %t\n%s", name, known, diff)
			}
		}
	}
}

// items takes a file apart that holds several reports.
func items(t *testing.T, data []byte) [][]byte {
	t.Helper()
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		return [][]byte{data}
	}
	var out [][]byte
	for _, one := range list {
		out = append(out, one)
	}
	return out
}

// Whatever a report holds, what is told of it is within the bounds of an alert.
func FuzzReports(f *testing.F) {
	for _, seed := range []string{
		kyverno, `{"metadata": {"name": "a", "labels": {"trivy-operator.resource.kind": "Pod"}}, "report": {"summary": {"lowCount": 1}}}`,
		`{"results": [{"policy": "p", "status": "fail", "resources": [{"kind": "Service", "name": "a"}]}]}`,
		`{"results": [{"policy": "p", "result": "error", "properties": {"k8s.pod.name": "a", "k8s.ns.name": "b"}}]}`, `{"report": 1}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	kinds := slices.Concat(trivyoperator.InCluster(), policyreport.InCluster())
	f.Fuzz(func(t *testing.T, report []byte) {
		for _, k := range kinds {
			told(t, k, report)
		}
	})
}
