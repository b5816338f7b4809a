package integration_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/replay"
	"github.com/tocsin-dev/tocsin/test/environment"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// guide is where the sample of the guide to replay is.
var guide = filepath.Join(environment.Root(), "docs", "guides", "replay")

// TestReplaySaysWhatAClusterDoes sends the same events to the gateway and through
// a replay. The cluster correlates in the order in which alerts arrive, so they
// are sent one by one; after each, it must come to the alerts, incidents and
// links that the replay has by then.
func TestReplaySaysWhatAClusterDoes(t *testing.T) {
	sample := map[string]string{"logins": "logins.csv", "falco": "falco.ndjson", "audit": "audit.ndjson"}
	read := func(t *testing.T) []recorded {
		var all []recorded
		for _, source := range slices.Sorted(maps.Keys(sample)) {
			all = append(all, record(t, source, sample[source], file(t, sample[source]))...)
		}
		slices.SortStableFunc(all, func(a, b recorded) int { return a.at.Compare(b.at) })
		return all
	}
	t.Run("the sample of the guide", func(t *testing.T) {
		t.Parallel()
		compare(t, read(t), declarations{})
	})
	t.Run("with its policy", func(t *testing.T) {
		t.Parallel()
		compare(t, read(t), declarations{policy: "policy.yaml"})
	})
	t.Run("with its tuning rules", func(t *testing.T) {
		t.Parallel()
		compare(t, read(t), declarations{tuning: "tuning.yaml"})
	})
	t.Run("two incidents that become one", func(t *testing.T) {
		t.Parallel()
		compare(t, record(t, "logins", "logins.csv", []byte(meeting)), declarations{})
	})
	t.Run("a flood", func(t *testing.T) {
		t.Parallel()
		compare(t, flood(t), declarations{limits: &v1alpha1.RollUpLimits{AlertsPerRule: ptr.To[int32](2), Alerts: ptr.To[int32](12)}})
	})
	for source, folder := range map[string]string{"falco": "falco", "audit": "k8s-audit"} {
		t.Run("fixtures of "+folder, func(t *testing.T) {
			t.Parallel()
			files := fixtures.Files(t, folder)
			unlabel(t, files)
			var all []recorded
			for _, name := range slices.Sorted(maps.Keys(files)) {
				all = append(all, record(t, source, name, files[name])...)
			}
			compare(t, all, declarations{})
		})
	}
}

// unlabel takes the events out of the file in which somebody has judged them.
func unlabel(t *testing.T, files map[string][]byte) {
	t.Helper()
	const truth = "panther-labelled-events.json"
	if files[truth] == nil {
		return
	}
	var judged []labelled
	if err := json.Unmarshal(files[truth], &judged); err != nil {
		t.Fatal(err)
	}
	files[truth] = nil
	for _, event := range judged {
		files[truth] = append(append(files[truth], event.Event...), '\n')
	}
}

