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

// TestTakenAlongBeforeItIsWritten: the decision on another alert takes along one
// whose own could not be written yet.
func TestTakenAlongBeforeItIsWritten(t *testing.T) {
	tenant := NewTenant(correlation.DefaultPolicy(), nil, nil)
	early := Known{Alert: onPods("early", 0, "shop/one")}
	tenant.Assign(early)
	tenant.decide(Known{Alert: onPods("late", time.Second, "shop/two")}, func(model.Alert) correlation.Decision {
		return correlation.Decision{Incident: "late", New: true, Moves: []correlation.Move{{Alert: "early", To: "late"}}}
	})
	again := tenant.Assign(early)
	if again.Incident != "late" || again.New || again.Reason != correlation.ReasonJoined || again.Message != "Looked like routine until alert late" {
		t.Errorf("asked again: %+v", again)
	}
	if tenant.Written("early") {
		t.Error("said to be written before it is")
	}
	tenant.Delivered("early")
	if !tenant.Written("early") || tenant.Written("another") {
		t.Error("not known to be written")
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

// TestACircleEndsAtOneIncident: two replicas that led at once wrote it. Alerts of
// all of them are together, whatever is learnt first and how often, and the engine
// puts the next one there.
func TestACircleEndsAtOneIncident(t *testing.T) {
	names := []string{"a", "b", "c"}
	redirects := map[string]correlation.IncidentFacts{
		"a": {Name: "a", RedirectedTo: "b"}, "b": {Name: "b", RedirectedTo: "c"}, "c": {Name: "c", RedirectedTo: "a"},
	}
	var members []Known
	for i, name := range names {
		members = append(members, Known{Alert: onPods(name, time.Duration(i)*time.Second, "shop/"+name), Membership: correlation.Decision{Incident: name}})
	}
	for _, order := range []string{"abc", "acb", "bac", "bca", "cab", "cba", "abcabc", "cbaabc"} {
		t.Run(order, func(t *testing.T) {
			tenant := NewTenant(correlation.DefaultPolicy(), members, nil)
			for _, name := range order {
				tenant.Learn(redirects[string(name)])
			}
			tenant.Learn(correlation.IncidentFacts{Name: "tail", RedirectedTo: "c"})
			for _, name := range append(names, "tail") {
				if got, engine := tenant.Follow(name), tenant.engine.Resolve(name); got != "a" || engine != "a" {
					t.Errorf("%s leads to %s, for the engine to %s", name, got, engine)
				}
			}
			for _, m := range members {
				if got := tenant.Keep(m); got != "a" {
					t.Errorf("the alert of %s goes to %s", m.Alert.Name, got)
				}
			}
			next := Known{Alert: onPods("next", time.Minute, "shop/c")}
			if d := tenant.Assign(next); d.Incident != "a" || tenant.Overtaken(next, d) {
				t.Errorf("the next alert goes to %s, overtaken: %t", d.Incident, tenant.Overtaken(next, d))
			}
		})
	}
}

// TestACircleCanBeMergedElsewhere: the redirect that is written then opens it.
func TestACircleCanBeMergedElsewhere(t *testing.T) {
	_, d := bridged(t)
	source, target := d.Merges[0].Source, d.Merges[0].Target
	tenant := NewTenant(correlation.DefaultPolicy(), nil, []correlation.IncidentFacts{
		{Name: source, RedirectedTo: source + "2"}, {Name: source + "2", RedirectedTo: source}, {Name: target},
	})
	if tenant.Overtaken(bridge, d) {
		t.Error("it would be decided again for ever")
	}
	tenant.Merged(source, target)
	if got := tenant.Follow(source + "2"); got != target {
		t.Errorf("the circle leads to %s", got)
	}
}

func TestAnAlertMayStayInAResolvedIncident(t *testing.T) {
	tenant := known(correlation.IncidentFacts{Name: "first", Resolved: true}, correlation.IncidentFacts{Name: "before", RedirectedTo: "first"})
	for _, written := range []string{"first", "before"} {
		k := Known{Alert: onPods("alert of "+written, 0, "shop/one"), Membership: correlation.Decision{Incident: written}}
		tenant.Keep(k)
		k.Alert = onPods(k.Alert.Name, 0, "shop/one", "shop/two")
		d := tenant.Reassign(k)
		if d.Incident != "first" || d.New || tenant.Overtaken(k, d) {
			t.Errorf("written in %s: %+v, overtaken: %t", written, d, tenant.Overtaken(k, d))
		}
		k.Membership.Incident = "elsewhere"
		if !tenant.Overtaken(k, d) {
			t.Error("it is put into an incident that is resolved")
		}
	}
}

// TestAMoveThatNobodyWantsAnyMoreIsNotWritten: the wish is withdrawn before the
// move is written, and the cluster has added something.
func TestAMoveThatNobodyWantsAnyMoreIsNotWritten(t *testing.T) {
	tenant := known(correlation.IncidentFacts{Name: "first"}, correlation.IncidentFacts{Name: "second"})
	k := Known{Alert: onPods("second", 0, "shop/two"), Membership: correlation.Decision{Incident: "second"}}
	tenant.Keep(Known{Alert: onPods("first", 0, "shop/one"), Membership: correlation.Decision{Incident: "first"}})
	tenant.Keep(k)
	if d, refused := tenant.Move(k, "first"); refused != "" || d.Incident != "first" {
		t.Fatalf("got %+v, refused %q", d, refused)
	}
	k.Enrichment = "added"
	if d := tenant.Reassign(k); d.Incident != "second" || tenant.Overtaken(k, d) {
		t.Errorf("got %+v, overtaken: %t", d, tenant.Overtaken(k, d))
	}
}

func TestWhatIsHeld(t *testing.T) {
	tenant, d := bridged(t)
	source := d.Merges[0].Source
	if !tenant.Holds(source) {
		t.Error("its alert is not seen")
	}
	tenant.Forget(source) // the alert of that name opened it
	if tenant.Holds(source) || !tenant.Holds(d.Merges[0].Target) {
		t.Error("nothing is left of the source, and the target is as it was")
	}
}

// known are incidents of a tenant without alerts.
func known(facts ...correlation.IncidentFacts) *Tenant {
	return NewTenant(correlation.DefaultPolicy(), nil, facts)
}

func TestMerge(t *testing.T) {
	type f = correlation.IncidentFacts
	cases := map[string]struct {
		facts           []f
		into            string
		target, refused string
	}{
		"into another":         {[]f{{Name: "a"}, {Name: "b"}}, "b", "b", ""},
		"where that was":       {[]f{{Name: "a"}, {Name: "b", RedirectedTo: "c"}, {Name: "c", RedirectedTo: "d"}, {Name: "d"}}, "b", "d", ""},
		"itself":               {[]f{{Name: "a"}}, "a", "a", correlation.RefusedSame},
		"what leads back":      {[]f{{Name: "a"}, {Name: "b", RedirectedTo: "c"}, {Name: "c", RedirectedTo: "a"}}, "b", "a", correlation.RefusedSame},
		"what is not there":    {[]f{{Name: "a"}}, "b", "b", correlation.RefusedNotFound},
		"what leads nowhere":   {[]f{{Name: "a"}, {Name: "b", RedirectedTo: "gone"}}, "b", "gone", correlation.RefusedNotFound},
		"what is resolved":     {[]f{{Name: "a"}, {Name: "b", Resolved: true}}, "b", "b", correlation.RefusedResolved},
		"of another assignee":  {[]f{{Name: "a", AssignedTo: "x"}, {Name: "b", AssignedTo: "y"}}, "b", "b", correlation.RefusedAssignees},
		"with one assignee":    {[]f{{Name: "a", AssignedTo: "x"}, {Name: "b"}}, "b", "b", ""},
		"with a circle beyond": {[]f{{Name: "a"}, {Name: "b", RedirectedTo: "c"}, {Name: "c", RedirectedTo: "b"}}, "b", "", correlation.RefusedRedirected},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			target, refused := known(tc.facts...).Merge("a", tc.into)
			if refused != tc.refused || tc.target != "" && target != tc.target {
				t.Errorf("got %q, refused %q; want %q, %q", target, refused, tc.target, tc.refused)
			}
		})
	}
}

