package correlation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// watched is an engine that has seen three quiet days: a heartbeat every ten minutes.
func watched(hosts ...string) *Engine {
	e := New(DefaultPolicy())
	for i := range 3 * 24 * 6 {
		for _, h := range hosts {
			e.Assign(alertAt(fmt.Sprintf("noise-%s-%d", h, i), time.Duration(i)*10*time.Minute, "heartbeat", asset(model.KindDevice, h)))
		}
	}
	return e
}

const threeDays = 72 * time.Hour

func TestEvidence(t *testing.T) {
	h1, h2 := asset(model.KindDevice, "h1"), asset(model.KindDevice, "h2")
	attacker := func(ip string) model.Entity {
		ent := evidence(model.KindIP, ip)
		ent.Role = model.RoleAttacker
		return ent
	}
	ns := func(name string) model.Entity { return asset(model.KindNamespace, name) }
	pod := func(name string) model.Entity { return asset(model.KindPod, name) }
	node := asset(model.KindNode, "n1")
	at := func(name string, after time.Duration, rule string, entities ...model.Entity) model.Alert {
		return alertAt(name, threeDays+after, rule, entities...)
	}
	for name, tc := range map[string]struct {
		reason string
		alerts []model.Alert
		want   []string
		link   string // of the last alert
	}{
		"steps on one host": {
			reason: "two signatures never seen here, an hour apart",
			alerts: []model.Alert{at("a", 0, "r1", h1), at("b", time.Hour, "r2", h1)},
			want:   []string{"a", "a"}, link: LinkSameAsset,
		},
		"host to host": {
			reason: "two signatures never seen anywhere within a minute: one tool",
			alerts: []model.Alert{at("a", 0, "r1", h1), at("b", time.Minute, "r2", h2)},
			want:   []string{"a", "a"}, link: LinkProximateTime,
		},
		"hosts, later": {
			reason: "time alone joins nothing after the proximate window",
			alerts: []model.Alert{at("a", 0, "r1", h1), at("b", 10*time.Minute, "r2", h2)},
			want:   []string{"a", "b"},
		},
		"nothing named": {
			reason: "to name no entity is nothing to share",
			alerts: []model.Alert{at("a", 0, "r1"), at("b", 10*time.Minute, "r2")},
			want:   []string{"a", "b"},
		},
		"a weak asset": {
			reason: "a name that is everywhere never joins alone",
			alerts: []model.Alert{at("a", 0, "r1", asset(model.KindUser, "root")), at("b", 10*time.Minute, "r2", asset(model.KindUser, "root"))},
			want:   []string{"a", "b"},
		},
		"two attackers": {
			reason: "both name an attacker, and not the same",
			alerts: []model.Alert{at("a", 0, "r1", h1, attacker("203.0.113.1")), at("b", time.Minute, "r2", h2, attacker("203.0.113.2"))},
			want:   []string{"a", "b"},
		},
		"one attacker": {
			reason: "the same address hours later on another host",
			alerts: []model.Alert{at("a", 0, "r1", h1, attacker("203.0.113.1")), at("b", 2*time.Hour, "r2", h2, attacker("203.0.113.1"))},
			want:   []string{"a", "a"}, link: LinkSameAddress,
		},
		"loopback": {
			reason: "a weak entity joins nothing",
			alerts: []model.Alert{at("a", 0, "r1", h1, attacker("127.0.0.1")), at("b", 2*time.Hour, "r2", h2, attacker("127.0.0.1"))},
			want:   []string{"a", "b"},
		},
		"same file": {
			reason: "the same hash on another host half a day later",
			alerts: []model.Alert{at("a", 0, "r1", h1, evidence(model.KindFile, "sha256:1")), at("b", 12*time.Hour, "r2", h2, evidence(model.KindFile, "sha256:1"))},
			want:   []string{"a", "a"}, link: LinkSameFile,
		},
		"one node": {
			reason: "that two pods run on one node says nothing",
			alerts: []model.Alert{at("a", 0, "r1", pod("x/p"), ns("x"), node), at("b", 10*time.Minute, "r2", pod("y/q"), ns("y"), node)},
			want:   []string{"a", "b"},
		},
		"escape": {
			reason: "an alert about the node itself follows one in a pod there",
			alerts: []model.Alert{at("a", 0, "r1", pod("x/p"), ns("x"), node), at("b", 10*time.Minute, "r2", node)},
			want:   []string{"a", "a"}, link: LinkSameAsset,
		},
		"namespaces": {
			reason: "time alone joins within one namespace only",
			alerts: []model.Alert{at("a", 0, "r1", pod("x/p"), ns("x")), at("b", time.Minute, "r2", pod("y/q"), ns("y"))},
			want:   []string{"a", "b"},
		},
		"routine": {
			reason: "what happens every ten minutes is no part of it",
			alerts: []model.Alert{at("a", 0, "r1", h1), at("b", 5*time.Minute, "heartbeat", h1)},
			want:   []string{"a", "noise-h1-3"}, link: LinkRoutine,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := watched("h1", "h2")
			var got []string
			var last Decision
			for _, a := range tc.alerts {
				last = e.Assign(a)
				got = append(got, last.Incident)
			}
			if !slices.Equal(got, tc.want) {
				t.Fatalf("%s: got %v, want %v (%s)", tc.reason, got, tc.want, last.Message)
			}
			if tc.link != "" && (len(last.Links) == 0 || last.Links[0].Reason != tc.link) {
				t.Errorf("%s: got links %v, want %s", tc.reason, last.Links, tc.link)
			}
		})
	}
}