// meeting is two trails that meet in the third row: the incident of the second is
// merged into that of the first. What comes later belongs to the one that is left.
const meeting = `at,kind,rating,account,address
2026-05-04T08:00:00Z,guessing,high,ann@shop.example,203.0.113.1
2026-05-04T08:30:00Z,guessing,high,bob@shop.example,203.0.113.2
2026-05-04T09:00:00Z,new-country,high,bob@shop.example,203.0.113.1
2026-05-04T09:10:00Z,guessing,high,bob@shop.example,203.0.113.2
2026-05-04T09:20:00Z,new-country,high,ann@shop.example,203.0.113.9
`

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(guide, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// recorded is an event of a source, and when it happened by its own word.
type recorded struct {
	source string
	data   []byte
	at     time.Time
}

// record takes a file apart. A cluster dates events without a time of their own by
// its clock, which a replay does not look at: they are given one, 40 s after
// another.
func record(t *testing.T, source, name string, data []byte) []recorded {
	t.Helper()
	from := declared(t)[source]
	records, err := replay.Open(bytes.NewReader(data), name, from)
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	for {
		next, err := records.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if next.Err != nil {
			continue // by itself it is no body that the gateway could tell from the next
		}
		for event := range decode.Events(from.Decoder, next.Data) {
			if e, ok := dated(t, recorded{source: source, data: event.Data}, from, len(all)); ok {
				all = append(all, e)
			} else {
				t.Logf("%s: left out, as it cannot be given a time: %.120s", name, event.Data)
			}
		}
	}
}

// timeFields are where events of the fixtures say when they happened: Falco, the
// API server, and clouds that log for it.
var timeFields = []string{"time", "requestReceivedTimestamp", "timestamp"}

// dated returns an event with its time; it gets one where it is an alert without.
func dated(t *testing.T, event recorded, from replay.Source, number int) (dated recorded, ok bool) {
	t.Helper()
	farAhead := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	decoded, err := from.Decoder.Decode(event.data, farAhead)
	event.at = decoded.Alert.Last
	if err != nil || decoded.Drop != "" || !event.at.Equal(farAhead) {
		return event, true
	}
	var content map[string]any
	if err := json.Unmarshal(event.data, &content); err != nil {
		t.Fatal(err)
	}
	event.at = time.Date(2026, 5, 4, 8, 0, 40*number, 0, time.UTC)
	for _, field := range timeFields {
		content[field] = event.at.Format(time.RFC3339)
	}
	if event.data, err = json.Marshal(content); err != nil {
		t.Fatal(err)
	}
	decoded, err = from.Decoder.Decode(event.data, farAhead)
	return event, err == nil && decoded.Alert.Last.Equal(event.at)
}

// declared are the sources of the guide, as a replay has them.
func declared(t *testing.T) replay.Sources {
	t.Helper()
	sources := replay.Sources{}
	if err := sources.Read(file(t, "sources.yaml")); err != nil {
		t.Fatal(err)
	}
	return sources
}

// flood is a rule that fires on file after file, on two workloads and then on many,
// and now, as a rolled-up alert takes no times that are hours away. Some events
// repeat others.
func flood(t *testing.T) []recorded {
	t.Helper()
	var events bytes.Buffer
	now := clock.RealClock{}.Now().UTC()
	fire := func(pod string, file int) {
		now = now.Add(time.Millisecond)
		fmt.Fprintf(&events, `{"rule": "Read sensitive file", "priority": "Critical", "source": "syscall", "output": "x", "time": %q, "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": %q, "fd.name": "/etc/%d"}}`+"\n",
			now.Format(time.RFC3339Nano), pod, file)
	}
	for file := range 4 {
		fire("web-0", file)
		fire("web-1", file)
		fire("db-0", file%3)
	}
	for place := range 6 {
		fire(fmt.Sprintf("app%dx", place), 0)
	}
	return record(t, "falco", "flood.ndjson", events.Bytes())
}

// declarations are files of the guide with a CorrelationPolicy and TuningRules;
// none where empty. limits are those of the source falco, where given.
type declarations struct {
	policy, tuning string
	limits         *v1alpha1.RollUpLimits
}

// policies are the declarations as a replay has them.
func (d declarations) policies(t *testing.T) replay.Policies {
	t.Helper()
	policies := replay.DefaultPolicies()
	var err error
	if d.policy != "" {
		policies, err = replay.ReadPolicy(file(t, d.policy))
	}
	var rules replay.TuningRules
	if d.tuning != "" {
		err = errors.Join(err, rules.Read(file(t, d.tuning)))
	}
	if err == nil {
		policies.Tuning, _, err = rules.For("")
	}
	if err != nil {
		t.Fatal(err)
	}
	return policies
}

// create creates them in the tenant of the run.
func (d declarations) create(ctx context.Context, t *testing.T, r *harness.Run) error {
	if d.policy != "" {
		if err := createAll[v1alpha1.CorrelationPolicy](ctx, r, file(t, d.policy)); err != nil {
			return err
		}
	}
	if d.tuning == "" {
		return nil
	}
	return createAll[v1alpha1.TuningRule](ctx, r, file(t, d.tuning))
}

// createAll creates the objects of a file, which are all of one kind.
func createAll[T any, P interface {
	*T
	client.Object
}](ctx context.Context, r *harness.Run, data []byte) error {
	documents, err := replay.Documents(data)
	for _, document := range documents {
		object := P(new(T))
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			return err
		}
		object.SetNamespace(r.Namespace)
		if err := client.IgnoreAlreadyExists(r.Client.Create(ctx, object)); err != nil {
			return err
		}
	}
	return err
}

