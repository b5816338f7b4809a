package incident

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// asSource is a summary as the incident brings it when it is merged.
func asSource(name string, s Summary, own ...Comment) Source {
	source := Source{
		Name: name, Redirect: Redirect{By: "alice", Why: "the same"}, At: at(60), Comments: slices.Concat(s.Comments, own), Tags: s.Tags,
		Activities: s.Activities, CommentTotal: s.Counts.Comments + len(own),
	}
	if s.TitleFrom != "" {
		source.Title, source.TitleFrom = s.Title, s.TitleFrom
	}
	return source
}

func texts(comments []Comment) []string {
	var out []string
	for _, c := range comments {
		out = append(out, c.Incident+": "+c.Text)
	}
	return out
}

func lines(activities []Activity) []string {
	var out []string
	for _, a := range activities {
		out = append(out, fmt.Sprintf("%s %s %s: %s", a.Incident, a.Type, a.Actor, a.Message))
	}
	return out
}

// TestAMergeOfMerges: c into b, b into a. What c brings comes to a once, as c's,
// and stays when c and b are deleted.
func TestAMergeOfMerges(t *testing.T) {
	created := func(name string) Activity {
		return Activity{Time: at(1), Type: ActivityCreated, Actor: actorCorrelation, Message: "Incident created: " + name}
	}
	c := Source{
		Name: "c", Redirect: Redirect{Why: "SharedEvidence"}, At: at(30), Title: "Intruder in the shop", TitleFrom: "c",
		Comments: []Comment{{"c", at(3), "carol", "first"}, {"c", at(9), "carol", "third"}}, CommentTotal: 2,
		Tags: []Tag{{"c", "red"}, {"c", "blue"}},
		Activities: []Activity{created("c"), {
			Time: at(30), Type: ActivityRedirected, Actor: actorCorrelation, Message: "Merged into incident b (SharedEvidence)",
		}},
	}
	b := Summarize(Input{Name: "b", Now: at(40), Merged: []Source{c}, Alerts: []Member{member("b", 0)}})
	source := asSource("b", b, Comment{"b", at(5), "bob", "second"})
	source.Tags = append(source.Tags, Tag{"b", "red"})
	in := Input{Name: "a", Now: at(70), Merged: []Source{source}, Alerts: []Member{member("a", 0)}, Previous: Summary{State: Active, Counts: Counts{Alerts: 1}}}
	a := Summarize(in)

	want := Summary{
		Title: "Intruder in the shop", TitleFrom: "c", MergedFrom: []string{"b"},
		Comments: []Comment{{"c", at(3), "carol", "first"}, {"b", at(5), "bob", "second"}, {"c", at(9), "carol", "third"}},
		Tags:     []Tag{{"c", "red"}, {"c", "blue"}},
	}
	got := Summary{Title: a.Title, TitleFrom: a.TitleFrom, MergedFrom: a.MergedFrom, Comments: a.Comments, Tags: a.Tags}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a.Counts.Comments != 3 || a.Counts.MergedFrom != 1 {
		t.Errorf("counted %+v, want 3 comments of 1 incident", a.Counts)
	}
	wantLines := []string{
		"c Created " + actorCorrelation + ": Incident created: c",
		"b Merged " + actorCorrelation + ": Incident c was merged into this one (SharedEvidence)",
		"b Created " + actorCorrelation + ": Incident created: 1 alerts",
		" Merged alice: Incident b was merged into this one (the same)",
	}
	if diff := cmp.Diff(wantLines, lines(a.Activities)[:len(wantLines)]); diff != "" {
		t.Error(diff)
	}

	// Nothing changes, neither at the next look nor when the sources are deleted.
	in.Previous, in.Now = a, at(80)
	again := Summarize(in)
	again.Times = a.Times
	if diff := cmp.Diff(a, again); diff != "" {
		t.Errorf("the second look differs: %s", diff)
	}
	in.Merged = nil
	if diff := cmp.Diff(a, Summarize(in)); diff != "" {
		t.Errorf("without the sources: %s", diff)
	}
}