func TestFirstStepLooksLikeRoutine(t *testing.T) {
	e := watched("h1", "h2")
	h3 := asset(model.KindDevice, "h3")
	for i := range 13 { // a scan alert that comes a few times a day
		e.Assign(alertAt(fmt.Sprint("scan", i), time.Duration(i)*5*time.Hour, "scan", h3))
	}
	for i := range 8 {
		e.Assign(alertAt(fmt.Sprint("more", i), 61*time.Hour+time.Duration(i)*70*time.Minute, "scan", h3))
	}
	first := e.Assign(alertAt("first", threeDays, "scan", h3))
	if !first.Routine {
		t.Fatalf("the scan is not routine: %+v", first)
	}
	second := e.Assign(alertAt("second", threeDays+40*time.Second, "webshell", asset(model.KindDevice, "h1")))
	if len(second.Moves) != 1 || second.Moves[0].Alert != "first" || second.Moves[0].To != "second" {
		t.Fatalf("the scan before the web shell was not recollected: %+v", second)
	}
	if now, _ := e.Recall("first"); now.Incident != "second" || now.Routine || now.Links[0].Peer != "second" {
		t.Errorf("recalled as %+v", now)
	}
}

func TestMergeGuards(t *testing.T) {
	pod, other, file := asset(model.KindPod, "x/p"), asset(model.KindPod, "y/q"), evidence(model.KindFile, "sha256:1")
	for name, tc := range map[string]struct {
		a, b    IncidentFacts
		refused string
		target  string
	}{
		"older survives":       {target: "a"},
		"human work survives":  {b: IncidentFacts{HumanWork: 2}, target: "b"},
		"assignees differ":     {a: IncidentFacts{AssignedTo: "ann"}, b: IncidentFacts{AssignedTo: "bob"}, refused: RefusedAssignees},
		"one is unset":         {a: IncidentFacts{AssignedTo: "ann"}, target: "a"},
		"classification":       {a: IncidentFacts{Classification: "TruePositive"}, b: IncidentFacts{Classification: "FalsePositive"}, refused: RefusedClassification},
		"determination":        {a: IncidentFacts{Determination: "Malware"}, b: IncidentFacts{Determination: "Phishing"}, refused: RefusedDetermination},
		"resolved":             {a: IncidentFacts{Resolved: true}, refused: RefusedResolved},
		"redirected elsewhere": {a: IncidentFacts{RedirectedTo: "c"}, refused: RefusedRedirected},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(DefaultPolicy())
			e.Assign(alertAt("a", 0, "r1", pod, file))
			e.Assign(alertAt("b", time.Minute, "r2", other))
			tc.a.Name, tc.b.Name = "a", "b"
			e.SetIncident(tc.a)
			e.SetIncident(tc.b)
			if got := e.CanMerge("b", "a"); got != tc.refused {
				t.Errorf("refused for %q, want %q", got, tc.refused)
			}
			d := e.Assign(alertAt("d", 2*time.Minute, "r3", other, file))
			if tc.refused == "" && (len(d.Merges) != 1 || d.Merges[0].Target != tc.target || e.Resolve("a") != tc.target || e.Resolve("b") != tc.target) {
				t.Errorf("got merges %v, want one into %s", d.Merges, tc.target)
			}
			if tc.refused != "" && slices.ContainsFunc(d.Merges, func(m Merge) bool { return m.Source == "a" || m.Target == "a" }) {
				t.Errorf("merged although refused: %v", d.Merges)
			}
		})
	}
	e := New(DefaultPolicy())
	e.Assign(alertAt("a", 0, "r1", pod))
	e.Assign(alertAt("b", time.Minute, "r1", other))
	e.SetIncident(IncidentFacts{Name: "a", RedirectedTo: "b"})
	e.SetIncident(IncidentFacts{Name: "b", RedirectedTo: "a"})
	if e.Resolve("a") != "b" || e.Resolve("b") != "b" {
		t.Error("a circle of redirects has no end")
	}
	if e.CanMerge("a", "gone") != RefusedNotFound || e.CanMerge("a", "b") != RefusedSame {
		t.Error("a merge into nothing, or into itself")
	}
}