// compare plays the events in both places.
func compare(t *testing.T, events []recorded, declarations declarations) {
	t.Helper()
	sources, policies := declared(t), declarations.policies(t)
	if declarations.limits != nil {
		from := sources[tocsin.Falco]
		from.RollUp = convert.RollUpLimits(*declarations.limits)
		sources[tocsin.Falco] = from
	}
	run := replay.New(policies)
	var last replay.Outcome
	feed := replay.NewFeed(run, false, func(_ int, o replay.Outcome) { last = o })
	steps := []harness.Step{{Name: "sources and policies are in use", Await: inUse}}
	states := map[replay.State]int{}
	for i, event := range events {
		if err := feed.Read(body.Objects(bytes.NewReader(event.data)), sources[event.source]); err != nil {
			t.Fatal(err)
		}
		states[last.State]++
		want, outcome := replayed(run), last
		steps = append(steps, harness.Step{
			Name: fmt.Sprintf("event %d to %s", i, event.source),
			Do:   func(ctx context.Context, r *harness.Run) error { return sending(ctx, r, event, outcome) },
			Await: func(_ *harness.Run, v history.View) error {
				if diff := gocmp.Diff(want, correlated(v)); diff != "" {
					return fmt.Errorf("the cluster (+) and the replay (-) differ: %s", diff)
				}
				return nil
			},
		})
	}
	if states[replay.StateNew] == 0 {
		t.Fatal("no event made an alert")
	}
	incidents := run.Incidents()
	steps = append(steps, harness.Step{Name: "the incidents are told", Await: func(_ *harness.Run, v history.View) error {
		if diff := gocmp.Diff(expected(incidents), told(v)); diff != "" {
			return fmt.Errorf("the cluster (+) and the replay (-) differ: %s", diff)
		}
		return nil
	}})
	result := play(t, harness.Scenario{
		Name: "replay", Process: tocsin.Process, Steps: steps, Outcome: nothing,
		Prepare: func(ctx context.Context, r *harness.Run) error {
			return errors.Join(prepare(ctx, t, r, declarations), limit(ctx, r, declarations.limits))
		},
	})
	if declarations.limits != nil && states[replay.StateRolledUp] == 0 {
		t.Error("nothing was rolled up")
	}
	t.Logf("%d events: %v; %d alerts in %d incidents, in %s", len(events), states, run.Alerts(), len(incidents), result.Duration.Round(time.Second))
}

// prepare creates what the guide declares, in the tenant of the run.
func prepare(ctx context.Context, t *testing.T, r *harness.Run, declarations declarations) error {
	if err := tocsin.Sources(ctx, r); err != nil { // falco and audit, and the token of all
		return err
	}
	for _, document := range strings.Split(string(file(t, "sources.yaml")), "\n---\n") {
		var source v1alpha1.AlertSource
		if err := yaml.UnmarshalStrict([]byte(document), &source); err != nil {
			return err
		}
		if source.Spec.Type != v1alpha1.AlertSourceGeneric {
			continue
		}
		source.Namespace, source.Spec.Auth.BearerToken.Name = r.Namespace, "falco-token"
		if err := client.IgnoreAlreadyExists(r.Client.Create(ctx, &source)); err != nil {
			return err
		}
	}
	return declarations.create(ctx, t, r)
}

// limit sets the limits of the source falco, where given.
func limit(ctx context.Context, r *harness.Run, limits *v1alpha1.RollUpLimits) error {
	if limits == nil {
		return nil
	}
	source := &v1alpha1.AlertSource{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: tocsin.Falco}, source); err != nil {
		return err
	}
	source.Spec.Limits.RollUp = *limits
	return r.Client.Update(ctx, source)
}

// inUse: all sources can be sent to, and the policy and the tuning rules hold.
func inUse(r *harness.Run, v history.View) error {
	for _, p := range history.List[*v1alpha1.CorrelationPolicy](v) {
		if !meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.CorrelationPolicyConditionInUse) {
			return fmt.Errorf("policy %s is not in use yet", p.Name)
		}
	}
	for _, rule := range history.List[*v1alpha1.TuningRule](v) {
		if !meta.IsStatusConditionTrue(rule.Status.Conditions, v1alpha1.TuningRuleConditionReady) {
			return fmt.Errorf("tuning rule %s does not hold yet", rule.Name)
		}
	}
	return sourcesReady(r, v)
}

// sending posts an event. What the gateway says of it must be what the replay says.
func sending(ctx context.Context, r *harness.Run, event recorded, outcome replay.Outcome) error {
	answer, err := tocsin.Post(ctx, r, event.source, event.data)
	if err != nil {
		return err
	}
	state, got := outcome.State, "not taken: "+answer.Body
	switch {
	case answer.Status == http.StatusUnprocessableEntity:
		got = string(replay.StateRejected)
	case answer.Status == http.StatusAccepted && answer.Suppressed == 1:
		got = string(replay.StateSuppressed)
	case answer.Status == http.StatusAccepted && answer.Accepted == 1 && (outcome.Hidden || state != replay.StateSuppressed):
		got = string(state) // new, duplicate or hidden, as the alerts will show
	}
	if got != string(state) {
		return fmt.Errorf("the gateway says %s (%d), the replay %s", got, answer.Status, state)
	}
	return nil
}

