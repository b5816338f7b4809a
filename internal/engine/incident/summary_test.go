package incident

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func member(name string, after time.Duration, mutate ...func(*Member)) Member {
	m := Member{Alert: model.Alert{
		Name: name, Service: "falco", Detection: "syscall", Rule: name, Title: "Title of " + name,
		Severity: model.SeverityMedium, First: start.Add(after), Last: start.Add(after), Occurrences: 1,
		Tactics:  []model.Tactic{model.TacticExecution},
		Entities: []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: "shop/web"}, Category: model.CategoryAsset}},
	}}
	for _, f := range mutate {
		f(&m)
	}
	return m
}

var (
	pod       = model.Key{Kind: model.KindPod, Name: "shop/web"}
	malicious = []Finding{{Key: pod, Verdict: model.VerdictMalicious, Reason: "privileged"}}
)

func TestState(t *testing.T) {
	done := Investigation{Name: "inv", State: "SuccessfullyRemediated", Examined: []model.Key{pod}, Findings: malicious}
	succeeded := Remediation{Name: "rem", Action: "IsolatePod", Target: pod, State: "Succeeded", Completed: start}
	ended := Summary{State: Resolved, StateReason: ReasonAllRemediatedOrClean}
	other := model.Key{Kind: model.KindPod, Name: "shop/other"}
	tuned := Member{Alert: model.Alert{Name: "a", Entities: []model.Entity{{Key: other}}}, Said: Resolved, Settled: true, ResolvedByTuning: true}
	cases := map[string]struct {
		reason string
		in     Input
		want   State
		why    string
		// message is not compared where it is empty.
		message string
		// empty says that no alert is left.
		empty bool
	}{
		"new": {
			reason: "an incident that nobody touched is active",
			want:   Active, why: ReasonOpen,
		},
		"resolved by a person": {
			reason: "what people say stands, whatever is left to do",
			in:     Input{People: People{State: Resolved}, Investigations: []Investigation{{State: "Running"}}},
			want:   Resolved, why: ReasonResolvedByPerson,
		},
		"kept open by a person": {
			reason: "a person who works on it decides when it ends",
			in:     Input{People: People{State: InProgress}, Investigations: []Investigation{done}, Remediations: []Remediation{succeeded}},
			want:   InProgress, why: ReasonOpen, message: "A person works on the incident",
		},
		"everything remediated": {
			reason: "the only threat found is answered",
			in:     Input{Investigations: []Investigation{done}, Remediations: []Remediation{succeeded}},
			want:   Resolved, why: ReasonAllRemediatedOrClean,
		},
		"benign": {
			reason: "everything was examined and is clean",
			in:     Input{Investigations: []Investigation{{Name: "inv", State: "Benign", Examined: []model.Key{pod}, Findings: []Finding{{Key: pod, Verdict: model.VerdictNoThreatsFound}}}}},
			want:   Resolved, why: ReasonAllRemediatedOrClean,
		},
		"one investigation is still running": {
			reason: "it may find more",
			in:     Input{Investigations: []Investigation{done, {Name: "other", State: "Running"}}, Remediations: []Remediation{succeeded}},
			want:   Active, why: ReasonOpen,
		},
		"undone": {
			reason: "the threat is back",
			in:     Input{Investigations: []Investigation{done}, Remediations: []Remediation{{Name: "rem", Target: pod, State: "Undone"}}},
			want:   Active, why: ReasonOpen,
		},
		"undone after the end": {
			reason: "its time was over, or people took it back: that reopens nothing",
			in: Input{
				Investigations: []Investigation{done}, Remediations: []Remediation{{Name: "rem", Target: pod, State: "Undone"}},
				Previous: ended,
			},
			want: Resolved, why: ReasonAllRemediatedOrClean,
		},
		"investigations deleted after the end": {
			reason: "what was found is not unfound",
			in:     Input{Previous: ended},
			want:   Resolved, why: ReasonAllRemediatedOrClean,
		},
		"an investigation after the end": {
			reason: "it may find more",
			in: Input{
				Investigations: []Investigation{done, {Name: "late", State: "Running"}}, Remediations: []Remediation{succeeded}, Previous: ended,
			},
			want: Active, why: ReasonOpen, message: "The incident is open: investigation late is Running",
		},
		"a threat after the end": {
			reason: "somebody must look at it",
			in: Input{
				Investigations: []Investigation{done, {Name: "late", State: "Benign", Findings: []Finding{{Key: other, Verdict: model.VerdictMalicious}}}},
				Remediations:   []Remediation{succeeded, {Name: "late", Action: "IsolatePod", Target: other, State: "PendingApproval"}}, Previous: ended,
			},
			want: Active, why: ReasonOpen, message: "The incident is open: IsolatePod of Pod/shop/other is PendingApproval",
		},
		"reopened": {
			reason: "a person who takes the resolution back reopens it",
			in:     Input{Previous: Summary{State: Resolved, StateReason: ReasonResolvedByPerson}},
			want:   Active, why: ReasonOpen,
		},
		"emptied": {
			reason: "there is nothing to work on",
			in:     Input{Previous: Summary{State: Active, Counts: Counts{Alerts: 1}}}, empty: true,
			want: Resolved, why: ReasonEmpty,
		},
		"still empty": {
			reason: "nothing has come back",
			in:     Input{Previous: Summary{State: Resolved, StateReason: ReasonEmpty}}, empty: true,
			want: Resolved, why: ReasonEmpty,
		},
		"made by hand": {
			reason: "its first alert is still to come",
			in:     Input{Previous: Summary{State: Active}}, empty: true,
			want: Active, why: ReasonOpen,
		},
		"emptied, and kept open": {
			reason: "what people say stands",
			in:     Input{People: People{State: InProgress}}, empty: true,
			want: InProgress, why: ReasonOpen,
		},
		"not empty any more": {
			reason: "an alert was moved back",
			in:     Input{Previous: Summary{State: Resolved, StateReason: ReasonEmpty}},
			want:   Active, why: ReasonOpen,
		},
		"resolved by tuning": {
			reason: "nobody has to look at what tuning rules resolved",
			in:     Input{Alerts: []Member{tuned, tuned}},
			want:   Resolved, why: ReasonResolvedByTuning, message: "Tuning rules resolved all alerts of the incident",
		},
		"not all resolved by tuning": {
			reason: "one is left to look at",
			in:     Input{Alerts: []Member{tuned, {Alert: model.Alert{Name: "b"}}}, Previous: Summary{State: Resolved, StateReason: ReasonResolvedByTuning}},
			want:   Active, why: ReasonOpen, message: "The incident is open: it was not investigated",
		},
		"resolved by tuning, investigated": {
			reason: "what was begun is to come to an end",
			in:     Input{Alerts: []Member{tuned}, Investigations: []Investigation{{Name: "inv", State: "Running"}}},
			want:   Active, why: ReasonOpen, message: "The incident is open: investigation inv is Running",
		},
		"the rest was examined": {
			reason: "what a tuning rule resolved needs no examination",
			in:     Input{Alerts: []Member{tuned, {Alert: model.Alert{Name: "b", Entities: []model.Entity{{Key: pod}}}}}, Investigations: []Investigation{done}, Remediations: []Remediation{succeeded}},
			want:   Resolved, why: ReasonAllRemediatedOrClean,
		},
		"resolved by tuning, kept open": {
			reason: "what people say stands",
			in:     Input{Alerts: []Member{tuned}, People: People{State: Active}},
			want:   Active, why: ReasonOpen, message: "A person keeps the incident open",
		},
		"redirected": {
			reason: "a merge outranks everything",
			in:     Input{Redirect: Redirect{To: "other"}, People: People{State: InProgress}},
			want:   Redirected, why: ReasonRedirected,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if !tc.empty && tc.in.Alerts == nil {
				tc.in.Alerts = []Member{member("a", 0)}
			}
			got := Summarize(tc.in)
			if got.State != tc.want || got.StateReason != tc.why {
				t.Errorf("%s: got %s (%s), want %s (%s)", tc.reason, got.State, got.StateReason, tc.want, tc.why)
			}
			if tc.message != "" && got.StateMessage != tc.message {
				t.Errorf("message is %q, want %q", got.StateMessage, tc.message)
			}
		})
	}
}