func TestATitleOfItsOwnOutranksACarriedOne(t *testing.T) {
	in := Input{
		Alerts: []Member{member("a", 0)}, People: People{Title: "Mine"},
		Merged: []Source{{Name: "b", At: at(2), Title: "Later", TitleFrom: "b"}, {Name: "c", At: at(1), Title: "Earlier", TitleFrom: "x"}},
	}
	if got := Summarize(in); got.Title != "Mine" || got.TitleFrom != "" {
		t.Errorf("got %q from %q", got.Title, got.TitleFrom)
	}
	in.People.Title = ""
	if got := Summarize(in); got.Title != "Earlier" || got.TitleFrom != "x" {
		t.Errorf("got %q from %q, want that of the first one merged", got.Title, got.TitleFrom)
	}
}

// TestCarryingIsBounded: many incidents with much to say. The newest stay, the
// totals tell how much there was, and a second look changes nothing.
func TestCarryingIsBounded(t *testing.T) {
	in := Input{Now: at(100_000), Alerts: []Member{member("a", 0)}}
	for i := range 50 {
		s := Source{Name: fmt.Sprintf("m%02d", i), Redirect: Redirect{Why: "SharedEvidence"}, At: at(1000 + i), CommentTotal: 30}
		for k := range 10 {
			s.Comments = append(s.Comments, Comment{s.Name, at(10*i + k), "alice", fmt.Sprint(k)})
			s.Tags = append(s.Tags, Tag{s.Name, fmt.Sprint(i, k)})
			s.Activities = append(s.Activities, Activity{Time: at(10*i + k), Type: ActivityAlertsAdded, Message: fmt.Sprint(k)})
		}
		in.Merged = append(in.Merged, s)
	}
	got := Summarize(in)
	if len(got.Comments) != maxComments || len(got.Tags) != maxTags || len(got.Activities) != maxActivities || len(got.MergedFrom) != maxMergedFrom {
		t.Errorf("%d comments, %d tags, %d activities, %d names", len(got.Comments), len(got.Tags), len(got.Activities), len(got.MergedFrom))
	}
	if got.Counts.Comments != 1500 || got.Counts.MergedFrom != 50 || got.Counts.Activities != 1 {
		t.Errorf("counted %+v", got.Counts)
	}
	if newest := texts(got.Comments)[maxComments-1]; newest != "m49: 9" {
		t.Errorf("the newest comment is %s", newest)
	}
	in.Previous, in.Now = got, at(100_001)
	if diff := cmp.Diff(got, Summarize(in)); diff != "" {
		t.Error(diff)
	}
}

// TestWhatFallsOffACutStaysOff: sources offer again what there was no room for.
func TestWhatFallsOffACutStaysOff(t *testing.T) {
	source := Source{Name: "b", Redirect: Redirect{Why: "SharedEvidence"}, At: at(1000), CommentTotal: maxComments + 1}
	for i := range maxComments + 1 {
		source.Comments = append(source.Comments, Comment{"b", at(10), "alice", fmt.Sprint((5 * i) % (maxComments + 1))})
	}
	was := Summary{State: Active, Counts: Counts{Alerts: 1}}
	for i := range 40 {
		source.Activities = append(source.Activities, Activity{Time: at(i / 2), Type: ActivityAlertsAdded, Message: fmt.Sprint(i % 2)})
	}
	for i := range 20 {
		was.Activities = append(was.Activities, Activity{Time: at(100 + i), Type: ActivityAlertsAdded, Message: "own"})
	}
	in := Input{Name: "a", Now: at(2000), Alerts: []Member{member("a", 0)}, Merged: []Source{source}, Previous: was}
	first := Summarize(in)
	if len(first.Comments) != maxComments || len(first.Activities) != maxActivities {
		t.Fatalf("%d comments and %d lines: nothing falls off", len(first.Comments), len(first.Activities))
	}
	in.Previous, in.Now = first, at(2001)
	second := Summarize(in)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second look differs: %s", diff)
	}
	// Also where less was written, since it was too long.
	in.Previous.Comments = first.Comments[maxComments/2:]
	if diff := cmp.Diff(first.Comments, Summarize(in).Comments); diff != "" {
		t.Errorf("after half of it was written: %s", diff)
	}
}

