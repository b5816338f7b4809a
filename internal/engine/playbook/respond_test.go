package playbook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
)

func TestRespond(t *testing.T) {
	isolate := playbook.Response{Name: "isolate", Action: playbook.ActionIsolatePod, MinimumVerdict: model.VerdictSuspicious, TTLSeconds: 3600}
	remove := playbook.Response{Name: "remove", Action: playbook.ActionDeletePod, MinimumVerdict: model.VerdictMalicious, AlwaysApprove: true}
	policy := func(change ...func(*playbook.Policy)) playbook.Policy {
		p := playbook.Policy{Automation: playbook.AutomationFull, Responses: []playbook.Response{isolate}, ProtectedNamespaces: []string{"kube-system"}}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	semi := func(p *playbook.Policy) { p.Automation = playbook.AutomationSemi }
	none := func(p *playbook.Policy) { p.Automation = playbook.AutomationNone }
	monitor := func(p *playbook.Policy) { p.Monitor = true }
	both := func(p *playbook.Policy) { p.Responses = append(p.Responses, remove) }
	subject := func(v model.Verdict, change ...func(*playbook.Subject)) playbook.Subject {
		s := playbook.Subject{Key: model.Key{Kind: model.KindPod, Name: "web/web-0"}, Verdict: v, UID: "u1"}
		for _, c := range change {
			c(&s)
		}
		return s
	}
	named := func(kind model.EntityKind, name string) func(*playbook.Subject) {
		return func(s *playbook.Subject) { s.Key = model.Key{Kind: kind, Name: name} }
	}

	type decision struct {
		Action    string
		Automatic bool
		Reason    string
	}
	waits := func(reason string) []decision { return []decision{{playbook.ActionIsolatePod, false, reason}} }
	for name, tc := range map[string]struct {
		reason  string
		policy  playbook.Policy
		subject playbook.Subject
		want    []decision
	}{
		"malicious at full": {
			reason: "a malicious entity is answered at once", policy: policy(), subject: subject(model.VerdictMalicious),
			want: []decision{{playbook.ActionIsolatePod, true, playbook.ReasonMaliciousAtFull}},
		},
		"suspicious at full": {
			reason: "a person decides on what is not certain", policy: policy(), subject: subject(model.VerdictSuspicious),
			want: waits(playbook.ReasonOnlySuspicious),
		},
		"clean":             {reason: "nothing happens to what is clean", policy: policy(), subject: subject(model.VerdictNoThreatsFound)},
		"unknown":           {reason: "nothing happens to what is not known", policy: policy(), subject: subject(model.VerdictUnknown)},
		"malicious at semi": {reason: "semi always waits", policy: policy(semi), subject: subject(model.VerdictMalicious), want: waits(playbook.ReasonAutomationSemi)},
		"no response":       {reason: "NoAutomatedResponse proposes nothing", policy: policy(none), subject: subject(model.VerdictMalicious)},
		"monitor":           {reason: "Monitor proposes nothing", policy: policy(monitor), subject: subject(model.VerdictMalicious)},
		"protected": {
			reason: "protected namespaces always wait", policy: policy(), want: waits(playbook.ReasonProtectedNamespace),
			subject: subject(model.VerdictMalicious, named(model.KindPod, "kube-system/web-0")),
		},
		"critical": {
			reason: "critical assets always wait", policy: policy(), want: waits(playbook.ReasonCriticalAsset),
			subject: subject(model.VerdictMalicious, func(s *playbook.Subject) { s.Critical = true }),
		},
		"foreign": {
			reason: "a step that incriminates what it was not asked about is not simply believed", policy: policy(), want: waits(playbook.ReasonForeignEntity),
			subject: subject(model.VerdictMalicious, func(s *playbook.Subject) { s.Foreign = true }),
		},
		"no uid": {
			reason: "a pod of the same name may be another one", policy: policy(), want: waits(playbook.ReasonUIDUnknown),
			subject: subject(model.VerdictMalicious, func(s *playbook.Subject) { s.UID = "" }),
		},
		"two actions": {
			reason: "each response decides for itself", policy: policy(both), subject: subject(model.VerdictMalicious),
			want: []decision{{playbook.ActionIsolatePod, true, playbook.ReasonMaliciousAtFull}, {playbook.ActionDeletePod, false, playbook.ReasonAlwaysApprove}},
		},
		"below the minimum": {
			reason: "DeletePod asks for malicious", policy: policy(both), subject: subject(model.VerdictSuspicious),
			want: waits(playbook.ReasonOnlySuspicious),
		},
		"the careful one counts": {
			reason: "two responses with the same action make one remediation, which waits", subject: subject(model.VerdictMalicious),
			policy: policy(func(p *playbook.Policy) {
				p.Responses = append(p.Responses, playbook.Response{Name: "z", Action: playbook.ActionIsolatePod, MinimumVerdict: model.VerdictMalicious, AlwaysApprove: true})
			}),
			want: waits(playbook.ReasonAlwaysApprove),
		},
		"no pod":     {reason: "the actions act on pods", policy: policy(), subject: subject(model.VerdictMalicious, named(model.KindServiceAccount, "web/default"))},
		"no name":    {reason: "a step may write anything as a name", policy: policy(), subject: subject(model.VerdictMalicious, named(model.KindPod, "../../secrets/x"))},
		"three part": {reason: "a pod has a namespace and a name", policy: policy(), subject: subject(model.VerdictMalicious, named(model.KindPod, "a/b/c"))},
	} {
		t.Run(name, func(t *testing.T) {
			proposals, dropped := playbook.Respond(tc.policy, []playbook.Subject{tc.subject})
			var got []decision
			for _, p := range proposals {
				got = append(got, decision{p.Action, p.Automatic, p.Reason})
				if p.UID != tc.subject.UID || p.Target != tc.subject.Key || !strings.Contains(p.Message, tc.subject.Name) {
					t.Errorf("unexpected proposal: %+v", p)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || dropped != 0 {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

func TestRespondIsBounded(t *testing.T) {
	var subjects []playbook.Subject
	for i := range playbook.MaxProposals + 3 {
		subjects = append(subjects, playbook.Subject{Key: model.Key{Kind: model.KindPod, Name: fmt.Sprintf("web/web-%d", i)}, Verdict: model.VerdictMalicious})
	}
	policy := playbook.Policy{Automation: playbook.AutomationFull, Responses: []playbook.Response{{Name: "isolate", Action: playbook.ActionIsolatePod}}}
	got, dropped := playbook.Respond(policy, subjects)
	if len(got) != playbook.MaxProposals || dropped != 3 {
		t.Errorf("%d proposals, %d dropped", len(got), dropped)
	}
}

func TestProblems(t *testing.T) {
	p := playbook.Playbook{
		Match: playbook.Match{Services: []string{""}, Rules: []string{"ok", ""}, Tactics: []model.Tactic{"Nonsense"}},
		Responses: []playbook.Response{
			{Name: "a", Action: playbook.ActionIsolatePod, TTLSeconds: 60},
			{Name: "a", Action: playbook.ActionDeletePod, TTLSeconds: 60},
		},
	}
	want := []string{
		"match.services[0]: must not be empty", "match.rules[1]: must not be empty", "match.tactics[0]: is not an ATT&CK tactic",
		"responses[1].ttlSeconds: only IsolatePod can be undone", "responses[1].name: is used twice",
	}
	if diff := cmp.Diff(want, playbook.Problems(p)); diff != "" {
		t.Error(diff)
	}
	if got := playbook.Problems(playbook.Playbook{}); got != nil {
		t.Errorf("an empty playbook has problems: %v", got)
	}
}
