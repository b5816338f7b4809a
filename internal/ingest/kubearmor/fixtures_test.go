package kubearmor

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

// summary is what must come of an alert.
type summary struct {
	Rule, Title, Severity string
	Techniques            []string
	First                 string // The first entity.
	Last                  string // The last one.
}

// expected names the alerts of each file in order; everything else in it is a log.
var expected = map[string][]summary{
	"alerts-and-logs.json": {
		{"hsp-kubearmor-dev-proc-path-block", "hsp-kubearmor-dev-proc-path-block", "Low", nil, "Attacked Node/pandora", "Suspicious Process/pandora:/usr/bin/sleep"},
		{"block-pkg-mgmt-tools-exec", "block-pkg-mgmt-tools-exec", "Low", nil, "Attacked Pod/default/nginx-8f458dc5b-fl42t", "Suspicious Process/8762eafc25a3:/usr/bin/apt"},
		{"audit-etc-nginx-access", "audit-etc-nginx-access", "Low", nil, "Attacked Pod/default/nginx-8f458dc5b-fl42t", "Suspicious File/8762eafc25a3:/etc/nginx/conf.d/default.conf"},
		{"harden-wordpress-pkg-mngr-exec", "Alert! Execution of package management process inside container is denied", "Medium", nil,
			"Attacked Pod/wordpress-mysql/wordpress-787f45786f-2q9wf", "Suspicious Process/72de193fc8d8:/usr/bin/apt"},
		{"harden-wordpress-file-integrity-monitoring", "Detected and prevented compromise to File integrity", "Low", []string{"T1036", "T1565"},
			"Attacked Pod/wordpress-mysql/wordpress-787f45786f-2q9wf", "Suspicious File/72de193fc8d8:/sbin/raw"},
		{"ksp-vault-network", "ksp-vault-network", "High", nil, "Attacked Pod/default/vault-0", "Suspicious Process/775fb27125ee:/bin/vault"},
		{"sleep-deny", "sleep-deny", "Medium", nil, "Attacked Node/gke-my-first-cluster-1-default-pool-9144db50-81gb", "Suspicious Process/gke-my-first-cluster-1-default-pool-9144db50-81gb:/bin/sleep"},
		{"DefaultPosture", "DefaultPosture", "Medium", nil, "Attacked Node/gke-my-first-cluster-1-default-pool-9144db50-81gb", "Suspicious Process/gke-my-first-cluster-1-default-pool-9144db50-81gb:/usr/sbin/sshd"},
		{"DefaultPosture", "DefaultPosture", "Medium", nil, "Attacked Node/gke-my-first-cluster-1-default-pool-9144db50-81gb", "Suspicious Process/gke-my-first-cluster-1-default-pool-9144db50-81gb:/usr/sbin/sshd"},
		{"ksp-wordpress-block-process", "ksp-wordpress-block-process", "Low", nil, "Attacked Pod/wordpress-mysql/wordpress-787f45786f-mm2bm", "Suspicious Process/9af5246810fd:/usr/bin/apt"},
	},
	"wgpolicy-adapter-output.json": {
		{"ksp-group-1-proc-path-block", "block the sleep command", "Medium", nil, "Attacked Pod/multiubuntu/ubuntu-1-deployment-5d6b975744-rrkhh", "Suspicious Process/67f0a1cdf83f:/bin/sleep"},
	},
}

func TestFixtures(t *testing.T) {
	for name, data := range fixtures.Files(t, "kubearmor") {
		t.Run(name, func(t *testing.T) {
			want, known := expected[name]
			if !known {
				t.Fatal("nobody says what must come of this file")
			}
			var got []summary
			for _, o := range hostile.Body(t, Decoder{}, data) {
				switch {
				case o.Err != nil:
					t.Error(o.Err)
				case o.Drop == "":
					a := o.Alert
					first, last := a.Entities[0], a.Entities[len(a.Entities)-1]
					got = append(got, summary{a.Rule, a.Title, a.Severity.String(), a.Techniques,
						string(first.Role) + " " + first.String(), string(last.Role) + " " + last.String()})
				case o.Drop != decode.DropTelemetry:
					t.Errorf("drop is %q", o.Drop)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRepetitions: two system calls by one program against one policy are one signal.
func TestRepetitions(t *testing.T) {
	fingerprints := map[string]int{}
	for _, alert := range hostile.Alerts(t, hostile.Body(t, Decoder{}, fixtures.Files(t, "kubearmor")["alerts-and-logs.json"])) {
		fingerprints[alert.Fingerprint]++
	}
	if len(fingerprints) != 9 {
		t.Errorf("%d signals among 10 alerts, want 9", len(fingerprints))
	}
}