func TestMovedAlertsAreNamed(t *testing.T) {
	byHand := func(m *Member) { m.ByHand = true }
	before := Summarize(Input{Now: at(0), Alerts: []Member{member("a", 0), member("b", time.Second)}})
	for name, tc := range map[string]struct {
		in   Input
		want []string
	}{
		"here": {
			Input{Alerts: []Member{member("a", 0), member("b", time.Second), member("c", 0, byHand)}},
			[]string{" AlertMoved a person: Alert c was moved here"},
		},
		"here, with another": {
			Input{Alerts: []Member{member("a", 0), member("b", time.Second), member("c", 0, byHand), member("d", 0)}},
			[]string{" AlertMoved a person: Alert c was moved here", " AlertsAdded " + actorCorrelation + ": Alerts added: 1, now 4"},
		},
		"away": {
			Input{Alerts: []Member{member("a", 0)}, Departed: []Departure{{"b", "x", true}}},
			[]string{" AlertMoved a person: Alert b was moved to incident x"},
		},
		"away by correlation": {
			Input{Alerts: []Member{member("a", 0)}, Departed: []Departure{{"b", "x", false}}},
			[]string{" AlertMoved " + actorCorrelation + ": Alert b was moved to incident x"},
		},
		"deleted": {
			Input{Alerts: []Member{member("a", 0)}},
			[]string{" AlertsRemoved " + actorCorrelation + ": Alerts removed: 1, now 1"},
		},
		"one away and one here": {
			Input{Alerts: []Member{member("a", 0), member("c", 0, byHand)}, Departed: []Departure{{"b", "x", true}}},
			[]string{" AlertMoved a person: Alert b was moved to incident x", " AlertMoved a person: Alert c was moved here"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.in.Now, tc.in.Previous = at(10), before
			var got []string
			for _, a := range Summarize(tc.in).Activities {
				if a.Time.Equal(at(10)) && (a.Type == ActivityAlertMoved || a.Type == ActivityAlertsAdded || a.Type == ActivityAlertsRemoved) {
					got = append(got, lines([]Activity{a})...)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSimilar(t *testing.T) {
	opened := func(similar ...Similar) func(*Member) {
		return func(m *Member) { m.Similar = similar }
	}
	s := func(incident, reason string) Similar { return Similar{Incident: incident, Reason: reason} }
	for name, tc := range map[string]struct {
		in        Input
		want      []Similar
		continues string
	}{
		"the closest first": {
			in: Input{Alerts: []Member{
				member("a", 0, opened(s("x", "SameTechniques"), s("y", "SameEntities"))),
				member("b", time.Second, opened(s("z", "SameEntitiesResolved"), s("v", "MergeRefused"), s("w", "Continues"))),
			}},
			want:      []Similar{s("z", "SameEntitiesResolved"), s("w", "Continues"), s("v", "MergeRefused"), s("y", "SameEntities"), s("x", "SameTechniques")},
			continues: "w",
		},
		"each once, for the closest reason": {
			in:   Input{Alerts: []Member{member("a", 0, opened(s("x", "SameEntities"))), member("b", 0, opened(s("x", "MergeRefused")))}},
			want: []Similar{s("x", "MergeRefused")},
		},
		"five": {
			in: Input{Alerts: []Member{
				member("a", 0, opened(s("1", "SameEntities"), s("2", "SameEntities"), s("3", "SameEntities"), s("4", "SameEntities"))),
				member("b", 0, opened(s("5", "SameEntities"), s("6", "SameEntities"))),
			}},
			want: []Similar{s("1", "SameEntities"), s("5", "SameEntities"), s("2", "SameEntities"), s("6", "SameEntities"), s("3", "SameEntities")},
		},
		"without itself and what was merged into it": {
			in: Input{Name: "me", Survivors: map[string]string{"x": "me", "y": "z"}, Alerts: []Member{
				member("a", 0, opened(s("me", "SameEntities"), s("x", "Continues"), s("y", "SameEntities"), s("z", "SameTechniques"))),
			}},
			want: []Similar{s("z", "SameEntities")},
		},
		"none": {in: Input{Alerts: []Member{member("a", 0)}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Summarize(tc.in)
			if diff := cmp.Diff(tc.want, got.Similar); diff != "" {
				t.Error(diff)
			}
			if got.Continues != tc.continues {
				t.Errorf("it continues %q, want %q", got.Continues, tc.continues)
			}
		})
	}
}