func TestMove(t *testing.T) {
	pod, other := asset(model.KindPod, "x/p"), asset(model.KindPod, "y/q")
	e := New(DefaultPolicy())
	e.Assign(alertAt("a", 0, "r1", pod))
	e.Assign(alertAt("b", time.Minute, "r2", pod))
	e.Assign(alertAt("c", time.Minute, "r2", other))
	for _, step := range []struct{ alert, to, want, refused string }{
		{"b", "c", "c", ""},
		{"b", "c", "c", ""},
		{"b", "gone", "", RefusedNotFound},
		{"gone", "c", "", RefusedNotFound},
		{"b", "", "b", ""}, // an incident of its own
	} {
		d, refused := e.Move(step.alert, step.to)
		if d.Incident != step.want || refused != step.refused {
			t.Errorf("moving %s to %q: got %q, %q, want %q, %q", step.alert, step.to, d.Incident, refused, step.want, step.refused)
		}
	}
	e.SetIncident(IncidentFacts{Name: "c", Resolved: true})
	if _, refused := e.Move("b", "c"); refused != RefusedResolved {
		t.Errorf("moved into a resolved incident: %q", refused)
	}
}

func TestReassign(t *testing.T) {
	e := New(DefaultPolicy())
	workload := asset(model.KindWorkload, "x/Deployment/w")
	e.Assign(alertAt("a", 0, "r1", asset(model.KindPod, "x/p"), workload))
	e.Assign(alertAt("b", time.Minute, "r2", asset(model.KindPod, "x/q")))
	enriched := alertAt("b", time.Minute, "r2", asset(model.KindPod, "x/q"), workload)
	d := e.Reassign(enriched)
	if d.Incident != "a" || e.Resolve("b") != "a" {
		t.Errorf("enrichment showed the same workload, but: %+v", d)
	}
	if again := e.Reassign(enriched); again.Incident != "a" || len(again.Merges) > 0 {
		t.Errorf("deciding again changed something: %+v", again)
	}
	check(t, e, nil)
}

func TestReassignObeysTheRulesOfMerges(t *testing.T) {
	workload := asset(model.KindWorkload, "x/Deployment/w")
	start := func(change func(*Policy), facts ...IncidentFacts) (*Engine, Decision) {
		p := DefaultPolicy()
		change(&p)
		e := New(p)
		e.Assign(alertAt("a", 0, "r1", asset(model.KindPod, "x/p"), workload))
		e.Assign(alertAt("b", time.Minute, "r2", asset(model.KindPod, "x/q")))
		for _, f := range facts {
			e.SetIncident(f)
		}
		return e, e.Reassign(alertAt("b", time.Minute, "r2", asset(model.KindPod, "x/q"), workload))
	}
	if e, d := start(func(p *Policy) { p.Merge = false }); d.Incident != "b" || len(d.Merges) > 0 || e.Resolve("b") != "b" {
		t.Errorf("the policy does not merge, but: %+v", d)
	}
	if e, d := start(func(*Policy) {}, IncidentFacts{Name: "b", HumanWork: 500}); d.Incident != "b" || e.Resolve("a") != "b" {
		t.Errorf("the incident with more human work is to survive, but: %+v", d)
	}
}