// TestEveryAlertMustBeExamined: what no investigation was asked about is not
// clean.
func TestEveryAlertMustBeExamined(t *testing.T) {
	names := func(keys ...model.Key) Member {
		return member("b", time.Second, func(m *Member) {
			m.Entities = nil
			for _, k := range keys {
				m.Entities = append(m.Entities, model.Entity{Key: k})
			}
		})
	}
	account := model.Key{Kind: model.KindServiceAccount, Name: "shop/web"}
	node := model.Key{Kind: model.KindNode, Name: "node-1"}
	address := model.Key{Kind: model.KindIP, Name: "203.0.113.7"}
	settled := names(account)
	settled.Settled = true
	cases := map[string]struct {
		reason string
		alert  Member
		want   State
	}{
		"a pod with its address":           {"the address came along with the pod", names(pod, address), Resolved},
		"a node that was examined":         {"it was among what was asked about", names(node), Resolved},
		"a service account beside the pod": {"the account was not examined", names(pod, account), Active},
		"only an address":                  {"nothing of the alert was examined", names(address), Active},
		"nothing":                          {"nothing of the alert was examined", names(), Active},
		"settled by people":                {"people are done with it", settled, Resolved},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Summarize(Input{
				Alerts:         []Member{member("a", 0), tc.alert},
				Investigations: []Investigation{{Name: "inv", State: "Benign", Examined: []model.Key{pod, node}}},
			})
			if got.State != tc.want {
				t.Errorf("%s: got %s (%s), want %s", tc.reason, got.State, got.StateMessage, tc.want)
			}
		})
	}
}

