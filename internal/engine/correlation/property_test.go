package correlation

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// stream is a random day of a small network: noise, bursts and shared evidence.
func stream(seed uint64, n int) []model.Alert {
	r := rand.New(rand.NewPCG(seed, 7))
	var out []model.Alert
	var at time.Duration
	for i := range n {
		at += time.Duration(r.ExpFloat64() * float64(6*time.Minute))
		host := asset(model.KindDevice, fmt.Sprintf("h%d", r.IntN(6)))
		a := alertAt(fmt.Sprintf("a%05d", i), at, fmt.Sprintf("r%d", int(r.ExpFloat64()*8)), host)
		a.Last, a.Occurrences = a.First.Add(time.Duration(r.IntN(900))*time.Second), int64(1+r.IntN(50))
		a.Tactics = []model.Tactic{model.Tactics[r.IntN(len(model.Tactics))]}
		if r.IntN(5) == 0 {
			a.Entities = append(a.Entities, evidence(model.KindIP, fmt.Sprintf("203.0.113.%d", r.IntN(30))))
		}
		if r.IntN(12) == 0 {
			a.Entities = append(a.Entities, evidence(model.KindFile, fmt.Sprintf("sha256:%d", r.IntN(20))))
		}
		a.CorrelationDisabled = r.IntN(40) == 0
		if i%23 == 0 {
			a.Source, a.ProviderIncident = "defender", fmt.Sprint(i%7)
		}
		for range r.IntN(4) {
			a.Techniques = append(a.Techniques, fmt.Sprintf("T10%02d", r.IntN(60)))
		}
		out = append(out, a)
	}
	return out
}

func assignAll(e *Engine, alerts []model.Alert) []Decision {
	out := make([]Decision, len(alerts))
	for i, a := range alerts {
		out[i] = e.Assign(a)
	}
	return out
}

func TestSameInputSameDecisions(t *testing.T) {
	alerts := stream(1, 1500)
	before := fmt.Sprint(alerts)
	first := assignAll(New(DefaultPolicy()), alerts)
	for range 3 {
		if again := assignAll(New(DefaultPolicy()), alerts); !reflect.DeepEqual(first, again) {
			t.Fatal("the same alerts gave other decisions")
		}
	}
	if fmt.Sprint(alerts) != before {
		t.Fatal("the input was changed")
	}
}

// TestRestartChangesNothing rebuilds the engine from what is written, in any
// order, and holds every later decision against the engine that went on.
func TestRestartChangesNothing(t *testing.T) {
	for seed := range uint64(4) {
		alerts := stream(seed, 1200)
		old := New(DefaultPolicy())
		for i, a := range alerts[:900] {
			if i%100 == 50 {
				old.SetIncident(IncidentFacts{Name: old.Assign(alerts[i-1]).Incident, AssignedTo: fmt.Sprint(i % 3), Resolved: i%200 == 50})
			}
			old.Assign(a)
		}
		r := rand.New(rand.NewPCG(seed, 9))
		anew := New(DefaultPolicy())
		facts := factsOf(old)
		order := r.Perm(900)
		for n, i := range order {
			d, _ := old.Recall(alerts[i].Name)
			anew.Restore(alerts[i], d)
			if n == 450 { // and what people said comes at any time
				for _, f := range facts {
					anew.SetIncident(f)
				}
			}
		}
		for i, a := range alerts[:900] {
			was, _ := old.Recall(a.Name)
			is, _ := anew.Recall(a.Name)
			if was.Incident != is.Incident || was.Routine != is.Routine {
				t.Fatalf("seed %d: alert %d was in %s, is in %s", seed, i, was.Incident, is.Incident)
			}
		}
		for _, a := range alerts[900:] {
			if was, is := old.Assign(a), anew.Assign(a); !reflect.DeepEqual(was, is) {
				t.Fatalf("seed %d: alert %s:\nwent on: %+v\nrestored: %+v", seed, a.Name, was, is)
			}
		}
	}
}

func factsOf(e *Engine) []IncidentFacts {
	var out []IncidentFacts
	for _, inc := range e.incidents.rows {
		if inc.facts != nil {
			out = append(out, *inc.facts)
		}
	}
	return out
}