func TestLinksAreCounted(t *testing.T) {
	e := New(DefaultPolicy())
	var shared []model.Entity
	for i := range maxLinks + 4 {
		shared = append(shared, evidence(model.KindFile, fmt.Sprint("/tmp/", i)))
	}
	e.Assign(alertAt("a", 0, "r1", append(shared, asset(model.KindDevice, "h1"))...))
	d := e.Assign(alertAt("b", time.Minute, "r2", append(shared, asset(model.KindDevice, "h2"))...))
	if len(d.Links) != maxLinks || d.LinkTotal != maxLinks+4 {
		t.Errorf("%d links of %d", len(d.Links), d.LinkTotal)
	}
}

func TestMessagesAreCut(t *testing.T) {
	e := New(DefaultPolicy())
	file := evidence(model.KindFile, strings.Repeat("é", 256))
	e.Assign(alertAt("a", 0, "r1", asset(model.KindDevice, "h1"), file))
	e.SetIncident(IncidentFacts{Name: "a", Resolved: true})
	d := e.Assign(alertAt("b", time.Minute, "r2", asset(model.KindDevice, "h2"), file))
	if len(d.Similar) != 1 {
		t.Fatalf("similar are %+v", d.Similar)
	}
	if m := d.Similar[0].Message; len(m) > maxMessage || !utf8.ValidString(m) || !strings.HasSuffix(m, "…") {
		t.Errorf("a message of %d bytes: %s", len(m), m)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	if err := DefaultPolicy().Validate(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*Policy){
		"joinBits":        func(p *Policy) { p.JoinBits = 0 },
		"mergeBits":       func(p *Policy) { p.MergeBits = 1 },
		"routineBits":     func(p *Policy) { p.RoutineBits = 30 },
		"window":          func(p *Policy) { p.Window = 0 },
		"proximateWindow": func(p *Policy) { p.ProximateWindow = -1 },
		"hubIncidents":    func(p *Policy) { p.HubIncidents = 0 },
		"maxAlerts":       func(p *Policy) { p.MaxAlerts = 0 },
		"maxEntities":     func(p *Policy) { p.MaxEntities = 65 },
		"weights[IP]":     func(p *Policy) { p.Weights = map[model.EntityKind]int{model.KindIP: -1} },
		"weights: all":    func(p *Policy) { p.Weights, p.ProximateWindow = nil, 0 },
	} {
		p := DefaultPolicy()
		change(&p)
		if err := p.Validate(); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestTell(t *testing.T) {
	e := New(DefaultPolicy())
	pod, sa := asset(model.KindPod, "x/p"), asset(model.KindServiceAccount, "x/s")
	alerts := []model.Alert{alertAt("a", 0, "r1", pod), alertAt("b", time.Minute, "r2", pod, sa), alertAt("c", 2*time.Minute, "r3", sa)}
	alerts[2].Tactics = []model.Tactic{model.TacticImpact}
	var members []Placed
	for _, a := range alerts {
		members = append(members, Placed{a, e.Assign(a).Links})
	}
	slices.Reverse(members)
	s := Tell(members, 1)
	if s.TotalEdges != 2 || len(s.Edges) != 1 || s.TotalStages != 2 || s.Path[0].Asset != pod.Key {
		t.Errorf("got %+v", s)
	}
	if full := Tell(members, 10); full.Path[1].Asset != sa.Key || full.Path[1].Tactics[0] != model.TacticImpact || full.Edges[1].Peer != "b" {
		t.Errorf("got %+v", full)
	}
}

func TestOwnAlertsAreNoReasonAgainstAnEntity(t *testing.T) {
	e := watched("h1", "h2")
	address := evidence(model.KindIP, "203.0.113.9")
	for i := range 40 {
		e.Assign(alertAt(fmt.Sprint("a", i), threeDays+time.Duration(i)*time.Second, fmt.Sprint("step", i), asset(model.KindDevice, "h1"), address))
	}
	d := e.Assign(alertAt("b", threeDays+5*time.Hour, "other", asset(model.KindDevice, "h2"), address))
	if d.Incident != "a0" || d.Links[0].Entity != address.Key {
		t.Errorf("forty alerts of one incident made its address a hub: %+v", d)
	}
}