func TestAMergeThatIsDecidedButNotWrittenStandsAgainstAnother(t *testing.T) {
	tenant, d := bridged(t)
	source, target := d.Merges[0].Source, d.Merges[0].Target
	if _, refused := tenant.Merge(target, source); refused != correlation.RefusedSame {
		t.Errorf("the other way round it is refused as %q", refused)
	}
	tenant.Learn(correlation.IncidentFacts{Name: "third"})
	if _, refused := tenant.Merge(source, "third"); refused != correlation.RefusedRedirected {
		t.Errorf("elsewhere it is refused as %q", refused)
	}
	tenant.Learn(correlation.IncidentFacts{Name: source, RedirectedTo: "third"})
	if !tenant.Overtaken(bridge, d) {
		t.Error("it was merged elsewhere, and the decision stands")
	}
}

func TestAWrittenMergeIsKnownWhateverTheViewShows(t *testing.T) {
	tenant := known(correlation.IncidentFacts{Name: "a"}, correlation.IncidentFacts{Name: "b"})
	tenant.Merged("a", "b")
	tenant.Learn(correlation.IncidentFacts{Name: "a"})
	if got := tenant.Follow("a"); got != "b" {
		t.Errorf("a leads to %s", got)
	}
	if _, refused := tenant.Merge("b", "a"); refused != correlation.RefusedSame {
		t.Errorf("a circle is refused as %q", refused)
	}
	rebuilt := known(correlation.IncidentFacts{Name: "a"}, correlation.IncidentFacts{Name: "b"})
	rebuilt.Remember(nil)
	rebuilt.Remember(tenant)
	if got := rebuilt.Follow("a"); got != "b" {
		t.Errorf("after a rebuild a leads to %s", got)
	}
	tenant.ForgetIncident("a") // deleted, and made anew
	tenant.Learn(correlation.IncidentFacts{Name: "a"})
	if got := tenant.Follow("a"); got != "a" {
		t.Errorf("another one of that name leads to %s", got)
	}
}

func TestADecisionOnWhatIsNoLongerSoIsOvertaken(t *testing.T) {
	tenant := known()
	k := Known{Alert: onPods("one", 0, "shop/one"), Enrichment: "before"}
	d := tenant.Assign(k)
	if tenant.Overtaken(k, d) {
		t.Error("nothing has changed")
	}
	k.Enrichment = "after"
	if !tenant.Overtaken(k, d) {
		t.Error("the cluster has added something since")
	}
}

func TestAnAlertGetsAnIncidentOfItsOwn(t *testing.T) {
	tenant := known(correlation.IncidentFacts{Name: "first"})
	k := Known{Alert: onPods("second", time.Second, "shop/one"), Membership: correlation.Decision{Incident: "first"}}
	tenant.Keep(k)
	if d, refused := tenant.Move(k, "second"); refused != "" || d.Incident != "second" || !d.New {
		t.Errorf("got %+v, refused %q", d, refused)
	}
	if _, refused := tenant.Move(k, "third"); refused != correlation.RefusedNotFound {
		t.Errorf("an incident that is not there is refused as %q", refused)
	}
}