func TestAlertState(t *testing.T) {
	cases := map[string]struct {
		said, incident State
		ended          bool
		want           State
	}{
		"follows an open incident":            {"", Active, false, New},
		"follows work on it":                  {"", InProgress, false, InProgress},
		"is resolved with its incident":       {"", Resolved, false, Resolved},
		"what people said stands":             {InProgress, Resolved, false, InProgress},
		"ended":                               {"", Active, true, Resolved},
		"ended before it is in any incident":  {"", "", true, Resolved},
		"ended while its incident follows":    {"", Redirected, true, Resolved},
		"ended, and people work on all of it": {"", InProgress, true, InProgress},
		"ended, and a person took it up":      {New, Active, true, New},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := AlertState(tc.said, tc.incident, tc.ended); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTitle(t *testing.T) {
	credential := func(m *Member) { m.Tactics = []model.Tactic{model.TacticCredentialAccess} }
	otherPod := func(m *Member) { m.Entities[0].Name = "shop/api" }
	audit := func(m *Member) { m.Service = "kubernetes-audit" }
	cases := map[string]struct {
		alerts []Member
		people People
		want   string
	}{
		"one alert": {
			alerts: []Member{member("shell", 0)},
			want:   "Title of shell on pod shop/web",
		},
		"several tactics, sources and pods": {
			alerts: []Member{member("a", 0), member("b", time.Second, credential, otherPod, audit)},
			want:   "Multi-stage incident involving Execution & Credential access on multiple pods reported by multiple sources",
		},
		"a person's title": {
			alerts: []Member{member("a", 0)}, people: People{Title: "The big one"},
			want: "The big one",
		},
		"no alerts left": {want: "Incident without alerts of its own"},
		"text from an alert is cut, not broken": {
			alerts: []Member{member("a", 0, func(m *Member) { m.Title = string(slices.Repeat([]byte("é"), 200)); m.Entities = nil })},
			want:   string(slices.Repeat([]byte("é"), 126)) + "…",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Summarize(Input{Alerts: tc.alerts, People: tc.people}).Title); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPriority(t *testing.T) {
	high := func(m *Member) { m.Severity = model.SeverityHigh }
	far := func(m *Member) {
		m.Tactics = []model.Tactic{model.TacticExecution, model.TacticCredentialAccess, model.TacticPersistence}
	}
	cases := map[string]struct {
		in   Input
		want Priority
	}{
		"informational is low": {
			in:   Input{Alerts: []Member{member("a", 0, func(m *Member) { m.Severity = model.SeverityInformational })}},
			want: Priority{Score: 3, Band: BandLow, Reasons: []string{"severity Informational (+3)"}},
		},
		"severity alone is not the top": {
			in:   Input{Alerts: []Member{member("a", 0, high)}},
			want: Priority{Score: 50, Band: BandMedium, Reasons: []string{"severity High (+50)"}},
		},
		"reach, rarity, confirmation and a verdict are": {
			in: Input{
				Alerts:         []Member{member("a", 0, high, far), member("b", 0, func(m *Member) { m.Service, m.SurpriseBits = "audit", 9 })},
				Investigations: []Investigation{{Name: "inv", Findings: malicious}},
			},
			want: Priority{Score: 88, Band: BandTop, Reasons: []string{
				"severity High (+50)", "malicious evidence (+20)", "3 tactics reached (+8)", "2 independent sources (+6)", "rare on its asset (+4)",
			}},
		},
		"clean falls": {
			in: Input{
				Alerts:         []Member{member("a", 0)},
				Investigations: []Investigation{{Name: "inv", Findings: []Finding{{Key: pod, Verdict: model.VerdictNoThreatsFound}}}},
			},
			want: Priority{Score: 5, Band: BandLow, Reasons: []string{"severity Medium (+30)", "no threats found (-25)"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Summarize(tc.in).Priority); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEvidenceFollowsItsRemediations(t *testing.T) {
	cases := map[string]struct {
		states []string
		want   model.RemediationStatus
	}{
		"none":                           {nil, model.RemediationNone},
		"waiting":                        {[]string{"PendingApproval"}, model.RemediationPendingApproval},
		"one done, one rejected":         {[]string{"Rejected", "Succeeded"}, model.RemediationRemediated},
		"one undone, one waiting":        {[]string{"Undone", "PendingApproval"}, model.RemediationPendingApproval},
		"rejected":                       {[]string{"Rejected"}, model.RemediationDeclined},
		"failed leaves the threat alive": {[]string{"Failed"}, model.RemediationActive},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := Input{Investigations: []Investigation{{Name: "inv", Findings: malicious}}}
			for i, state := range tc.states {
				in.Remediations = append(in.Remediations, Remediation{Name: fmt.Sprint(i), Target: pod, State: state})
			}
			if got := Summarize(in).Evidence[0].Status; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestResolvingAnIncidentResolvesItsAlerts(t *testing.T) {
	in := Input{
		People: People{State: Resolved},
		Alerts: []Member{member("a", 0), member("b", 0, func(m *Member) { m.Said = InProgress })},
	}
	if got := Summarize(in).Counts; got.Alerts != 2 || got.Active != 1 {
		t.Errorf("got %d active of %d, want 1 of 2: what a person said of an alert stands", got.Active, got.Alerts)
	}
}

func TestWhatEndedIsNotActive(t *testing.T) {
	ended := func(m *Member) { m.Ended = true }
	in := Input{Alerts: []Member{
		member("a", 0, ended), member("b", 0), member("c", 0, ended, func(m *Member) { m.Said = InProgress }),
	}}
	if got := Summarize(in).Counts; got.Alerts != 3 || got.Active != 2 {
		t.Errorf("got %d active of %d, want 2 of 3", got.Active, got.Alerts)
	}
	in.Alerts = []Member{member("a", 0, ended)}
	if got := Summarize(in); got.State != Active || got.Counts.Active != 0 {
		t.Errorf("the incident is %s with %d active alerts: an end says nothing of what was done", got.State, got.Counts.Active)
	}
}

func TestActivities(t *testing.T) {
	in := Input{Now: start, Alerts: []Member{member("a", 0)}}
	first := Summarize(in)
	in.Previous = first
	if again := Summarize(in); again.Counts.Activities != 1 || len(again.Activities) != 1 {
		t.Errorf("nothing changed, but the log grew: %+v", again.Activities)
	}
	in.Now = start.Add(time.Minute)
	in.Alerts = append(in.Alerts, member("b", time.Second, func(m *Member) { m.Severity = model.SeverityHigh }))
	in.Remediations = []Remediation{{Name: "rem", Action: "IsolatePod", Target: pod, State: "Succeeded", Completed: start}}
	in.People.AssignedTo = "alice"
	second := Summarize(in)
	var lines []string
	for _, a := range second.Activities[1:] {
		lines = append(lines, a.Type+": "+a.Message)
	}
	want := []string{
		"AlertsAdded: Alerts added: 1, now 2",
		"SeverityChanged: Severity changed from Medium to High",
		"RemediationChanged: IsolatePod of Pod/shop/web is Succeeded",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if second.Times.Acknowledged != in.Now || second.Times.Contained != start {
		t.Errorf("unexpected times %+v", second.Times)
	}
}

func TestWhoChangedTheState(t *testing.T) {
	cases := map[string]struct {
		in   Input
		want string
	}{
		"a person works on it":     {Input{People: People{State: InProgress}}, "a person"},
		"a person resolves it":     {Input{People: People{State: Resolved}}, "a person"},
		"a person takes that back": {Input{Previous: Summary{State: Resolved, StateReason: ReasonResolvedByPerson}}, "a person"},
		"it is merged":             {Input{People: People{State: InProgress}, Redirect: Redirect{To: "other"}}, "Tocsin - alert correlation"},
		"it is merged by a person": {Input{Redirect: Redirect{To: "other", By: "alice", Why: "same"}}, "alice"},
		"it is open again":         {Input{Investigations: []Investigation{{State: "Running"}}, Previous: Summary{State: Resolved, StateReason: ReasonAllRemediatedOrClean}}, "Tocsin"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.in.Alerts = []Member{member("a", 0)}
			if tc.in.Previous.State == "" {
				tc.in.Previous.State = Active
			}
			for _, a := range Summarize(tc.in).Activities {
				if (a.Type == ActivityStateChanged || a.Type == ActivityRedirected) && a.Actor == tc.want {
					return
				}
			}
			t.Errorf("nobody, or another one than %s, changed the state: %+v", tc.want, Summarize(tc.in).Activities)
		})
	}
}

// TestWhatWasMergedDoesNotVanish: more come than fit, with names that sort first.
func TestWhatWasMergedDoesNotVanish(t *testing.T) {
	var in Input
	for i := range maxMergedFrom {
		in.Merged = append(in.Merged, Source{Name: fmt.Sprintf("m%02d", i), At: start.Add(time.Duration(i%3) * time.Second)})
	}
	in.Previous = Summarize(in)
	in.Merged = append(in.Merged, Source{Name: "a"}, Source{Name: "z"})
	if diff := cmp.Diff(in.Previous.MergedFrom, Summarize(in).MergedFrom); diff != "" {
		t.Error(diff)
	}
}

// TestSummaryIsBoundedAndTellsTotals holds the lists to their bounds whatever
// an attacker sends.
func TestSummaryIsBoundedAndTellsTotals(t *testing.T) {
	in := Input{Now: start}
	for i := range 500 {
		in.Alerts = append(in.Alerts, member(fmt.Sprintf("alert-%03d", i), time.Duration(i)*time.Second, func(m *Member) {
			m.Service, m.Detection = fmt.Sprint("service", i), fmt.Sprint("detection", i)
			m.Techniques = []string{fmt.Sprintf("T%04d", i)}
			m.Entities[0].Name = fmt.Sprintf("shop/web-%d", i)
			m.LinkReason = "SameAsset"
		}))
		key := model.Key{Kind: model.KindPod, Name: fmt.Sprint(i)}
		in.Investigations = append(in.Investigations, Investigation{Name: fmt.Sprint("inv", i), State: "Running", Findings: []Finding{{Key: key, Verdict: model.VerdictMalicious}}})
		in.Remediations = append(in.Remediations, Remediation{Name: fmt.Sprint("rem", i), Target: key, State: "InProgress"})
		in.Merged = append(in.Merged, Source{Name: fmt.Sprint("merged", i), At: start.Add(time.Duration(i%3) * time.Second)})
	}
	got := Summarize(in)
	sizes := map[string][2]int{
		"techniques": {len(got.Techniques), maxTechniques}, "services": {len(got.Services), maxSources},
		"detections": {len(got.Detections), maxSources}, "evidence": {len(got.Evidence), maxEvidence},
		"story": {len(got.Story), maxStory}, "investigations": {len(got.Investigations), maxInvestigations},
		"remediations": {len(got.Remediations), maxRemediations}, "mergedFrom": {len(got.MergedFrom), maxMergedFrom},
		"activities": {len(got.Activities), maxActivities}, "assets": {len(got.Assets[0].Top), maxTopAssets},
	}
	for list, size := range sizes {
		if size[0] > size[1] || size[0] == 0 {
			t.Errorf("%s holds %d, want 1 to %d", list, size[0], size[1])
		}
	}
	if got.Counts.Alerts != 500 || got.Counts.Assets != 500 || got.Counts.Links != 500 || got.Counts.Evidence != 500 {
		t.Errorf("totals are not exact: %+v", got.Counts)
	}
}

// TestSummaryDoesNotDependOnOrder shuffles every list.
func TestSummaryDoesNotDependOnOrder(t *testing.T) {
	in := Input{Now: start}
	for i := range 20 {
		in.Alerts = append(in.Alerts, member(fmt.Sprintf("a%d", i), time.Duration(i%3)*time.Second))
		in.Investigations = append(in.Investigations, Investigation{Name: fmt.Sprint("inv", i), State: "Running", Created: start.Add(time.Duration(i%2) * time.Hour), Findings: malicious})
		in.Remediations = append(in.Remediations, Remediation{Name: fmt.Sprint("rem", i), State: "InProgress", Target: pod})
		in.Merged = append(in.Merged, Source{Name: fmt.Sprint(i), At: start.Add(time.Duration(i%3) * time.Second)})
	}
	want := Summarize(in)
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		shuffled := in
		shuffled.Alerts, shuffled.Investigations = slices.Clone(in.Alerts), slices.Clone(in.Investigations)
		shuffled.Remediations, shuffled.Merged = slices.Clone(in.Remediations), slices.Clone(in.Merged)
		random.Shuffle(20, func(i, j int) { shuffled.Alerts[i], shuffled.Alerts[j] = shuffled.Alerts[j], shuffled.Alerts[i] })
		random.Shuffle(20, func(i, j int) {
			shuffled.Investigations[i], shuffled.Investigations[j] = shuffled.Investigations[j], shuffled.Investigations[i]
		})
		random.Shuffle(20, func(i, j int) {
			shuffled.Remediations[i], shuffled.Remediations[j] = shuffled.Remediations[j], shuffled.Remediations[i]
		})
		random.Shuffle(20, func(i, j int) {
			shuffled.Merged[i], shuffled.Merged[j] = shuffled.Merged[j], shuffled.Merged[i]
		})
		if diff := cmp.Diff(want, Summarize(shuffled)); diff != "" {
			t.Fatal(diff)
		}
	}
}