// check holds what must be true of an engine at any moment.
func check(t *testing.T, e *Engine, decisions []Decision) {
	t.Helper()
	where := map[id]id{}
	for i, inc := range e.incidents.rows {
		for _, m := range inc.members {
			if other, twice := where[m]; twice {
				t.Fatalf("alert %s is in two incidents: %d and %d", e.alerts.keys[m], other, i)
			}
			where[m] = id(i)
			if e.alerts.rows[m].incident != id(i) {
				t.Fatalf("alert %s does not know its incident", e.alerts.keys[m])
			}
		}
		if len(inc.members) > e.policy.MaxAlerts {
			t.Fatalf("incident %s has %d alerts", e.incidents.keys[i], len(inc.members))
		}
		if inc.facts != nil && inc.facts.RedirectedTo != "" && len(inc.members) > 0 {
			t.Fatalf("redirected incident %s still has alerts", e.incidents.keys[i])
		}
	}
	if len(where) != e.alerts.len() {
		t.Fatalf("%d alerts are known, %d are in an incident", e.alerts.len(), len(where))
	}
	for i, ent := range e.entities.rows {
		if len(ent.postings.kept) > 2*e.policy.HubIncidents {
			t.Fatalf("entity %s has %d postings", e.entities.keys[i], len(ent.postings.kept))
		}
		if !slices.IsSortedFunc(ent.postings.kept, func(a, b posting) int {
			if e.newer(&a, &b) {
				return -1
			}
			return 1
		}) {
			t.Fatalf("the postings of %s are out of order", e.entities.keys[i])
		}
		alerts := ent.postings.hidden
		for _, p := range ent.postings.kept {
			alerts += p.alerts
		}
		if alerts != ent.alerts {
			t.Fatalf("%s is in %d alerts, its postings say %d", e.entities.keys[i], ent.alerts, alerts)
		}
	}
	for key, p := range e.shelf {
		if diff := cmp.Diff(e.gathered(key.finder, key.incident), p, cmp.AllowUnexported(posting{})); diff != "" || !e.incidents.rows[key.incident].crowded {
			t.Fatalf("what is hidden of %s is written down wrong (-counted +written):\n%s", e.incidents.keys[key.incident], diff)
		}
	}
	for _, d := range decisions {
		if len(d.Links) > maxLinks || len(d.Similar) > maxSimilar || len(d.Merges) > maxMerges+1 {
			t.Fatalf("unbounded decision: %+v", d)
		}
		for i, l := range d.Links {
			if l.Peer == "" && l.Reason != LinkManualAssociation || i > 1 && l.Weight > d.Links[i-1].Weight {
				t.Fatalf("links without a peer or out of order: %+v", d.Links)
			}
		}
		if !d.New && len(d.Links) == 0 && d.Reason == ReasonJoined {
			t.Fatalf("joined without a reason: %+v", d)
		}
	}
}

func TestInvariants(t *testing.T) {
	p := DefaultPolicy()
	p.MaxAlerts = 40
	e := New(p)
	alerts := stream(11, 1500)
	var decisions []Decision
	r := rand.New(rand.NewPCG(3, 4))
	for i, a := range alerts {
		decisions = append(decisions, e.Assign(a))
		switch r.IntN(12) {
		case 0:
			e.Forget(alerts[r.IntN(i+1)].Name)
		case 1:
			e.Observe(alerts[r.IntN(i+1)].Name, a.First, int64(r.IntN(500)))
		case 2:
			e.Move(alerts[r.IntN(i+1)].Name, alerts[r.IntN(i+1)].Name)
		case 3:
			again := alerts[r.IntN(i+1)]
			again.Entities = append(slices.Clone(again.Entities), evidence(model.KindURL, fmt.Sprintf("https://x/%d", r.IntN(40))))
			decisions = append(decisions, e.Reassign(again))
		}
		if i%100 == 0 {
			check(t, e, decisions)
		}
	}
	check(t, e, decisions)
	for _, a := range alerts {
		e.Forget(a.Name)
	}
	if e.alerts.len()+e.entities.len()+e.rules.len()+e.onAssets.len()+len(e.hours)+len(e.days)+len(e.shelf) != 0 {
		t.Errorf("something is left after all was forgotten: %d alerts, %d entities, %d rules, %d of them on assets, %d hours, %d days",
			e.alerts.len(), e.entities.len(), e.rules.len(), e.onAssets.len(), len(e.hours), len(e.days))
	}
}

func FuzzAssign(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, int64(0))
	f.Add([]byte("001900090001"), int64(-4611686018427387848)) // an incident redirected to itself
	f.Add([]byte{0, 0, 0, 255, 255, 255, 9, 1, 1, 1, 0, 7}, int64(-1<<62))
	kinds := []model.EntityKind{model.KindDevice, model.KindPod, model.KindIP, model.KindFile, model.KindNode, model.KindNamespace, model.KindUser, "Unheard"}
	f.Fuzz(func(t *testing.T, data []byte, offset int64) {
		e := New(DefaultPolicy())
		var decisions []Decision
		for i := 0; i+4 <= len(data) && i < 400; i += 4 {
			b := data[i : i+4]
			a := alertAt(fmt.Sprintf("a%d", b[0]%64), time.Duration(offset)+time.Duration(b[1])*time.Minute, fmt.Sprint(b[2]%5),
				model.Entity{Key: model.Key{Kind: kinds[b[2]%8], Name: string(b[3:4])}, Role: model.RoleAttacker, Category: model.CategoryAsset},
				evidence(kinds[b[3]%8], fmt.Sprint(b[0]%7)))
			a.CorrelationDisabled = b[1] == 255
			switch b[3] % 6 {
			case 0:
				e.Forget(a.Name)
			case 1:
				decisions = append(decisions, e.Reassign(a))
			case 2:
				e.Move(a.Name, fmt.Sprintf("a%d", b[2]%64))
			case 3:
				e.SetIncident(IncidentFacts{Name: a.Name, RedirectedTo: fmt.Sprintf("a%d", b[2]%64), Resolved: b[1]%2 == 0})
			default:
				d := e.Assign(a)
				if again := e.Assign(a); again.Incident != d.Incident || len(again.Merges) > 0 {
					t.Fatalf("not idempotent: %+v, then %+v", d, again)
				}
				decisions = append(decisions, d)
			}
		}
		check(t, e, decisions)
	})
}