// placed is an alert and where it is.
type placed struct {
	Incident    string
	Occurrences int64
	First, Last string
	Alone       bool
	Severity    string
	Tuning      string
	Links       []string
}

// tuned is what an alert keeps of its tuning.
func tuned(a *v1alpha1.AlertTuning) string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%s by %s, detected %s; monitored by %v", a.Action, a.RuleName, a.DetectedSeverity, a.Monitored)
}

func spelled(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) }

func link(reason, entity, peer string, millibits int32) string {
	return fmt.Sprintf("%s %s with %s, %d", reason, entity, peer, millibits)
}

// replayed is what the replay has by now.
func replayed(run *replay.Run) map[string]placed {
	out := map[string]placed{}
	for i := range run.Alerts() {
		p := run.Alert(i)
		row := placed{
			Incident: p.Incident, Occurrences: p.Alert.Occurrences,
			First: spelled(p.Alert.First), Last: spelled(p.Alert.Last), Alone: p.Alert.CorrelationDisabled,
			Severity: p.Alert.Severity.String(), Tuning: tuned(convert.AlertTuning(p.Tuning, p.DetectedSeverity)),
		}
		for _, l := range p.Links {
			row.Links = append(row.Links, link(l.Reason, entityOf(l), l.Peer, int32(math.Round(l.Weight*1000))))
		}
		out[p.Alert.Name] = row
	}
	return out
}

func entityOf(l correlation.Link) string {
	if l.Entity == (model.Key{}) {
		return ""
	}
	return l.Entity.String()
}

// correlated is what the cluster has by now.
func correlated(v history.View) map[string]placed {
	out := map[string]placed{}
	for _, a := range history.List[*v1alpha1.Alert](v) {
		row := placed{
			Incident: string(a.Status.IncidentName), Occurrences: ptr.Deref(a.Status.Occurrences, 1),
			First: spelled(a.Spec.FirstActivityTime.Time), Last: spelled(cmp.Or(a.Status.LastActivityTime, &a.Spec.LastActivityTime).Time),
			Alone:    a.Spec.Correlation == v1alpha1.CorrelationDisabled,
			Severity: string(a.Spec.Severity), Tuning: tuned(a.Spec.Tuning),
		}
		for _, l := range a.Status.Links {
			row.Links = append(row.Links, link(l.Reason, l.Entity, string(l.PeerName), ptr.Deref(l.WeightMillibits, 0)))
		}
		out[a.Name] = row
	}
	return out
}

// summary is how an incident looks.
type summary struct {
	Title, Severity string
	Alerts          int
	Occurrences     int64
	First, Last     string
	Tactics         []string
	MergedFrom      []string
}

func expected(incidents []replay.Incident) map[string]summary {
	out := map[string]summary{}
	for _, i := range incidents {
		row := summary{
			Title: i.Title, Severity: i.Severity.String(), Alerts: i.Counts.Alerts, Occurrences: i.Counts.Occurrences,
			First: spelled(i.First), Last: spelled(i.Last), MergedFrom: i.RedirectedFrom,
		}
		for _, t := range i.Tactics {
			row.Tactics = append(row.Tactics, string(t))
		}
		out[i.Name] = row
	}
	return out
}

// told are the incidents of the cluster that were not merged into others.
func told(v history.View) map[string]summary {
	out := map[string]summary{}
	for _, i := range history.List[*v1alpha1.Incident](v) {
		if i.Status.RedirectedTo != "" {
			continue
		}
		counts := ptr.Deref(i.Status.Counts, v1alpha1.IncidentCounts{})
		row := summary{
			Title: i.Status.Title, Severity: string(i.Status.Severity), Alerts: int(ptr.Deref(counts.Alerts, 0)), Occurrences: ptr.Deref(counts.Occurrences, 0),
			First: spelled(ptr.Deref(i.Status.FirstActivityTime, metav1.MicroTime{}).Time), Last: spelled(ptr.Deref(i.Status.LastActivityTime, metav1.MicroTime{}).Time),
		}
		for _, t := range i.Status.Tactics {
			row.Tactics = append(row.Tactics, string(t))
		}
		for _, name := range i.Status.MergedFrom {
			row.MergedFrom = append(row.MergedFrom, string(name))
		}
		slices.Sort(row.MergedFrom)
		out[i.Name] = row
	}
	return out
}
