package assess_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/assess"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func alert(id int, severity model.Severity, tactics ...model.Tactic) assess.Alert {
	return assess.Alert{ID: id, Severity: severity, Tactics: tactics}
}

func TestAssessPod(t *testing.T) {
	tame := assess.Pod{Namespace: "web", Images: []string{"registry.example/app:v1.2"}}
	with := func(change func(*assess.Pod)) assess.Pod { p := tame; change(&p); return p }
	shell := alert(0, model.SeverityMedium, model.TacticExecution)

	for name, tc := range map[string]struct {
		reason  string
		pod     assess.Pod
		context assess.Context
		want    model.Verdict
		says    string
	}{
		"tame": {reason: "nothing speaks against it", pod: tame, want: model.VerdictNoThreatsFound, says: "nothing remarkable"},
		"ordinary": {
			reason: "what most pods do is no threat", want: model.VerdictNoThreatsFound,
			pod: with(func(p *assess.Pod) {
				p.RunsAsRoot, p.PrivilegeEscalation, p.TokenMounted, p.Bare, p.Images = true, true, true, true, []string{"app"}
			}),
		},
		"privileged": {reason: "a privileged pod is worth a look", pod: with(func(p *assess.Pod) { p.Privileged = true }), want: model.VerdictSuspicious, says: "privileged"},
		"privileged with the root folder": {
			reason: "both together are the node", want: model.VerdictMalicious, says: "root folder",
			pod: with(func(p *assess.Pod) { p.Privileged, p.HostPaths = true, []string{"/"} }),
		},
		"runtime socket as root": {
			reason: "the socket is every container on the node", want: model.VerdictMalicious, says: "socket",
			pod: with(func(p *assess.Pod) {
				p.HostPaths, p.HostPID, p.RunsAsRoot = []string{"/var/run/docker.sock"}, true, true
			}),
		},
		"slashes": {
			reason: "a path is the same with a slash more", want: model.VerdictMalicious,
			pod: with(func(p *assess.Pod) { p.Privileged, p.HostPaths = true, []string{"//run/containerd/containerd.sock/"} }),
		},
		"bare in kube-system":   {reason: "nobody makes such pods by hand", pod: with(func(p *assess.Pod) { p.Namespace, p.Bare = "kube-system", true }), want: model.VerdictMalicious},
		"static in kube-system": {reason: "the kubelet makes such pods", pod: with(func(p *assess.Pod) { p.Namespace, p.Bare, p.Static = "kube-system", true, true }), want: model.VerdictNoThreatsFound},
		"a shell": {
			reason: "one alert makes a pod suspicious", pod: tame, context: assess.Context{Role: model.RoleAttacked, Alerts: []assess.Alert{shell}},
			want: model.VerdictSuspicious,
		},
		"a shell, then the token was used": {
			reason: "the attack went on from the pod", pod: tame, want: model.VerdictMalicious, says: "CredentialAccess",
			context: assess.Context{Role: model.RoleAttacked, Alerts: []assess.Alert{shell, alert(1, model.SeverityHigh, model.TacticCredentialAccess)}},
		},
		"one alert with two tactics": {
			reason: "one alert is not an attack that went on", pod: tame, want: model.VerdictSuspicious,
			context: assess.Context{Role: model.RoleAttacked, Alerts: []assess.Alert{alert(0, model.SeverityHigh, model.TacticExecution, model.TacticCredentialAccess)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := assess.AssessPod(tc.pod, tc.context)
			if got.Verdict != tc.want || !strings.Contains(got.Reason(), tc.says) {
				t.Errorf("%s: got %s with %d points: %s", tc.reason, got.Verdict, got.Points, got.Reason())
			}
		})
	}
}

func TestAssessAccess(t *testing.T) {
	all := assess.Permissions
	only := func(says func(assess.Permission) bool) []assess.Permission {
		var out []assess.Permission
		for _, p := range all {
			if says(p) {
				out = append(out, p)
			}
		}
		return out
	}
	local := only(func(p assess.Permission) bool { return !p.Cluster && p.Resource == "secrets" })
	attacker := assess.Context{Role: model.RoleAttacker, Alerts: []assess.Alert{alert(0, model.SeverityHigh, model.TacticCredentialAccess)}}

	for name, tc := range map[string]struct {
		reason  string
		allowed []assess.Permission
		context assess.Context
		want    model.Verdict
	}{
		"powerless":            {reason: "an account without rights is harmless", want: model.VerdictNoThreatsFound},
		"its own secrets":      {reason: "reading its own secrets is common", allowed: local, want: model.VerdictNoThreatsFound},
		"cluster-admin":        {reason: "power alone is not malice", allowed: all, want: model.VerdictSuspicious},
		"used by an attacker":  {reason: "an attacker's account without power is not certain", context: attacker, want: model.VerdictSuspicious},
		"power and an attack":  {reason: "a powerful account in an attacker's hands", allowed: all, context: attacker, want: model.VerdictMalicious},
		"secrets and attacker": {reason: "it used what it may", allowed: local, context: attacker, want: model.VerdictMalicious},
	} {
		t.Run(name, func(t *testing.T) {
			got := assess.AssessAccess(tc.allowed, tc.context)
			if got.Verdict != tc.want {
				t.Errorf("%s: got %s with %d points: %s", tc.reason, got.Verdict, got.Points, got.Reason())
			}
		})
	}
	if got := assess.AssessAccess(all, assess.Context{}).Reason(); !strings.Contains(got, "cluster-admin") || strings.Contains(got, "Secrets") {
		t.Errorf("one right that includes all the others says enough: %s", got)
	}
}

// Speaking worse of something never makes its verdict milder.
func TestMoreFindingsAreNeverMilder(t *testing.T) {
	base := assess.AssessPod(assess.Pod{Privileged: true}, assess.Context{})
	worse := assess.AssessPod(assess.Pod{Privileged: true, HostPID: true, HostPaths: []string{"/data"}}, assess.Context{Role: model.RoleSuspicious})
	if worse.Points <= base.Points || base.Verdict.Worse(worse.Verdict) {
		t.Errorf("%+v is milder than %+v", worse, base)
	}
	if !slices.IsSortedFunc(assess.Permissions, func(a, b assess.Permission) int {
		if a.Cluster == b.Cluster {
			return 0
		} else if a.Cluster {
			return -1
		}
		return 1
	}) {
		t.Error("permissions over the cluster come first")
	}
}
