package store

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func onPods(name string, after time.Duration, pods ...string) model.Alert {
	a := model.Alert{Name: name, Rule: "rule of " + name, Service: "falco", First: start.Add(after), Last: start.Add(after), Occurrences: 1}
	for _, pod := range pods {
		a.Entities = append(a.Entities, model.Entity{Key: model.Key{Kind: model.KindPod, Name: pod}, Category: model.CategoryAsset, Role: model.RoleAttacked})
	}
	return a
}

var bridge = Known{Alert: onPods("bridge", 10*time.Second, "shop/one", "shop/two")}

// bridged returns a tenant in which the alert "bridge" has shown two incidents to be one.
func bridged(t *testing.T) (*Tenant, correlation.Decision) {
	t.Helper()
	tenant := NewTenant(correlation.DefaultPolicy(), nil, nil)
	for i, name := range []string{"one", "two"} {
		a := onPods(name, time.Duration(i)*time.Second, "shop/"+name)
		d := tenant.Assign(Known{Alert: a})
		tenant.Delivered(name)
		tenant.Keep(Known{Alert: a, Membership: d})
		tenant.Learn(correlation.IncidentFacts{Name: name})
	}
	d := tenant.Assign(bridge)
	if len(d.Merges) != 1 {
		t.Fatalf("the bridge merges %v, want one pair", d.Merges)
	}
	return tenant, d
}

func TestADecisionIsMadeOnce(t *testing.T) {
	tenant, first := bridged(t)
	again := tenant.Assign(bridge)
	if len(again.Merges) != 1 || again.Incident != first.Incident {
		t.Errorf("asked again before it was written: %+v, want %+v", again, first)
	}
}

func TestAlertsFollowAMergeOnlyWhenItIsWritten(t *testing.T) {
	tenant, d := bridged(t)
	source, target := d.Merges[0].Source, d.Merges[0].Target
	member := Known{Alert: onPods(source, 0, "shop/"+source), Membership: correlation.Decision{Incident: source}}
	if got := tenant.Keep(member); got != source {
		t.Errorf("before the redirect is written the alert goes to %s, want %s", got, source)
	}
	tenant.Learn(correlation.IncidentFacts{Name: source, RedirectedTo: target})
	if got := tenant.Keep(member); got != target {
		t.Errorf("after the redirect is written the alert goes to %s, want %s", got, target)
	}
}

func TestOvertaken(t *testing.T) {
	cases := map[string]struct {
		source, target correlation.IncidentFacts
		want           bool
	}{
		"nothing was said":     {},
		"one person has both":  {correlation.IncidentFacts{AssignedTo: "alice"}, correlation.IncidentFacts{AssignedTo: "alice"}, false},
		"one person has one":   {correlation.IncidentFacts{AssignedTo: "alice"}, correlation.IncidentFacts{}, false},
		"the source is closed": {correlation.IncidentFacts{Resolved: true}, correlation.IncidentFacts{}, true},
		"the target is closed": {correlation.IncidentFacts{}, correlation.IncidentFacts{Resolved: true}, true},
		"two people":           {correlation.IncidentFacts{AssignedTo: "alice"}, correlation.IncidentFacts{AssignedTo: "bob"}, true},
		"two classifications":  {correlation.IncidentFacts{Classification: "TruePositive"}, correlation.IncidentFacts{Classification: "FalsePositive"}, true},
		"two determinations":   {correlation.IncidentFacts{Determination: "Malware"}, correlation.IncidentFacts{Determination: "Phishing"}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tenant, d := bridged(t)
			tc.source.Name, tc.target.Name = d.Merges[0].Source, d.Merges[0].Target
			tenant.Learn(tc.source)
			tenant.Learn(tc.target)
			if got := tenant.Overtaken(bridge, d); got != tc.want {
				t.Errorf("overtaken is %t, want %t", got, tc.want)
			}
		})
	}
}

func TestForgettingAnUnwrittenMergeIsNoticed(t *testing.T) {
	tenant, _ := bridged(t)
	if !tenant.Forget("bridge") {
		t.Error("the engine has merged what will never be written, and nobody is told")
	}
	if tenant.Forget("one") {
		t.Error("nothing was drawn into this alert")
	}
}

func TestWhatIsWrittenIsTheTruth(t *testing.T) {
	tenant := NewTenant(correlation.DefaultPolicy(), nil, nil)
	a := onPods("one", 0, "shop/one")
	tenant.Assign(Known{Alert: a})
	if got := tenant.Keep(Known{Alert: a, Membership: correlation.Decision{Incident: "elsewhere"}}); got != "elsewhere" {
		t.Errorf("the alert is in %s, want where it is written to be", got)
	}
	next := tenant.Assign(Known{Alert: onPods("two", time.Second, "shop/one")})
	if next.Incident != "elsewhere" {
		t.Errorf("the next alert joins %s, want what the first is in", next.Incident)
	}
}

func TestFollowEndsInACircle(t *testing.T) {
	tenant := NewTenant(correlation.DefaultPolicy(), nil, []correlation.IncidentFacts{{Name: "a", RedirectedTo: "b"}, {Name: "b", RedirectedTo: "a"}})
	if got := tenant.Follow("a"); got != "a" && got != "b" {
		t.Errorf("got %s", got)
	}
}
